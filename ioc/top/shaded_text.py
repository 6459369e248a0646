"""A picture drawn in text, with darker characters where there is more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHADES = " .:-=+*#%@"
"""From nothing to the most."""

NOTHING = " "
"""Stands where there is no detector."""


def shaded_text(
    values: NDArray[np.float64], width: int, height: int, logarithmic: bool = False
) -> list[str]:
    """Lines of text, the top one first, that show ``values`` (rows, columns) float64.

    There are at most ``width`` characters in ``height`` lines. Each shows the greatest value under
    it, so that a single hot detector is seen; NaN is where there is nothing. ``logarithmic`` shows
    log(1 + value).
    """
    if not values.size:
        return []
    cells = np.where(np.isnan(values), -np.inf, values)
    for axis, most in ((0, height), (1, width)):
        parts = min(cells.shape[axis], most)
        starts = np.arange(parts) * cells.shape[axis] // parts
        cells = np.maximum.reduceat(cells, starts, axis=axis)
    seen = cells >= 0
    amount = np.where(seen, cells, 0.0)
    if logarithmic:
        amount = np.log1p(amount)
    top = amount.max()
    levels = (
        np.ceil(amount / top * (len(SHADES) - 1)).astype(int) if top > 0 else amount.astype(int)
    )
    lines = ["".join(SHADES[level] for level in line) for line in levels]
    return [
        "".join(each if is_seen else NOTHING for each, is_seen in zip(line, row, strict=True))
        for line, row in zip(lines, seen, strict=True)
    ]
