"""Where each detector is in an image: the layouts that an image of an instrument can have.

A layout is a table of detectors to cells. Its resolution is bounded: where there are more detectors
than cells, several share one. All functions give the same for the same instrument, so ranks and IOC
make their layouts each by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.contiguous import contiguous
from reduction.instrument.geometry import Instrument
from reduction.instrument.panel_grids import PanelGrid, panel_grids
from reduction.parameters.images.image import ImageView

NO_CELL = -1
"""The cell of a detector that is not in the image: a monitor."""

PANEL_GAP = 1
"""Cells without detectors between two panels; none if each bank is a single column."""

ASPECT = 1.5
"""Panels are packed into an image that is about so many times as wide as it is high."""

HOLES = 4.0
"""An image has at most so many cells for each detector."""

BLOCK = 1 << 16
"""Detectors whose places are computed together."""

SAME = 1e-6
"""Coordinates that differ by less than this share of their range are the same."""


@dataclass(frozen=True, eq=False)
class CellAxis:
    """The boundaries of columns from the left or of rows from the top, (n + 1,) float64.

    ``label`` says what they are; ``units`` is empty if they have none.
    """

    label: str
    units: str
    edges: NDArray[np.float64]

    @property
    def cells(self) -> int:
        """How many columns or rows there are."""
        return self.edges.size - 1


@dataclass(frozen=True, eq=False)
class DetectorLayout:
    """The cell of each detector, (detectors,) int32 in the order of the instrument.

    Cells are numbered row by row from the top left. Monitors have `NO_CELL`.
    """

    cell: NDArray[np.int32]
    columns: CellAxis
    rows: CellAxis

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows.cells, self.columns.cells

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.rows.cells * self.columns.cells

    @functools.cached_property
    def pixels(self) -> NDArray[np.int64]:
        """How many detectors each cell has, (rows, columns) int64."""
        return np.bincount(self.cell[self.cell >= 0], minlength=self.cells).reshape(self.shape)

    def summed(self, counts: NDArray[np.int32]) -> NDArray[np.int64]:
        """The sums over the detectors of each cell, (rows, columns), of ``counts`` (detectors,)."""
        inside = self.cell >= 0
        sums = np.bincount(self.cell[inside], counts[inside], self.cells)
        return sums.astype(np.int64).reshape(self.shape)

    def detectors_in(self, column: int, row: int, columns: int, rows: int) -> NDArray[np.int64]:
        """The places in the instrument of the detectors in a rectangle of cells, ascending.

        It begins at ``column`` and ``row``. What is beyond the image holds none.
        """
        at_row, at_column = np.divmod(self.cell, self.columns.cells)
        inside = (self.cell >= 0) & (at_row >= row) & (at_row < row + rows)
        inside &= (at_column >= column) & (at_column < column + columns)
        return np.flatnonzero(inside)


def detector_layout(instrument: Instrument, view: ImageView, most: int) -> DetectorLayout:
    """The layout of an instrument in a view, with at most so many rows and as many columns.

    - Panels: rows and columns of each bank as its detectors stand in them, see `panel_grids`. All
      panels have the same number of detectors to a cell, and are packed from the left and the top
      in the order of banks.
    - Cylinder: columns are the angle around the vertical axis through the sample, atan2(x, z) in
      degrees; rows are the height y in m, the highest at the top.
    - Front: columns are x and rows y in m, as seen from the source: x is positive on the left, y at
      the top.
    """
    detectors = np.flatnonzero(~instrument.is_monitor)
    places = contiguous(detectors)
    x, y, z = instrument.positions[places].T
    match view:
        case _ if not detectors.size:
            made = _PlacedDetectors(
                np.empty(0, np.int32), _counted_axis("column", 1), _counted_axis("row", 1)
            )
        case ImageView.PANELS:
            made = _panels(panel_grids(instrument, detectors), detectors.size, most)
        case ImageView.CYLINDER:
            angle = np.degrees(np.arctan2(x, z))
            made = _projected(_Coordinate("angle", "deg", angle), _Coordinate("y", "m", -y), most)
        case ImageView.FRONT:
            made = _projected(_Coordinate("x", "m", -x), _Coordinate("y", "m", -y), most)
    cell = np.full(instrument.detector_id.size, NO_CELL, np.int32)
    cell[places] = made.cell
    return DetectorLayout(cell, made.columns, made.rows)


@dataclass(frozen=True, eq=False)
class _PlacedDetectors:
    """The cells of detectors that are no monitors, (n,) int32, and the axes of the image."""

    cell: NDArray[np.int32]
    columns: CellAxis
    rows: CellAxis


@dataclass(frozen=True, eq=False)
class _Coordinate:
    """A coordinate of each detector, (n,) float64, that ascends to the right or down the image."""

    name: str
    units: str
    values: NDArray[np.float64]

    @property
    def distinct(self) -> int:
        """How many columns or rows the detectors need, one for each typical distance."""
        low, high = float(self.values.min()), float(self.values.max())
        if high - low <= 0:
            return 1
        rounded = np.empty(self.values.size, np.int32)
        for block in _blocks(self.values.size):
            rounded[block] = np.round((self.values[block] - low) / ((high - low) * SAME))
        there = np.zeros(int(rounded.max()) + 1, np.bool_)
        there[rounded] = True
        steps = np.diff(np.flatnonzero(there))
        return max(round(1 / (SAME * float(np.median(steps)))), 1) + 1 if steps.size else 1

    def axis(self, cells: int) -> CellAxis:
        """The axis of so many cells, whose outer ones have the outermost detectors inside.

        Coordinates that were turned, so that they ascend, are turned back.
        """
        low, high = float(self.values.min()), float(self.values.max())
        margin = (high - low) / max(cells - 1, 1) / 2 or 0.5
        edges = np.linspace(low - margin, high + margin, cells + 1)
        return CellAxis(self.name, self.units, edges if self.name == "angle" else -edges)

    def places(self, cells: int) -> NDArray[np.int32]:
        """The column or row of each detector, (n,) int32, among so many."""
        low, high = float(self.values.min()), float(self.values.max())
        found = np.zeros(self.values.size, np.int32)
        if cells == 1:
            return found
        for block in _blocks(self.values.size):
            share = (self.values[block] - low) / (high - low)
            found[block] = np.rint(share * (cells - 1))
        return found


def _blocks(count: int) -> Iterator[slice]:
    """Slices of up to ``count`` elements, so short that they stay in the processor's cache."""
    for first in range(0, count, BLOCK):
        yield slice(first, first + BLOCK)


