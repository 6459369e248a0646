"""The compiled passes over raw events: they find the bin of each event.

Cells are one vector (see `reduction.engines.cells.CellLayout`). For each slice and each group there
is a cell for values below the edges, a cell for each bin, and a cell for values above the edges.
Then each slice has four special cells: events of masked detectors, of pixels that the instrument
does not have, of monitors, and at times of flight out of bounds. The last cell of all counts events
that are in no slice.

A pass is exact. It computes the float64 value v of an event (tof_ns / 1000.0, then its unit) and
counts it in the bin i with edges[i] <= v < edges[i + 1], as Mantid and numpy do. It is fast because
it estimates the bin by arithmetic, and compares with the edges only where rounding could matter.

Events are taken in batches, in loops that each do one thing: numba vectorises a loop of arithmetic
only if it reads no tables, since it cannot know that what the loop writes is not a table. The cells
may be in several tables, which are summed afterwards: an event need not wait then for the one
before it, if both are of the same cell. Functions
of more than 40 lines are each one nest of such loops, which is compiled together. A loop goes over
views of the events from 0 on: numba tests an index that it does not know to be positive.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.tables import (
    CurvedCalibration,
    DetectorTables,
    EdgeLookup,
    UniformBins,
)

EVENT_BATCH = 2048
"""Events per inner loop: so few that their cells stay in the first-level cache."""

MOST_STEPS = 8
"""Edges that a search goes up one by one, before it bisects all edges."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def time_or_d(tof_ns: np.int32, row: np.uint32, curved: CurvedCalibration | None) -> float:
    """The time of flight in µs; with a curved calibration the d-spacing in Å, which may be NaN.

    numba compiles each kernel once without and once with such a calibration, so the test takes no
    time. Of the two roots of DIFA·d² + DIFC·d + TZERO - TOF this is the one that becomes
    (TOF - TZERO)/DIFC as DIFA becomes 0. It is computed without a difference of nearly equal
    numbers (Press et al., Numerical Recipes, section 5.6), so a small DIFA costs no digits.
    """
    t = np.float64(tof_ns) / 1000.0
    if curved is None:
        return t
    difc = curved.difc[row]
    t -= curved.tzero_us[row]
    d: float = 2.0 * t / (difc + math.sqrt(difc * difc + curved.four_difa[row] * t))
    return d


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def value_of_time(t: float, coefficient: float, exponent: int) -> float:
    """The value of an event in its unit, in Mantid's and numpy's order of operations."""
    if exponent == 1:
        return t / coefficient
    if exponent == -1:
        return coefficient / t
    return coefficient / (t * t)


LOG2_POLYNOMIAL = (
    0.5849625007211566,
    0.9617967147489422,
    -0.3205989107450016,
    0.14248674114482446,
    -0.07124318287583144,
    0.0380335936755886,
    -0.021131886024565998,
    0.011735228092767079,
    -0.006835862882345332,
    0.00541064443174258,
    -0.00326192703741854,
)
"""Coefficients of the polynomial in m - 1.5 that is log₂(m) for m from 1 to 2.

It goes through log₂ at the zeros of a Chebyshev polynomial (Press et al., Numerical Recipes,
section 5.8); its error is below `reduction.engines.native.passes.tables.LOG2_ERROR`.
"""

