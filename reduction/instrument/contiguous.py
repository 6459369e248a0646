"""Indices that follow each other, as a slice: numpy then makes a view, and copies nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def contiguous(indices: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """The slice of the same elements, if ``indices`` (n,) follow each other; else ``indices``.

    They must ascend, each one once.
    """
    if not indices.size or indices[-1] - indices[0] + 1 != indices.size:
        return indices
    return slice(int(indices[0]), int(indices[-1]) + 1)
