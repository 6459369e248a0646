"""The compiled pass over raw events for a curved calibration and even edges.

`reduction.engines.native.passes.kernels` explains cells, exactness, and why the function is long.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.kernels import (
    add_batch,
    binned_cell,
    located_cell,
    logarithms_in_bins,
    time_or_d,
    value_of_time,
    values_in_bins,
)
from reduction.engines.native.passes.tables import (
    LARGEST_BEND,
    CurvedCalibration,
    DetectorTables,
    UniformBins,
)

CURVED_BATCH = 1024
"""Events per inner loop: so few that their numbers stay in the first-level cache."""

NEAR_VERTEX = 1e-4
"""Smallest 1 + x whose root is exact enough for the estimate."""


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _root_by_series(x: float) -> float:
    """2/(1 + √(1 + x)) for ``x`` of at most `LARGEST_BEND`, with an error below `BEND_ERROR`.

    The coefficient of (-x/4)ⁿ is the Catalan number C(n), as 2/(1 + √(1 + x)) generates them.
    """
    z = -0.25 * x
    return 1.0 + z * (
        1.0 + z * (2.0 + z * (5.0 + z * (14.0 + z * (42.0 + z * (132.0 + z * 429.0)))))
    )


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _correct(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    detectors: DetectorTables,
    curved: CurvedCalibration,
    edges: NDArray[np.float64],
    offset: np.int32,
    cell: NDArray[np.int32],
) -> None:
    """Put the exact cells of a batch of events into ``cell``, which has those by the estimate.

    It is a function of its own, since the loops of the pass are compiled to better code without it.
    """
    first_id, limit = detectors.first_id, detectors.max_tof_ns
    coded_cell = detectors.coded_cell
    bad_time = np.int32(offset + detectors.slice_cells - 1)
    ids = np.uint32(coded_cell.size - 1)
    for j in range(pixel_id.size):
        k = min(np.uint32(pixel_id[j] - first_id), ids)
        first = (coded_cell[k] >> 1) + offset
        if not coded_cell[k] & 1:
            cell[j] = first
        elif np.uint32(tof_ns[j] - 1) >= limit:
            cell[j] = bad_time
        else:
            d = time_or_d(tof_ns[j], k, curved)
            v = value_of_time(d, detectors.coefficient[k], detectors.tof_exponent)
            cell[j] = first + located_cell(v, edges, cell[j] - first - 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def uniform_curved_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    curved: CurvedCalibration,
    edges: NDArray[np.float64],
    bins: UniformBins,
    tables: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops
    """Add the weight of its span to the cell of each event, for ``curved`` values.

    This is as `reduction.engines.native.passes.kernels.uniform_pass`, but DIFC·d stands in the
    place of the time of flight. With t = TOF - TZERO and x = 4·DIFA·t/DIFC² it is
    2t/(1 + √(1 + x)). In a batch with an x above `LARGEST_BEND` it is computed so; in others by a
    series, which takes no root and one division less. Both serve for the estimate y alone: where
    rounding could matter, the value is that of the other passes, to the last bit. A batch with an
    event that has no root is passed a second time, and there the event is counted below the edges.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coded_cell = detectors.coded_cell
    difc, four_difa, tzero = curved.difc, curved.four_difa, curved.tzero_us
    slice_cells = detectors.slice_cells
    cells, second, no_slice = tables.ravel(), tables.size - tables[0].size, tables[0].size - 1
    scale, shift, margin, trusted = bins.scale, bins.shift, bins.margin, bins.trusted
    per_octave = bins.per_octave
    ids = np.uint32(coded_cell.size - 1)
    inside = 0.5 - margin
    under, over = 0.5, edges.size + 0.5  # in the middle of a cell, not near an edge
    cell, straight = np.empty(CURVED_BATCH, np.int32), np.empty(CURVED_BATCH)
    zero, bend, slope = np.empty(CURVED_BATCH), np.empty(CURVED_BATCH), np.empty(CURVED_BATCH)
    for s in range(slices.size):
        weight = weights[s]
        if weight == 0:
            continue
        if slices[s] < 0:
            cells[no_slice] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(slices[s] * slice_cells)
        for start in range(bounds[s], bounds[s + 1], CURVED_BATCH):
            stop = min(start + CURVED_BATCH, bounds[s + 1])
            pixels, times = pixel_id[start:stop], tof_ns[start:stop]
            for j in range(pixels.size):
                k = min(np.uint32(pixels[j] - first_id), ids)
                cell[j] = coded_cell[k]
                zero[j] = tzero[k]
                slope[j] = difc[k]
                bend[j] = four_difa[k]
            # The loops note only whether there is a doubt, by integers: so they are vectorised,
            # which loops for the largest of some floating-point numbers are not.
            doubt, bent = np.int32(0), np.int32(0)
            for j in range(pixels.size):
                t = np.float64(times[j]) / 1000.0 - zero[j]
                x = bend[j] * t / (slope[j] * slope[j])
                bent |= np.int32(abs(x) > LARGEST_BEND)
                straight[j] = t * _root_by_series(x)
            if bent:
                for j in range(pixels.size):
                    t = np.float64(times[j]) / 1000.0 - zero[j]
                    x = 1.0 + bend[j] * t / (slope[j] * slope[j])
                    doubt |= np.int32(x < NEAR_VERTEX)
                    straight[j] = 2.0 * t / (1.0 + math.sqrt(x if x > 0.0 else 0.0))
            values_in_bins(straight[: pixels.size], slope, scale, exponent)
            if per_octave != 0.0:
                logarithms_in_bins(slope, pixels.size, per_octave)
            for j in range(pixels.size):
                y = slope[j] + shift
                y = min(max(y, under), over)
                i, coded = np.int32(y), cell[j]
                cell[j] = binned_cell(coded, i) + offset
                odd = np.int32(abs(y - i - 0.5) > inside) | np.int32(i > trusted)
                odd |= np.int32(np.uint32(times[j] - 1) >= limit) | np.int32(straight[j] <= 0.0)
                doubt |= odd & coded
            if doubt:
                _correct(pixels, times, detectors, curved, edges, offset, cell)
            add_batch(cell, pixels.size, weight, cells, second)
