"""Tables from which a source draws d-spacings: Bragg lines and background, by their weights.

A draw costs the same for any number of lines. A line is cut into pieces, in each of which d is
uniform: so many that its shape is that of a normal distribution.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from simulator.events.event_kernel import NO_LINE, SourceTable
from simulator.powder.sample import Reflections

LEAST_CELLS = 1 << 13
"""Cells of a table with lines. More would not stay near the processor: events would take longer."""

CELLS_PER_LINE = 32
"""At least so many cells for each line, if there are many lines."""

WIDEST_SIGMA = 5.0
"""Where a peak ends, in standard deviations: 6 of ten million events would be beyond."""

NORMAL_STEPS = 4096
X_RANGE = 2.0**32


class FlatBackground(NamedTuple):
    """The share of events whose d is uniform, and the range of d in Å."""

    share: float
    d_min: float
    d_max: float


class Pieces(NamedTuple):
    """Pieces of d, in each of which d is uniform: their weights, low and high ends, (n,) each.

    ``line`` (n,) is the Bragg line that a piece is of, -1 for the background.
    """

    weight: NDArray[np.float64]
    low_angstrom: NDArray[np.float64]
    high_angstrom: NDArray[np.float64]
    line: NDArray[np.int64]

    @classmethod
    def joined(cls, first: Pieces, second: Pieces) -> Self:
        """The pieces of both."""
        return cls(*(np.append(*each) for each in zip(first, second, strict=True)))


class AliasTable(NamedTuple):
    """Alias table (Walker 1977): draws from n choices by their weights, through n equal entries."""

    keep: NDArray[np.float64]
    """The chance that entry i yields choice i and not choice ``alias[i]``, (n,)."""

    alias: NDArray[np.int64]
    """The other choice that an entry may yield, (n,)."""

    @classmethod
    def of(cls, weight: NDArray[np.float64]) -> Self:
        """A table that yields each choice with a chance proportional to its ``weight``, (n,).

        Entries with too large a share fill up those with too small a one, in their order, until
        nothing is left over; then the next large one fills up the rest of them (Hübschle-Schneider
        & Sanders 2019). With sums over all entries, this takes no loop.
        """
        share = weight * (weight.size / weight.sum())
        full = min(1.0, share.max())  # rounding may leave all shares below 1
        keep, alias = np.where(share < full, share, 1.0), np.arange(weight.size)
        poor, rich = np.flatnonzero(share < full), np.flatnonzero(share >= full)
        lack, surplus = np.cumsum(1 - share[poor]), np.cumsum(share[rich] - 1)
        lack_before = np.append(0.0, lack)[:-1]
        giver = np.searchsorted(surplus, lack_before, side="right")
        alias[poor] = rich[np.minimum(giver, rich.size - 1)]
        served = np.searchsorted(lack_before, surplus[:-1])
        too_much = np.append(0.0, lack)[served] - surplus[:-1]
        keep[rich[:-1]] = 1 - np.maximum(too_much, 0)
        alias[rich[:-1]] = rich[1:]
        return cls(keep, alias)


def table_of_lines(lines: Reflections, width: float, background: FlatBackground) -> SourceTable:
    """The table of a sample: each line is normal, and its standard deviation over d is ``width``.

    The background has its share. The rest is shared by lines in proportion to F² · multiplicity.
    """
    cells = max(LEAST_CELLS, 1 << (CELLS_PER_LINE * len(lines) - 1).bit_length())
    share = lines.weight / lines.weight.sum()
    peaks = _peaks(lines.d_angstrom, share * (1 - background.share), width, cells - 1)
    flat = _flat(background)
    return _table(Pieces.joined(peaks, flat), cells)


def table_of_background(background: FlatBackground) -> SourceTable:
    """The table of a background alone."""
    return _table(_flat(background), 2)


def _flat(background: FlatBackground) -> Pieces:
    share, low, high = (np.array([each]) for each in background)
    return Pieces(share, low, high, np.array([NO_LINE]))


def _peaks(
    d_angstrom: NDArray[np.float64], weight: NDArray[np.float64], width: float, most: int
) -> Pieces:
    """Lines (n,) cut into at most so many pieces: half of these evenly, half by weight.

    The pieces of a line are equally wide. With pieces of h standard deviations, the variance would
    be 1 + h²/6: h²/12 by Sheppard's correction for grouping, and as much by the even spread within
    a piece. So all pieces are made narrower.
    """
    total = weight.sum() or 1.0
    counts = (most * (0.5 / weight.size + 0.5 * weight / total)).astype(np.int64)
    line = np.repeat(np.arange(weight.size), counts)
    number = np.arange(line.size) - np.repeat(np.cumsum(counts) - counts, counts)
    step = 2 * WIDEST_SIGMA / counts
    low = number * step[line] - WIDEST_SIGMA
    high = (number + 1) * step[line] - WIDEST_SIGMA
    share = _normal_below(high) - _normal_below(low)
    sigma = d_angstrom * width / np.sqrt(1 + step**2 / 6)
    low_d, high_d = (d_angstrom[line] + sigma[line] * each for each in (low, high))
    return Pieces(weight[line] * share, low_d, high_d, line)


def _normal_below(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of a normal distribution below, (n,), to 1e-7; all of it is within the peak."""
    nodes, below = _normal_nodes()
    share: NDArray[np.float64] = np.interp(sigma, nodes, below)
    return share


@cache
def _normal_nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numbers of standard deviations, and the share below each, (NORMAL_STEPS + 1,) each."""
    nodes = np.linspace(-WIDEST_SIGMA, WIDEST_SIGMA, NORMAL_STEPS + 1)
    below = np.array([0.5 + 0.5 * math.erf(each / math.sqrt(2)) for each in nodes])
    below[0], below[-1] = 0.0, 1.0
    return nodes, below


def _table(pieces: Pieces, cells: int) -> SourceTable:
    """The table of pieces, at most as many as there are cells, a power of two."""
    spare = cells - pieces.weight.size
    weight, low, high = (np.append(each, np.zeros(spare)) for each in pieces[:3])
    line = np.append(pieces.line, np.full(spare, NO_LINE))
    chance, other = AliasTable.of(weight)
    keep = np.round(chance * X_RANGE).astype(np.int64)
    slope = (high - low) / np.maximum(keep, 1)
    other_slope = (high - low)[other] / np.maximum(X_RANGE - keep, 1)
    lines = np.column_stack((low, slope, low[other] - other_slope * keep, other_slope))
    of_piece = np.column_stack((line, line[other])).astype(np.int32)
    return SourceTable(cells.bit_length() - 1, keep, lines.ravel(), of_piece.ravel())
