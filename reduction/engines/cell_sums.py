"""Sums counts of pixels into the cells of an image, in one compiled pass."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def cell_sums(counts: NDArray[np.int32], cell: NDArray[np.int32], cells: int) -> NDArray[np.int64]:
    """The sums of ``counts`` (detectors,) over the detectors of each cell, (cells,) int64.

    ``cell`` (detectors,) are numbers from 0 to ``cells`` - 1; negative: in no cell.
    """
    sums = np.zeros(cells, np.int64)
    _add(counts, cell, sums)
    return sums


@numba.njit(cache=True, nogil=True)
def _add(counts: NDArray[np.int32], cell: NDArray[np.int32], sums: NDArray[np.int64]) -> None:
    for i in range(counts.size):
        if cell[i] >= 0:
            sums[cell[i]] += counts[i]
