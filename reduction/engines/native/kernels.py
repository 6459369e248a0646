"""The compiled passes over raw events: they find the bin of each event.

Cells are one vector (see `reduction.engines.cells.CellLayout`). For each slice and each group there
is a cell for values below the edges, a cell for each bin, and a cell for values above the edges.
Then each slice has four special cells: events of masked detectors, of pixels that the instrument
does not have, of monitors, and at times of flight out of bounds. The last cell of all counts events
that are in no slice.

A pass is exact. It computes the float64 value v of an event (tof_ns / 1000.0, then its unit) and
counts it in the bin i with edges[i] <= v < edges[i + 1], as Mantid and numpy do. It is fast because
it estimates the bin by arithmetic, and compares with the edges only where rounding could matter.

Functions of more than 40 lines are each one nest of loops, which numba compiles together: a call
within the inner loop would keep it from being vectorised.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL
from reduction.engines.native.tables import (
    NO_VALUE,
    CurvedCalibration,
    DetectorTables,
    EdgeLookup,
    UniformBins,
)

EVENT_BATCH = 2048
"""Events per inner loop: so few that their cells stay in the first-level cache."""


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


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def scaled_time(t: float, scale: float, exponent: int) -> float:
    """The value of an event in bins, not exact. If ``exponent`` is 1 it takes no division."""
    if exponent == 1:
        return t * scale
    if exponent == -1:
        return scale / t
    return scale / (t * t)


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
    weight: float,
    detectors: DetectorTables,
    edges: NDArray[np.float64],
    bins: UniformBins,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, see above
    """Add ``weight`` to the cell of each event, for edges that are even or nearly so.

    Span s of the events (n,) is from ``bounds[s]`` to ``bounds[s + 1]``, (spans + 1,), and is in
    slice ``slices[s]``, (spans,); -1 is no slice.

    For each event the pass estimates y, the number of its bin plus 1 with a fraction (see
    `reduction.engines.native.tables.UniformBins`). Events are taken in batches. A batch is passed a
    second time only if it has a time of flight out of bounds, or a y that is nearer than
    ``bins.margin`` to an edge or above ``bins.trusted``. The bins of those events are found by
    their exact values.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, base = detectors.coefficient, detectors.base
    slice_cells = detectors.slice_cells
    scale, shift, margin, trusted = bins.scale, bins.shift, bins.margin, bins.trusted
    ids = np.uint32(coefficient.size - 1)
    under, over = 0.5, edges.size + 0.5  # in the middle of a cell, not near an edge
    cell = np.empty(EVENT_BATCH, np.int32)
    for s in range(slices.size):
        if slices[s] < 0:
            cells[cells.size - 1] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(slices[s] * slice_cells)
        bad_time = np.int32(offset + slice_cells - 1)
        for start in range(bounds[s], bounds[s + 1], EVENT_BATCH):
            n = min(EVENT_BATCH, bounds[s + 1] - start)
            # The loop notes only the extremes of a batch, so it is free of branches.
            farthest, highest, longest = 0.0, np.int32(0), np.uint32(0)
            for j in range(n):
                k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                y = scaled_time(np.float64(tof_ns[start + j]), scale[k], exponent) + shift
                y = min(max(y, under), over)
                i = np.int32(y)
                cell[j] = base[k] + i + offset
                farthest = max(farthest, abs(y - i - 0.5))
                highest = max(highest, i)
                longest = max(longest, np.uint32(tof_ns[start + j] - 1))
            if farthest > 0.5 - margin or highest > trusted or longest >= limit:
                for j in range(n):
                    k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                    tof = tof_ns[start + j]
                    if scale[k] == NO_VALUE:
                        cell[j] = base[k] + offset
                        continue
                    if np.uint32(tof - 1) >= limit:
                        cell[j] = bad_time
                        continue
                    y = scaled_time(np.float64(tof), scale[k], exponent) + shift
                    y = min(max(y, under), over)
                    i = cell[j] - base[k] - offset
                    if abs(y - i - 0.5) > 0.5 - margin or i > trusted:
                        v = value_of_time(tof / 1000.0, coefficient[k], exponent)
                        cell[j] = base[k] + offset + located_cell(v, edges, i - 1)
            for j in range(n):
                cells[cell[j]] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def searching_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    weight: float,
    detectors: DetectorTables,
    curved: CurvedCalibration | None,
    edges: NDArray[np.float64],
    bins: EdgeLookup,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, see above
    """Add ``weight`` to the cell of each event, for edges of any spacing.

    Events, ``bounds`` and ``slices`` are as in `uniform_pass`. ``bins`` gives, for the leading bits
    of a value, the edge at which the search for its bin begins. The search goes up from there. An
    event without a value, of a ``curved`` calibration without a root, is counted below the edges.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, base = detectors.coefficient, detectors.base
    slice_cells = detectors.slice_cells
    lowest_edge, first_bits, dropped_bits = bins.lowest_edge, bins.first_bits, bins.dropped_bits
    ids = np.uint32(coefficient.size - 1)
    low, high = edges[0], edges[edges.size - 1]
    over = edges.size
    for s in range(slices.size):
        if slices[s] < 0:
            cells[cells.size - 1] += weight * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int64(slices[s] * slice_cells)
        for j in range(bounds[s], bounds[s + 1]):
            k = min(np.uint32(pixel_id[j] - first_id), ids)
            c = coefficient[k]
            cell = base[k] + offset
            if c == c:  # not NaN: events of this detector have a value
                if np.uint32(tof_ns[j] - 1) >= limit:
                    cell = offset + slice_cells - 1
                else:
                    v = value_of_time(time_or_d(tof_ns[j], k, curved), c, exponent)
                    if curved is not None and v < 0.0:
                        # The bits of negative numbers do not rise with them.
                        cells[cell + np.searchsorted(edges, v, side="right")] += weight
                        continue
                    if v >= high:
                        cell += over
                    elif v >= low:
                        bits = np.int64(np.float64(v).view(np.int64) >> dropped_bits)
                        i = lowest_edge[max(bits - first_bits, np.int64(0))]
                        while v >= edges[i + 1]:
                            i += 1
                        cell += i + 1
            cells[cell] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pixel_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    group: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Add the weight of its span to the count of each event's detector, ``counts`` (rows,).

    Events and ``bounds`` are as in `uniform_pass`; ``weights`` are (spans,). An event counts if the
    ``group`` (rows,) of its detector is not negative and its time of flight is valid.
    """
    first_id, limit = detectors.first_id, detectors.max_tof_ns
    ids = np.uint32(group.size - 1)
    for s in range(weights.size):
        weight = np.int32(weights[s])
        if weight == 0:
            continue
        for j in range(bounds[s], bounds[s + 1]):
            k = min(np.uint32(pixel_id[j] - first_id), ids)
            if group[k] >= 0 and np.uint32(tof_ns[j] - 1) < limit:
                counts[k] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pixel_window_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    curved: CurvedCalibration | None,
    low: float,
    high: float,
    counts: NDArray[np.int32],
) -> None:
    """As `pixel_pass`, but an event counts only if its value v is ``low`` ≤ v < ``high``.

    Detectors that are masked have no coefficient, so their events have no value.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient = detectors.coefficient
    ids = np.uint32(coefficient.size - 1)
    for s in range(weights.size):
        weight = np.int32(weights[s])
        if weight == 0:
            continue
        for j in range(bounds[s], bounds[s + 1]):
            k = min(np.uint32(pixel_id[j] - first_id), ids)
            if np.uint32(tof_ns[j] - 1) < limit:
                v = value_of_time(time_or_d(tof_ns[j], k, curved), coefficient[k], exponent)
                if low <= v < high:
                    counts[k] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def values_by_spectrum(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    slices: NDArray[np.int32],
    detectors: DetectorTables,
    curved: CurvedCalibration | None,
    group: NDArray[np.int32],
    groups: int,
    starts: NDArray[np.int64],
    special: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:  # more than 40 lines: one nest of loops, see above
    """Put the values of events into ``values``, spectrum by spectrum: one group in one slice each.

    Events, ``bounds`` and ``slices`` are as in `uniform_pass`. ``group`` (ids + 1,) is the group of
    a detector, or -1 if it is masked, -2 if the instrument has no such pixel, -3 if it is a
    monitor.

    The last three arrays are results; the caller fills ``starts`` and ``special`` with zeros. The
    values of spectrum p, of group p % ``groups`` in slice p // ``groups``, are put from
    ``starts[p]`` to ``starts[p + 1]``, (spectra + 1,), in ``values`` (n,). ``special``
    (slices · SPECIAL + 1,) counts the events without a value: for each slice as the special cells
    do, and in the last entry the events that are in no slice. A value that does not exist is put
    as minus infinity: below all edges, and sorted as a number.
    """
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient = detectors.coefficient
    ids = np.uint32(coefficient.size - 1)
    for counting in (True, False):
        if counting and starts.size == 2:  # one spectrum begins at 0, however many values it has
            continue
        for s in range(slices.size):
            if slices[s] < 0:
                if not counting:
                    special[special.size - 1] += bounds[s + 1] - bounds[s]
                continue
            for j in range(bounds[s], bounds[s + 1]):
                k = min(np.uint32(pixel_id[j] - first_id), ids)
                g = group[k]
                if g < 0:
                    if not counting:
                        special[slices[s] * SPECIAL - 1 - g] += 1
                elif np.uint32(tof_ns[j] - 1) >= limit:
                    if not counting:
                        special[(slices[s] + 1) * SPECIAL - 1] += 1
                elif counting:
                    starts[slices[s] * groups + g + 1] += 1
                else:
                    spectrum = slices[s] * groups + g
                    v = value_of_time(time_or_d(tof_ns[j], k, curved), coefficient[k], exponent)
                    values[starts[spectrum]] = v if v == v else -np.inf
                    starts[spectrum] += 1
        if counting:
            for spectrum in range(1, starts.size):
                starts[spectrum] += starts[spectrum - 1]
    # Filling has moved each start to the end of its spectrum.
    for spectrum in range(starts.size - 1, 0, -1):
        starts[spectrum] = starts[spectrum - 1]
    starts[0] = 0
