"""Counts values in bins by comparison with the edges, in any order of the values.

Rebin counts the same, but sorts the values first, which takes most of the time of the chain.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

STRIPES_PER_BIN = 4


class BinFinder(NamedTuple):
    """Edges of bins, and where to look for them.

    The range of ``edges`` (bins + 1,), which ascend, has stripes of equal width. ``first``
    (stripes + 1,) is for each stripe a bin near its low end; ``scale`` is the number of stripes
    for each unit of the values.
    """

    edges: NDArray[np.float64]
    first: NDArray[np.int32]
    scale: float

    @classmethod
    def of(cls, edges: NDArray[np.float64]) -> BinFinder:
        """The finder for bins between ``edges`` (bins + 1,)."""
        stripes = STRIPES_PER_BIN * (edges.size - 1)
        with np.errstate(all="ignore"):  # the range may be wider or narrower than a number can be
            low_ends = np.linspace(edges[0], edges[-1], stripes + 1)
            scale = stripes / (edges[-1] - edges[0])
        first = np.searchsorted(edges[1:-1], low_ends, side="right").astype(np.int32)
        return cls(edges, first, float(scale))


@numba.njit(cache=True, nogil=True)
def count_values(values: NDArray[np.float64], finder: BinFinder) -> NDArray[np.int64]:
    """The number of ``values`` (n,) below, in and above the bins, (bins + 2,) int64.

    A bin has the values v with low ≤ v < high; NaN counts as above. The finder only says where to
    look: which bin it is follows from the edges, so its rounding does not matter.
    """
    edges, first, scale = finder.edges, finder.first, finder.scale
    bins, low_edge, high_edge = edges.size - 1, edges[0], edges[edges.size - 1]
    counts = np.zeros(bins + 2, np.int64)
    for v in values:
        if v < low_edge:
            counts[0] += 1
        elif v < high_edge:
            stripe = min(max(int((v - low_edge) * scale), 0), first.size - 2)
            low, high = first[stripe], first[stripe + 1]
            while high - low > 1:
                middle = (low + high) >> 1
                if edges[middle] <= v:
                    low = middle
                else:
                    high = middle
            low += np.int32(v >= edges[low + 1])  # without a branch, as it is a toss-up
            while v < edges[low]:
                low -= 1
            while v >= edges[low + 1]:
                low += 1
            counts[low + 1] += 1
        else:
            counts[bins + 1] += 1
    return counts
