"""The compiled pass over raw events for a curved calibration and even edges.

`reduction.engines.native.kernels` explains cells, exactness, and why the function is long.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.kernels import EVENT_BATCH, located_cell, scaled_time, value_of_time
from reduction.engines.native.tables import CurvedCalibration, DetectorTables, UniformBins


@numba.njit(cache=True, nogil=True, error_model="numpy")
def uniform_curved_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    weight: float,
    detectors: DetectorTables,
    curved: CurvedCalibration,
    edges: NDArray[np.float64],
    bins: UniformBins,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops
    """Add ``weight`` to the cell of each event, for even edges and a ``curved`` calibration.

    This is as `reduction.engines.native.kernels.uniform_pass`, but d stands in the place of the
    time of flight. It is the d that other passes compute, to the last bit, in a loop of its own,
    which is vectorised. An event without a root gets that of the vertex at first. A batch with such
    an event is passed a second time, and there the event is counted below the edges.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, base = detectors.coefficient, detectors.base
    difc, four_difa, tzero = curved.difc, curved.four_difa, curved.tzero_us
    slice_cells = detectors.slice_cells
    scale, shift, margin, trusted = bins.scale, bins.shift, bins.margin, bins.trusted
    ids = np.uint32(coefficient.size - 1)
    under, over = 0.5, edges.size + 0.5  # in the middle of a cell, not near an edge
    row = np.empty(EVENT_BATCH, np.uint32)
    cell, d = np.empty(EVENT_BATCH, np.int32), np.empty(EVENT_BATCH)
    constant, curvature = np.empty(EVENT_BATCH), np.empty(EVENT_BATCH)
    for s in range(slices.size):
        if slices[s] < 0:
            cells[cells.size - 1] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(slices[s] * slice_cells)
        bad_time = np.int32(offset + slice_cells - 1)
        for start in range(bounds[s], bounds[s + 1], EVENT_BATCH):
            n = min(EVENT_BATCH, bounds[s + 1] - start)
            rootless = 0
            for j in range(n):
                k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                row[j] = k
                constant[j], curvature[j], d[j] = difc[k], four_difa[k], tzero[k]
            for j in range(n):
                t = np.float64(tof_ns[start + j]) / 1000.0 - d[j]
                square = constant[j] * constant[j] + curvature[j] * t
                d[j] = 2.0 * t / (constant[j] + math.sqrt(square if square > 0.0 else 0.0))
                rootless += 1 if square < 0.0 else 0
            # The loop notes only the extremes of a batch, so it is free of branches.
            farthest, highest, longest = 0.0, np.int32(0), np.uint32(0)
            for j in range(n):
                k = row[j]
                y = scaled_time(d[j], scale[k], exponent) + shift[k]
                y = min(max(y, under), over)
                i = np.int32(y)
                cell[j] = base[k] + i + offset
                farthest = max(farthest, abs(y - i - 0.5))
                highest = max(highest, i)
                longest = max(longest, np.uint32(tof_ns[start + j] - 1))
            if farthest > 0.5 - margin or highest > trusted or longest >= limit or rootless:
                for j in range(n):
                    k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                    tof = tof_ns[start + j]
                    if scale[k] == 0.0:
                        cell[j] = base[k] + offset
                        continue
                    if np.uint32(tof - 1) >= limit:
                        cell[j] = bad_time
                        continue
                    t = np.float64(tof) / 1000.0 - tzero[k]
                    square = difc[k] * difc[k] + four_difa[k] * t
                    if square < 0.0:
                        cell[j] = base[k] + offset
                        continue
                    y = scaled_time(d[j], scale[k], exponent) + shift[k]
                    y = min(max(y, under), over)
                    i = cell[j] - base[k] - offset
                    if abs(y - i - 0.5) > 0.5 - margin or i > trusted:
                        v = value_of_time(d[j], coefficient[k], exponent)
                        cell[j] = base[k] + offset + located_cell(v, edges, i - 1)
            for j in range(n):
                cells[cell[j]] += weight