C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = LOG2_POLYNOMIAL


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def approximate_log2(v: float) -> float:
    """log₂ of a positive ``v``, but for `reduction.engines.native.passes.tables.LOG2_ERROR`.

    It takes neither branches nor tables, so that loops of it are vectorised (Estrin's scheme).
    """
    bits = np.float64(v).view(np.int64)
    octave = np.float64(np.int32(bits >> 52)) - 1023.0
    x = np.int64((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000).view(np.float64) - 1.5
    x2 = x * x
    x4 = x2 * x2
    low = (C0 + C1 * x) + x2 * (C2 + C3 * x)
    middle = (C4 + C5 * x) + x2 * (C6 + C7 * x)
    high = (C8 + C9 * x) + x2 * C10
    result: float = octave + (low + x4 * (middle + x4 * high))
    return result


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def values_in_bins(
    times: NDArray[np.int32] | NDArray[np.float64],
    values: NDArray[np.float64],
    scale: float,
    exponent: int,
) -> None:
    """Put the values of events in bins in the place of their coefficients, in ``values``.

    ``times`` (n,) are in ns. The values are rounded otherwise than those of `value_of_time`. Each
    unit has its loop: one that must choose for each event is a tenth slower.
    """
    if exponent == 1:
        for j in range(times.size):
            values[j] = np.float64(times[j]) * scale / values[j]
    elif exponent == -1:
        for j in range(times.size):
            values[j] = values[j] * scale / np.float64(times[j])
    else:
        for j in range(times.size):
            t = np.float64(times[j])
            values[j] = values[j] * scale / (t * t)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def logarithms_in_bins(values: NDArray[np.float64], size: int, per_octave: float) -> None:
    """Put the logarithms of the first ``size`` values, in bins, in the place of the values."""
    for j in range(size):
        values[j] = approximate_log2(values[j]) * per_octave


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def binned_cell(coded_cell: np.int32, i: np.int32) -> np.int32:
    """The cell within a slice of an event in cell ``i`` of its group.

    ``coded_cell`` is as in `reduction.engines.native.passes.tables.DetectorTables`: events of
    masked detectors, of monitors and of unknown ids are in their special cells whatever ``i`` is.
    """
    return (coded_cell >> 1) + (i & -(coded_cell & 1))


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def add_batch(
    cell: NDArray[np.int32], size: int, weight: int, cells: NDArray[np.int64], second: int
) -> None:
    """Add ``weight`` to the cell of each of ``size`` events, in two tables in turn.

    The second table begins in ``cells`` where ``second`` says, which is 0 if there is one table.
    """
    half = size >> 1
    for j in range(half):
        cells[cell[j]] += weight
        cells[second + cell[half + j]] += weight
    if size & 1:
        cells[cell[size - 1]] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def located_cell(v: float, edges: NDArray[np.float64], guess: int) -> int:
    """The cell of the value ``v`` within its group, where cell 0 is below the edges.

    The search begins at the bin ``guess``.
    """
    last = edges.size - 1
    if not v >= edges[0]:
        return 0
    if v >= edges[last]:
        return last + 1
    i = min(max(guess, 0), last - 1)
    while v < edges[i]:
        i -= 1
    while v >= edges[i + 1]:
        i += 1
    return i + 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def uniform_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    edges: NDArray[np.float64],
    bins: UniformBins,
    tables: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, see above
    """Add the weight of its span to the cell of each event, for even edges or even logarithms.

    Span s of the events (n,) is from ``bounds[s]`` to ``bounds[s + 1]``, (spans + 1,), and is in
    slice ``slices[s]``, (spans,); -1 is no slice. ``weights`` (spans,) have the type of ``tables``
    (1 or 2, cells), whose sum counts.

    For each event the pass estimates y, the number of its bin plus 1 with a fraction (see
    `reduction.engines.native.passes.tables.UniformBins`). An event is looked at a second time only
    if its time of flight is out of bounds, or if its y is nearer than ``bins.margin`` to an edge or
    above ``bins.trusted`` and not surely above the last edge. Its cell is then found by its exact
    value.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, coded_cell = detectors.coefficient, detectors.coded_cell
    slice_cells = detectors.slice_cells
    cells, second, no_slice = tables.ravel(), tables.size - tables[0].size, tables[0].size - 1
    scale, shift, margin, trusted = bins.scale, bins.shift, bins.margin, bins.trusted
    per_octave = bins.per_octave
    ids = np.uint32(coefficient.size - 1)
    inside, end = 0.5 - margin, bins.end
    under, over = 0.5, edges.size + 0.5  # in the middle of a cell, not near an edge
    cell, doubtful = np.empty(EVENT_BATCH, np.int32), np.empty(EVENT_BATCH, np.int32)
    of_detector = np.empty(EVENT_BATCH)
    for s in range(slices.size):
        weight = weights[s]
        if weight == 0:
            continue
        if slices[s] < 0:
            cells[no_slice] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(slices[s] * slice_cells)
        bad_time = np.int32(offset + slice_cells - 1)
        for start in range(bounds[s], bounds[s + 1], EVENT_BATCH):
            stop = min(start + EVENT_BATCH, bounds[s + 1])
            pixels, times = pixel_id[start:stop], tof_ns[start:stop]
            for j in range(pixels.size):
                k = min(np.uint32(pixels[j] - first_id), ids)
                cell[j] = coded_cell[k]
                of_detector[j] = coefficient[k]
            values_in_bins(times, of_detector, scale, exponent)
            if per_octave != 0.0:
                logarithms_in_bins(of_detector, pixels.size, per_octave)
            doubt = np.int32(0)
            for j in range(pixels.size):
                y = of_detector[j] + shift
                below_end = y <= end  # no NaN is
                y = min(max(y, under), over) if below_end else over
                i, coded = np.int32(y), cell[j]
                cell[j] = binned_cell(coded, i) + offset
                odd = np.int32(abs(y - i - 0.5) > inside) | np.int32((i > trusted) & below_end)
                odd = (odd | np.int32(np.uint32(times[j] - 1) >= limit)) & coded
                doubtful[j] = odd
                doubt |= odd
            if doubt:
                for j in range(pixels.size):
                    if not doubtful[j]:
                        continue
                    if np.uint32(times[j] - 1) >= limit:
                        cell[j] = bad_time
                        continue
                    k = min(np.uint32(pixels[j] - first_id), ids)
                    first = (coded_cell[k] >> 1) + offset
                    v = value_of_time(times[j] / 1000.0, coefficient[k], exponent)
                    cell[j] = first + located_cell(v, edges, cell[j] - first - 1)
            add_batch(cell, pixels.size, weight, cells, second)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def searching_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    curved: CurvedCalibration | None,
    edges: NDArray[np.float64],
    bins: EdgeLookup,
    tables: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, see above
    """Add the weight of its span to the cell of each event, for edges of any spacing.

    Events, ``bounds``, ``slices``, ``weights`` and ``tables`` are as in `uniform_pass`. ``bins``
    gives, for the leading bits of a value, the edge at which the search for its bin begins. The
    search goes up from there, mostly by one edge or none, and by bisection where edges are crowded.
    An event of a ``curved`` calibration that has no root has no value and is below the edges.

    An event is looked at a second time if it is not binned, if it has no positive value, since the
    bits of negative numbers do not rise with them, or a time of flight out of bounds.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, coded_cell = detectors.coefficient, detectors.coded_cell
    slice_cells = detectors.slice_cells
    cells, second, no_slice = tables.ravel(), tables.size - tables[0].size, tables[0].size - 1
    lowest_edge, dropped_bits = bins.lowest_edge, bins.dropped_bits
    first_bits, last_pattern = np.int64(bins.first_bits), np.int64(bins.lowest_edge.size - 1)
    ids = np.uint32(coefficient.size - 1)
    last = np.int64(edges.size - 1)
    low, high = edges[0], edges[last]
    cell, odd = np.empty(EVENT_BATCH, np.int32), np.empty(EVENT_BATCH, np.int32)
    value, per_time = np.empty(EVENT_BATCH), np.empty(EVENT_BATCH)
    pattern = np.empty(EVENT_BATCH, np.int32)
    for s in range(slices.size):
        weight = weights[s]
        if weight == 0:
            continue
        if slices[s] < 0:
            cells[no_slice] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(slices[s] * slice_cells)
        for start in range(bounds[s], bounds[s + 1], EVENT_BATCH):
            stop = min(start + EVENT_BATCH, bounds[s + 1])
            pixels, times = pixel_id[start:stop], tof_ns[start:stop]
            for j in range(pixels.size):
                k = min(np.uint32(pixels[j] - first_id), ids)
                cell[j] = coded_cell[k]
                per_time[j] = coefficient[k]
                value[j] = time_or_d(times[j], k, curved)
            any_odd = np.int32(0)
            for j in range(pixels.size):
                v = value_of_time(value[j], per_time[j], exponent)
                bits = np.int64(np.float64(v).view(np.int64) >> dropped_bits)
                pattern[j] = min(max(bits - first_bits, np.int64(0)), last_pattern)
                value[j] = v
                bad_time = np.uint32(times[j] - 1) >= limit
                coded = cell[j]
                odd[j] = np.int32(bad_time) | np.int32(not v > 0.0) | (~coded & 1)
                cell[j] = (coded >> 1) + offset
                any_odd |= odd[j]
            for j in range(pixels.size):
                v, i = value[j], np.int64(lowest_edge[pattern[j]])
                i += v >= edges[i + 1]
                i = last if v >= high else i
                far = min(i + MOST_STEPS, last)
                while i < far and v >= edges[i + 1]:
                    i += 1
                if i == far and i < last:
                    i = np.searchsorted(edges, v, side="right") - 1
                cell[j] += np.int32(0 if v < low else i + 1)
            if any_odd:
                for j in range(pixels.size):
                    if not odd[j]:
                        continue
                    coded = coded_cell[min(np.uint32(pixels[j] - first_id), ids)]
                    cell[j] = (coded >> 1) + offset
                    if coded & 1:
                        if np.uint32(times[j] - 1) >= limit:
                            cell[j] = offset + slice_cells - 1
                        elif value[j] == value[j]:
                            cell[j] += np.searchsorted(edges, value[j], side="right")
            add_batch(cell, pixels.size, weight, cells, second)
