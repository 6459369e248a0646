"""Compiled functions that merge the sorted values of spectra, or count them between edges.

`reduction.engines.native.kernels.values_by_spectrum` defines the layout of the values. A spectrum
is one group in one slice. The values of spectrum p are from ``starts[p]`` to ``starts[p + 1]``,
(spectra + 1,).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True, error_model="numpy")
def merge_sorted(
    one: NDArray[np.float64],
    one_starts: NDArray[np.int64],
    other: NDArray[np.float64],
    other_starts: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Merge ``one`` (n,) and ``other`` (m,), spectrum by spectrum, into ``values`` (n + m,)."""
    k = 0
    for spectrum in range(one_starts.size - 1):
        i, one_end = one_starts[spectrum], one_starts[spectrum + 1]
        j, other_end = other_starts[spectrum], other_starts[spectrum + 1]
        while i < one_end and j < other_end:
            x, y = one[i], other[j]
            first = x <= y  # not a branch: the processor could not predict which one is taken
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
    starts: NDArray[np.int64],
    groups: int,
    edges: NDArray[np.float64],
    slice_cells: int,
    cells: NDArray[np.int64],
) -> None:
    """Add the number of values between ``edges`` (bins + 1,) to their ``cells``.

    If a spectrum has fewer values than there are edges, each value is searched among the edges. If
    not, each edge is searched among the values. So the cost grows with the smaller of the two
    numbers. The search for an edge among the values begins at a guess: as far after the edge before
    it as that edge is after the one before, as if neighbouring bins held equally many values.
    """
    for spectrum in range(starts.size - 1):
        first, last = starts[spectrum], starts[spectrum + 1]
        base = (spectrum // groups) * slice_cells + (spectrum % groups) * (edges.size + 1)
        if last - first < edges.size:
            at = 0
            for j in range(first, last):
                at = _first_above(edges, at, edges.size, values[j])
                cells[base + at] += 1
            continue
        at, width = first, 0
        for i in range(edges.size):
            until = _first_not_below(values, at, last, edges[i], at + width)
            width = until - at
            cells[base + i] += width
            at = until
        cells[base + edges.size] += last - at


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _first_not_below(
    ascending: NDArray[np.float64], start: int, end: int, x: float, guess: int
) -> int:
    """The first index in [start, end) whose number is ≥ x, or ``end``; searched from ``guess``."""
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
def _first_above(ascending: NDArray[np.float64], start: int, end: int, x: float) -> int:
    """The first index in [start, end) whose number is > x, or ``end``; searched from ``start``."""
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
