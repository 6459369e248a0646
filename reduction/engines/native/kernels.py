"""The compiled passes from raw events to histogram cells.

Cells are one int64 vector. For each slice: per group an underflow cell, the bins and an overflow
cell, then four cells for masked detectors, pixels that are not there, monitors, and times of flight
out of bounds. One cell more, the last, counts events that are in no slice.

A pass is exact: every event lands where the float64 value v (tof_ns / 1000.0, then its unit)
lies with edges[i] <= v < edges[i + 1], as Mantid and numpy put it. What makes it fast is that the
arithmetic guess of the bin is trusted only where rounding cannot matter, and checked elsewhere.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL

BLOCK = 2048
"""Events per inner loop: what is in flight stays in the first-level cache."""


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _value(tof_ns: int, coefficient: float, exponent: int) -> float:
    t = tof_ns / 1000.0
    if exponent == 1:
        return t / coefficient
    if exponent == -1:
        return coefficient / t
    return coefficient / (t * t)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _scaled(t: float, scale: float, exponent: int) -> float:
    if exponent == 1:
        return t * scale
    if exponent == -1:
        return scale / t
    return scale / (t * t)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _located(v: float, edges: NDArray[np.float64], guess: int) -> int:
    """0 below the edges, 1 + bin inside them, number of edges at or above the last."""
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
    keys: NDArray[np.int32],
    sign: int,
    detectors: Any,
    edges: NDArray[np.float64],
    scale: NDArray[np.float64],
    shift: NDArray[np.float64],
    margin: float,
    trusted: int,
    cells: NDArray[np.int64],
) -> None:
    """Add ``sign`` to the cells of events, for edges even but for rounding and the last bin.

    Events from ``bounds[s]`` to ``bounds[s + 1]`` are in slice ``keys[s]``, -1: none. ``scale`` and
    ``shift`` (ids + 1,) give y = scale·tof + shift (or scale/tof, scale/tof²), the bin number plus
    1 with a fraction. Nearer than ``margin`` to an edge, and above ``trusted``, the exact value
    decides; only blocks with such an event, or a time out of bounds, are looked through for them.
    """
    first_id, limit, exponent, coefficient, base, slice_cells = detectors
    ids = np.uint32(coefficient.size - 1)
    under, over = 0.5, edges.size + 0.5  # amid their cells, not near an edge
    place = np.empty(BLOCK, np.int32)
    for s in range(keys.size):
        if keys[s] < 0:
            cells[cells.size - 1] += sign * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int32(keys[s] * slice_cells)
        bad_time = np.int32(offset + slice_cells - 1)
        for start in range(bounds[s], bounds[s + 1], BLOCK):
            n = min(BLOCK, bounds[s + 1] - start)
            # Of a block only the extremes are looked at: that keeps the loop free of branches.
            farthest, highest, longest = 0.0, np.int32(0), np.uint32(0)
            for j in range(n):
                k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                y = _scaled(np.float64(tof_ns[start + j]), scale[k], exponent) + shift[k]
                y = min(max(y, under), over)
                i = np.int32(y)
                place[j] = base[k] + i + offset
                farthest = max(farthest, abs(y - i - 0.5))
                highest = max(highest, i)
                longest = max(longest, np.uint32(tof_ns[start + j] - 1))
            if farthest > 0.5 - margin or highest > trusted or longest >= limit:
                for j in range(n):
                    k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                    tof = tof_ns[start + j]
                    if scale[k] == 0.0:
                        place[j] = base[k] + offset
                        continue
                    if np.uint32(tof - 1) >= limit:
                        place[j] = bad_time
                        continue
                    y = _scaled(np.float64(tof), scale[k], exponent) + shift[k]
                    y = min(max(y, under), over)
                    i = place[j] - base[k] - offset
                    if abs(y - i - 0.5) > 0.5 - margin or i > trusted:
                        v = _value(tof, coefficient[k], exponent)
                        place[j] = base[k] + offset + _located(v, edges, i - 1)
            for j in range(n):
                cells[place[j]] += sign


@numba.njit(cache=True, nogil=True, error_model="numpy")
def searching_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    keys: NDArray[np.int32],
    sign: int,
    detectors: Any,
    edges: NDArray[np.float64],
    lookup: NDArray[np.int32],
    first_key: int,
    key_bits: int,
    cells: NDArray[np.int64],
) -> None:
    """Add ``sign`` to the cells of events, for any edges; ``bounds`` and ``keys`` as above.

    ``lookup`` gives for the leading bits of a value (which rise with it, and evenly with its
    logarithm) the last edge under all values that share them; the search walks up from there.
    Its first entry also serves the positive values below ``first_key``.
    """
    first_id, limit, exponent, coefficient, base, slice_cells = detectors
    ids = np.uint32(coefficient.size - 1)
    low, high = edges[0], edges[edges.size - 1]
    over = edges.size
    for s in range(keys.size):
        if keys[s] < 0:
            cells[cells.size - 1] += sign * (bounds[s + 1] - bounds[s])
            continue
        offset = np.int64(keys[s] * slice_cells)
        for j in range(bounds[s], bounds[s + 1]):
            k = min(np.uint32(pixel_id[j] - first_id), ids)
            c = coefficient[k]
            place = base[k] + offset
            if c == c:
                if np.uint32(tof_ns[j] - 1) >= limit:
                    place = offset + slice_cells - 1
                else:
                    v = _value(tof_ns[j], c, exponent)
                    if v >= high:
                        place += over
                    elif v >= low:
                        key = np.int64(np.float64(v).view(np.int64) >> key_bits)
                        i = lookup[max(key - first_key, np.int64(0))]
                        while v >= edges[i + 1]:
                            i += 1
                        place += i + 1
            cells[place] += sign


@numba.njit(cache=True, nogil=True, error_model="numpy")
def sorted_apart(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    keys: NDArray[np.int32],
    detectors: Any,
    group: NDArray[np.int32],
    groups: int,
    ends: NDArray[np.int64],
    rest: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Put the values of events, slice by slice and in it group by group, into ``values``.

    ``group`` (ids + 1,) int32: -1 masked, -2 no such pixel, -3 a monitor. ``ends``
    (slices · groups + 1,): as prefix sums where each part begins, on entry zeros. ``rest``
    (slices · SPECIAL + 1,): the events without a value, as the cells count them.
    """
    first_id, limit, exponent, coefficient, _, _ = detectors
    ids = np.uint32(coefficient.size - 1)
    for counting in (True, False):
        for s in range(keys.size):
            if keys[s] < 0:
                if counting:
                    rest[rest.size - 1] += bounds[s + 1] - bounds[s]
                continue
            for j in range(bounds[s], bounds[s + 1]):
                k = min(np.uint32(pixel_id[j] - first_id), ids)
                g = group[k]
                if g < 0:
                    if counting:
                        rest[keys[s] * SPECIAL - 1 - g] += 1
                elif np.uint32(tof_ns[j] - 1) >= limit:
                    if counting:
                        rest[(keys[s] + 1) * SPECIAL - 1] += 1
                elif counting:
                    ends[keys[s] * groups + g + 1] += 1
                else:
                    part = keys[s] * groups + g
                    values[ends[part]] = _value(tof_ns[j], coefficient[k], exponent)
                    ends[part] += 1
        if counting:
            for part in range(1, ends.size):
                ends[part] += ends[part - 1]
    for part in range(ends.size - 1, 0, -1):
        ends[part] = ends[part - 1]
    ends[0] = 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def merge_sorted(
    one: NDArray[np.float64],
    one_ends: NDArray[np.int64],
    other: NDArray[np.float64],
    other_ends: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Merge two layouts of `sorted_apart`, part by part, into ``values``."""
    k = 0
    for part in range(one_ends.size - 1):
        i, one_end = one_ends[part], one_ends[part + 1]
        j, other_end = other_ends[part], other_ends[part + 1]
        while i < one_end and j < other_end:
            x, y = one[i], other[j]
            first = x <= y  # no branch: it could not be foreseen
            values[k] = x if first else y
            i += first
            j += 1 - first
            k += 1
        while i < one_end:
            values[k] = one[i]
            i += 1
            k += 1
        while j < other_end:
            values[k] = other[j]
            j += 1
            k += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_sorted(
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
    groups: int,
    edges: NDArray[np.float64],
    slice_cells: int,
    cells: NDArray[np.int64],
) -> None:
    """Add values that are sorted in each part, as `sorted_apart` lays them out, to their cells.

    Few values for the edges are looked up one by one, many are counted between the edges: the cost
    is that of the fewer. An edge is looked for where it is if bins hold as many as the one before.
    """
    for part in range(ends.size - 1):
        first, last = ends[part], ends[part + 1]
        base = (part // groups) * slice_cells + (part % groups) * (edges.size + 1)
        if last - first < edges.size:
            at = 0
            for j in range(first, last):
                at = _gallop(edges, at, edges.size, values[j])
                cells[base + at] += 1
            continue
        at, width = first, 0
        for i in range(edges.size):
            until = _near(values, at, last, edges[i], at + width)
            width = until - at
            cells[base + i] += width
            at = until
        cells[base + edges.size] += last - at


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _near(ascending: NDArray[np.float64], start: int, end: int, x: float, guess: int) -> int:
    """The first place in [start, end) whose number is ≥ x, or end; looked for around ``guess``."""
    if start == end:
        return end
    step = 8
    guess = min(guess, end - 1)
    if ascending[guess] < x:
        low, high = guess + 1, guess + step
        while high < end and ascending[high] < x:
            low = high + 1
            step *= 2
            high += step
        high = min(high, end)
    else:
        low, high = guess - step, guess
        while low > start and ascending[low] >= x:
            high = low
            step *= 2
            low -= step
        low = max(low, start)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _gallop(ascending: NDArray[np.float64], start: int, end: int, x: float) -> int:
    """The first place in [start, end) whose number is > x, or end."""
    low, high, step = start, start, 16
    while high < end and ascending[high] <= x:
        low = high + 1
        high += step
        step *= 2
    high = min(high, end)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low