def _projected(across: _Coordinate, down: _Coordinate, most: int) -> _PlacedDetectors:
    """Detectors by two coordinates, with about one column and one row for each typical distance."""
    columns, rows = min(across.distinct, most), min(down.distinct, most)
    excess = math.sqrt(columns * rows / (HOLES * across.values.size))
    if excess > 1:  # neither coordinate is that of a grid: cells would be mostly empty
        columns = max(round(columns / excess), 1)
        rows = max(round(rows / excess), 1)
    cell = down.places(rows)
    cell *= columns
    cell += across.places(columns)
    return _PlacedDetectors(cell, across.axis(columns), down.axis(rows))


def _counted_axis(name: str, cells: int) -> CellAxis:
    return CellAxis(name, "", np.arange(cells + 1, dtype=np.float64))


def _panels(grids: list[PanelGrid], detectors: int, most: int) -> _PlacedDetectors:
    """Panels side by side, with as few detectors to a cell as fit."""
    joined = 1
    while max(_packed(grids, joined).shape) > most:
        joined += 1
    packing = _packed(grids, joined)
    height, width = packing.shape
    cell = np.empty(detectors, np.int32)
    for grid, (top, left) in zip(grids, packing.corners, strict=True):
        row, column = (each.astype(np.int32) // joined for each in (grid.row, grid.column))
        cell[contiguous(grid.members)] = (row + top) * width + (column + left)
    return _PlacedDetectors(cell, _counted_axis("column", width), _counted_axis("row", height))


@dataclass(frozen=True)
class _Packing:
    """The shape of an image of panels, and (top, left) of each panel, all in cells."""

    shape: tuple[int, int]
    corners: tuple[tuple[int, int], ...]


def _packed(grids: list[PanelGrid], joined: int) -> _Packing:
    """Panels in rows from the left, with ``joined`` · ``joined`` detectors to a cell."""
    sizes = [(-(-grid.rows // joined), -(-grid.columns // joined)) for grid in grids]
    gap = PANEL_GAP if any(columns > 1 for _, columns in sizes) else 0
    area = sum((rows + gap) * (columns + gap) for rows, columns in sizes)
    width = max(math.isqrt(int(ASPECT * area)), *(columns for _, columns in sizes), 1)
    corners, top, left, tallest, widest = list[tuple[int, int]](), 0, 0, 0, 0
    for rows, columns in sizes:
        if left and left + columns > width:
            top, left, tallest = top + tallest + gap, 0, 0
        corners.append((top, left))
        left += columns + gap
        tallest, widest = max(tallest, rows), max(widest, left - gap)
    return _Packing((top + tallest, widest), tuple(corners))
