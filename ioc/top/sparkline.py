"""A histogram drawn in text, with blocks of an eighth of a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS = " ▁▂▃▄▅▆▇█"
EIGHTHS = len(BLOCKS) - 1


def columns(counts: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The mean counts of the bins, or parts of bins, under each of ``width`` columns.

    ``counts`` (bins,), float64, at least one; returns (width,), float64.
    """
    edges = np.linspace(0, counts.size, width + 1)
    cumulated = np.concatenate(([0.0], np.cumsum(counts)))
    return np.diff(np.interp(edges, np.arange(counts.size + 1), cumulated)) / (counts.size / width)


def sparkline(
    counts: NDArray[np.float64], width: int, height: int, logarithmic: bool = False
) -> list[str]:
    """Lines of text, the highest first, that show ``counts`` (bins,), float64.

    Each line has ``width`` characters; without bins there is no line. ``logarithmic`` shows
    log(1 + counts).
    """
    if not counts.size:
        return []
    shown = columns(counts, width)
    if logarithmic:
        shown = np.log1p(shown)
    top = shown.max()
    levels = np.ceil(shown / top * height * EIGHTHS).astype(int) if top > 0 else shown.astype(int)
    return [
        "".join(BLOCKS[n] for n in np.clip(levels - line * EIGHTHS, 0, EIGHTHS))
        for line in reversed(range(height))
    ]
