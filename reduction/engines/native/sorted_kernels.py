"""Compiled functions that merge the sorted values of spectra, or count them between edges.

A spectrum is one group in one slice. Spectra are numbered as in
`reduction.engines.native.kernels.values_by_spectrum`. Values are in pieces, in the order of their
spectra, and within a spectrum in ascending order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray


class SortedPiece(NamedTuple):
    """Sorted values of neighbouring spectra, (n,) float64.

    Those of spectrum ``first`` + i are from ``starts[i]`` to ``starts[i + 1]``, (spectra + 1,).
    Only the first and the last spectrum may have more values, in the pieces before and after it.
    """

    values: NDArray[np.float64]
    first: int
    starts: NDArray[np.int64]


class MergePlace(NamedTuple):
    """How far a merge has come: the next value of both inputs and of the result, the spectrum."""

    one: int
    other: int
    result: int
    spectrum: int


FEWEST_IN_A_PART, MOST_IN_A_PART = 16, 4096
"""Values of each of four parts that are merged at the same time."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _end(piece: SortedPiece, spectrum: int) -> int:
    """Where the values of a spectrum and of all before it end in a piece."""
    i = min(max(spectrum - piece.first + 1, 0), piece.starts.size - 1)
    return piece.starts[i]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def merge_pieces(
    one: SortedPiece,
    one_is_last: bool,
    other: SortedPiece,
    other_is_last: bool,
    place: MergePlace,
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
) -> MergePlace:  # more than 40 lines: one nest of loops, which numba compiles together
    """Merge two pieces into ``values`` (n,) from a place on, and return how far that went.

    It ends when ``values`` is full, or when a piece is used up that is not the last of its run:
    then the next piece may go on with the same spectrum. ``ends`` (spectra,) gets the place in
    ``values`` where each spectrum ends that is left behind.
    """
    i, j, k, spectrum = place
    while spectrum < ends.size and k < values.size:
        one_end, other_end = _end(one, spectrum), _end(other, spectrum)
        while True:
            # So many values can be taken without a look whether any array ends.
            safe = min(one_end - i, other_end - j, values.size - k)
            if safe >= 4 * FEWEST_IN_A_PART:
                part = min(safe // 4, MOST_IN_A_PART)
                i, j = _merge_four_parts(one.values, i, other.values, j, values, k, part)
                k += 4 * part
                continue
            if safe <= 0:
                break
            for _ in range(safe):
                x, y = one.values[i], other.values[j]
                first = x <= y  # not a branch: the processor could not predict which one is taken
                values[k] = x if first else y
                i += first
                j += 1 - first
                k += 1
        one_open = i == one.values.size and not one_is_last
        other_open = j == other.values.size and not other_is_last
        if one_open or other_open:
            break
        while i < one_end and k < values.size:
            values[k] = one.values[i]
            i += 1
            k += 1
        while j < other_end and k < values.size:
            values[k] = other.values[j]
            j += 1
            k += 1
        one_open = i == one.values.size and not one_is_last
        other_open = j == other.values.size and not other_is_last
        if one_open or other_open or k == values.size:
            break
        ends[spectrum] = k
        spectrum += 1
    return MergePlace(i, j, k, spectrum)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _merge_four_parts(
    one: NDArray[np.float64],
    i: int,
    other: NDArray[np.float64],
    j: int,
    values: NDArray[np.float64],
    k: int,
    part: int,
) -> tuple[int, int]:  # more than 40 lines: one loop with four equal steps
    """Merge 4 · ``part`` values into ``values`` from k on; return the next ones of both inputs.

    Either input must have as many values. The result is made in four parts at the same time: each
    step of a merge waits for the one before it, so the processor is idle with only one. Indices are
    unsigned: numba tests others for being negative.
    """
    second, third, fourth = k + part, k + 2 * part, k + 3 * part
    i_2, j_2 = _split(one, i, other, j, part)
    i_3, j_3 = _split(one, i_2, other, j_2, part)
    i_4, j_4 = _split(one, i_3, other, j_3, part)
    one_1, one_2, one_3, one_4 = one[i:], one[i_2:], one[i_3:], one[i_4:]
    other_1, other_2, other_3, other_4 = other[j:], other[j_2:], other[j_3:], other[j_4:]
    into_1, into_2 = values[k:second], values[second:third]
    into_3, into_4 = values[third:fourth], values[fourth : fourth + part]
    a_1 = a_2 = a_3 = a_4 = np.uint64(0)
    for step in range(part):
        at = np.uint64(step)
        x, y = one_1[a_1], other_1[at - a_1]
        first = x <= y  # not a branch: the processor could not predict which one is taken
        into_1[at] = x if first else y
        a_1 += np.uint64(first)
        x, y = one_2[a_2], other_2[at - a_2]
        first = x <= y
        into_2[at] = x if first else y
        a_2 += np.uint64(first)
        x, y = one_3[a_3], other_3[at - a_3]
        first = x <= y
        into_3[at] = x if first else y
        a_3 += np.uint64(first)
        x, y = one_4[a_4], other_4[at - a_4]
        first = x <= y
        into_4[at] = x if first else y
        a_4 += np.uint64(first)
    of_one = np.int64(a_4)
    return i_4 + of_one, j_4 + part - of_one  # type: ignore[return-value]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _split(
    one: NDArray[np.float64], i: int, other: NDArray[np.float64], j: int, count: int
) -> tuple[int, int]:
    """The next values of both inputs after ``count`` of them are merged; either has as many."""
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if one[i + middle] <= other[j + count - middle - 1]:
            low = middle + 1
        else:
            high = middle
    return i + low, j + count - low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_sorted(
    piece: SortedPiece,
    groups: int,
    edges: NDArray[np.float64],
    slice_cells: int,
    cells: NDArray[np.int64],
) -> None:
    """Add the number of values between ``edges`` (bins + 1,) to their ``cells``.

    If a spectrum has fewer values than there are edges among them, each value is searched among
    the edges. If not, each edge is searched among the values. So the cost grows with the smaller of
    the two numbers. The search for an edge among the values begins at a guess: as far after the
    edge before it as that edge is after the one before, as if neighbouring bins held equally many
    values.
    """
    for i in range(piece.starts.size - 1):
        first, last = piece.starts[i], piece.starts[i + 1]
        if first == last:
            continue
        spectrum = piece.first + i
        base = (spectrum // groups) * slice_cells + (spectrum % groups) * (edges.size + 1)
        low = _first_above(edges, 0, edges.size, piece.values[first])
        high = _first_above(edges, low, edges.size, piece.values[last - 1])
        if last - first < high - low:
            at = low
            for j in range(first, last):
                at = _first_above(edges, at, edges.size, piece.values[j])
                cells[base + at] += 1
            continue
        at, width = first, (last - first) // (high - low + 1)
        for edge in range(low, high):
            until = _first_not_below(piece.values, at, last, edges[edge], at + width)
            width = until - at
            cells[base + edge] += width
            at = until
        cells[base + high] += last - at


@numba.njit(cache=True, nogil=True, error_model="numpy")
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
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
