"""The rows and columns in which the detectors of each bank stand, found from their positions.

An instrument has no table of rows and columns. But ids of detectors go along a tube, or along a row
or column of a panel, in equal steps; where the step is another one, the next tube or row begins.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.contiguous import contiguous
from reduction.instrument.geometry import Instrument

OTHER_STEP = 0.5
"""Two steps differ if the length of their difference is more than this share of the shorter one."""

SHORTEST_LINE = 3.0
"""Lines of fewer detectors on average are no tubes or rows; such detectors are put in a square."""


@dataclass(frozen=True, eq=False)
class PanelGrid:
    """The place of each detector of a bank in its panel.

    ``members`` (n,) int64 are their places among the detectors that were asked for; ``row`` and
    ``column`` (n,) int64 count from the top left.
    """

    members: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """How many rows the panel has."""
        return int(self.row.max()) + 1

    @property
    def columns(self) -> int:
        """How many columns the panel has."""
        return int(self.column.max()) + 1


def panel_grids(instrument: Instrument, detectors: NDArray[np.int64]) -> list[PanelGrid]:
    """A panel for each bank that has any of ``detectors`` (n,), and one for those without a bank.

    ``detectors`` are places in the instrument, at least one.
    """
    places = contiguous(detectors)
    bank, ids = instrument.bank[places], instrument.detector_id[places]
    order = np.arange(detectors.size)
    if (np.diff(bank) < 0).any() or ((np.diff(ids) < 0) & (np.diff(bank) == 0)).any():
        order = np.lexsort((ids, bank))
        bank = bank[order]
    bounds = [0, *(np.flatnonzero(np.diff(bank)) + 1).tolist(), bank.size]
    return [
        _grid(order[first:last], instrument.positions[contiguous(detectors[order[first:last]])])
        for first, last in itertools.pairwise(bounds)
    ]


def _grid(members: NDArray[np.int64], position_m: NDArray[np.float64]) -> PanelGrid:
    """The panel of a bank, whose detectors are in the order of their ids, (n,) and (n, 3).

    The top row is the highest. Columns go by the angle around the vertical axis, as in a cylinder.
    """
    line, place = _lines(position_m)
    lines = int(line[-1]) + 1
    if members.size / lines < min(SHORTEST_LINE, members.size):
        side = int(np.ceil(np.sqrt(members.size)))
        line, place = np.divmod(np.arange(members.size), side)
        return PanelGrid(members, line, place)
    end_of_line = position_m[np.flatnonzero(line == 0)[-1]]
    last_line = position_m[np.flatnonzero(place == 0)[-1]]
    along = end_of_line - position_m[0]
    if abs(along[1]) > np.hypot(along[0], along[2]):  # lines are columns
        row, bottom, column, right = place, end_of_line, line, last_line
    else:
        row, bottom, column, right = line, last_line, place, end_of_line
    if bottom[1] > position_m[0, 1]:
        row = row.max() - row
    if _angle_between(position_m[0], right) < 0:
        column = column.max() - column
    return PanelGrid(members, row, column)


def _angle_between(start_m: NDArray[np.float64], end_m: NDArray[np.float64]) -> float:
    """The angle around the vertical axis from one position (3,) to another, -π to π."""
    difference = np.arctan2(end_m[0], end_m[2]) - np.arctan2(start_m[0], start_m[2])
    return float((difference + np.pi) % (2 * np.pi) - np.pi)


def _lines(position_m: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The line of each detector, and its place in the line, (n,) int64 each."""
    count = len(position_m)
    begins = np.zeros(count, np.bool_)
    if count > 2:
        length2, change2 = np.zeros(count - 1), np.zeros(count - 2)
        for coordinate in position_m.T:
            step = np.diff(coordinate)
            change = np.diff(step)
            length2 += np.square(step, out=step)
            change2 += np.square(change, out=change)
        # The step to the next line differs from the step before it and from the one after it.
        other = change2 > OTHER_STEP**2 * np.minimum(length2[:-1], length2[1:])
        begins[2:] = _first_of_pairs(other)
    line = np.cumsum(begins, dtype=np.int64)
    first = np.flatnonzero(np.append(True, np.diff(line) > 0))
    return line, np.arange(count) - first[line]


def _first_of_pairs(other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The true elements without every second one of each stretch of neighbours, (n,) bool."""
    numbers = np.flatnonzero(other)
    starts = np.append(True, np.diff(numbers) > 1)[: numbers.size]
    within = np.arange(numbers.size) - np.flatnonzero(starts)[np.cumsum(starts) - 1]
    kept = np.zeros_like(other)
    kept[numbers[within % 2 == 0]] = True
    return kept
