"""The compiled passes from raw events to histogram cells.

Cells are one int64 vector: per group an underflow cell, the bins and an overflow cell, then three
cells for masked detectors, pixels that are not there, and times of flight out of bounds.

A pass is exact: every event lands where the float64 value v (tof_ns / 1000.0, then its unit)
lies with edges[i] <= v < edges[i + 1], as Mantid and numpy put it. What makes it fast is that the
arithmetic guess of the bin is trusted only where rounding cannot matter, and checked elsewhere.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

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
    detectors: Any,
    edges: NDArray[np.float64],
    scale: NDArray[np.float64],
    shift: NDArray[np.float64],
    margin: float,
    trusted: int,
    cells: NDArray[np.int64],
) -> None:
    """Add events to ``cells`` for edges that are evenly spaced but for rounding and the last bin.

    ``scale`` and ``shift`` (ids + 1,) give y = scale·tof + shift (or scale/tof, scale/tof²), the
    bin number plus 1 with a fraction. Nearer than ``margin`` to an edge, and above ``trusted``, the
    exact value decides.
    """
    first_id, limit, exponent, coefficient, base, bad_time = detectors
    ids = np.uint32(coefficient.size - 1)
    over = np.float64(edges.size)
    guess = np.empty(BLOCK, np.int32)
    place = np.empty(BLOCK, np.int32)
    check = np.empty(BLOCK, np.uint8)
    for start in range(0, pixel_id.size, BLOCK):
        n = min(BLOCK, pixel_id.size - start)
        any_check = np.uint8(0)
        for j in range(n):
            k = min(np.uint32(pixel_id[start + j] - first_id), ids)
            t = np.float64(tof_ns[start + j])
            if exponent == 1:
                y = t * scale[k] + shift[k]
            elif exponent == -1:
                y = scale[k] / t + shift[k]
            else:
                y = scale[k] / (t * t) + shift[k]
            y = min(max(y, 0.0), over)
            i = np.int32(y)
            rest = y - i
            place[j] = base[k] + i
            guess[j] = i
            outside = np.uint32(tof_ns[start + j] - 1) >= limit
            near = (rest < margin) | (rest > 1 - margin) | (i > trusted)
            check[j] = near | outside
            any_check |= check[j]
        if any_check:
            for j in range(n):
                if check[j]:
                    k = min(np.uint32(pixel_id[start + j] - first_id), ids)
                    tof = tof_ns[start + j]
                    if scale[k] == 0.0:
                        place[j] = base[k]
                    elif np.uint32(tof - 1) >= limit:
                        place[j] = bad_time
                    else:
                        v = _value(tof, coefficient[k], exponent)
                        place[j] = base[k] + _located(v, edges, guess[j] - 1)
        for j in range(n):
            cells[place[j]] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def searching_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    detectors: Any,
    edges: NDArray[np.float64],
    lookup: NDArray[np.int32],
    first_key: int,
    key_bits: int,
    cells: NDArray[np.int64],
) -> None:
    """Add events to ``cells`` for any edges.

    ``lookup`` gives for the leading bits of a value (which rise with it, and evenly with its
    logarithm) the last edge under all values that share them; the search walks up from there.
    Its first entry also serves the positive values below ``first_key``.
    """
    first_id, limit, exponent, coefficient, base, bad_time = detectors
    ids = np.uint32(coefficient.size - 1)
    low, high = edges[0], edges[edges.size - 1]
    over = edges.size
    for j in range(pixel_id.size):
        k = min(np.uint32(pixel_id[j] - first_id), ids)
        c = coefficient[k]
        place = np.int64(base[k])
        if c == c:
            if np.uint32(tof_ns[j] - 1) >= limit:
                place = np.int64(bad_time)
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
        cells[place] += 1
