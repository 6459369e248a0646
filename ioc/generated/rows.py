"""Tables of screens with a row for each region, peak, slice, group or series.

A row is written to one file, which Phoebus repeats for each number (its Template/Instance widget).
Another file is the head of the table; it has the name of each cell.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self
from xml.etree.ElementTree import Element

from ioc.generated.bob import Box, display_file, embedded, label, template
from ioc.generated.panels import (
    GAP,
    LINE_HEIGHT,
    ParameterLine,
    parameter_lines,
    reader,
    writer,
)
from ioc.model.pvs import PvGroup, PvRow
from ioc.model.wire_type import WireType, wire_type
from reduction.parameters.specs import Spec

ROW_MACROS = {"N": "1"}
FAMILY_MACROS = ROW_MACROS | {"FAMILY": "Slices"}
"""Defaults of the macros of a row (its number), and of a row of arrays (also its family)."""

ROWS_PER_COLUMN = 16
"""Most rows in a column; further rows stand in the next column."""

LABEL_WIDTH = 70
CELL_WIDTH = 96
"""Widths, in pixels, of the name of a row and of a number in it."""

NARROW_CELL_WIDTH = 85
"""The width of a number in tables with several columns, so that a row has room for seven."""


@dataclass(frozen=True)
class Numbered:
    """A kind of numbered PV groups: ``name``, such as ``ROI``, and ``family``, such as ``Slices``.

    With a family, each value is an array over it; the family is empty for single values.
    """

    name: str
    family: str

    @classmethod
    def of(cls, group: PvGroup) -> Self | None:
        """The kind of a group whose prefix is like ``$(R)ROI1:Slices:``; None without number."""
        if group.number is None:
            return None
        name, family = group.prefix.removeprefix("$(R)").split(f"{group.number + 1}:")
        return cls(name, family.rstrip(":"))

    @property
    def prefix(self) -> str:
        """The prefix of all groups of this kind, with macros for number and family."""
        return f"$(R){self.name}$(N):" + ("$(FAMILY):" if self.family else "")


@dataclass(frozen=True)
class RowCell:
    """A value of a row, and the box of its widget within the row."""

    line: ParameterLine
    row: PvRow
    box: Box

    def widget(self) -> Element:
        make = writer if self.row is self.line.writes else reader
        return make(self.row, self.box, self.line.tooltip)


@dataclass(frozen=True)
class RowTable:
    """A table with a row for each number from 1 to ``count``.

    ``lines`` are the lines of one number. Their PV names have macros for number and family.
    """

    of: Numbered
    lines: Sequence[ParameterLine]
    count: int
    width: int

    @property
    def title(self) -> str:
        """The words on the tab of the table, such as ``ROI1…8:Slices``."""
        return ":".join(filter(None, (f"{self.of.name}1…{self.count}", self.of.family)))

    @property
    def row_file(self) -> str:
        """The file of a row, in the folder of the screens."""
        return f"panels/{self.of.name.lower()}_{'columns' if self.of.family else 'row'}.bob"

    @property
    def head_file(self) -> str:
        """The file of the head, in the folder of the screens."""
        return self.row_file.replace(".bob", "_head.bob")

    @property
    def columns(self) -> int:
        return -(-self.count // ROWS_PER_COLUMN)

    @property
    def row_width(self) -> int:
        return self.width // self.columns

    @property
    def row_height(self) -> int:
        return max(cell.box.y for cell in self.cells) + LINE_HEIGHT

    @property
    def cell_width(self) -> int:
        """The width of a number."""
        return CELL_WIDTH if self.columns == 1 else NARROW_CELL_WIDTH

    @functools.cached_property
    def cells(self) -> Sequence[RowCell]:
        """The cells of a row, from left to right, on as many lines as they need.

        Arrays have no cell if there are single values too: other screens plot them.
        """
        scalars = [line for line in self.lines if not wire_type(line.spec).is_array]
        made, x, y = list[RowCell](), LABEL_WIDTH, 0
        for line in scalars or self.lines:
            for row in filter(None, (line.writes, line.reads)):
                wide = self.cell_width * _numbers_wide(wire_type(row.spec))
                if x + wide > self.row_width:
                    x, y = LABEL_WIDTH, y + LINE_HEIGHT
                made.append(RowCell(line, row, Box(x, y, wide - GAP)))
                x += wide
        return made

    def files(self, macros: Mapping[str, str]) -> Mapping[str, str]:
        """The contents of the files of head and row; ``macros`` are the defaults of macros."""
        row_macros = {**macros, **(FAMILY_MACROS if self.of.family else ROW_MACROS)}
        name = label(f"{self.of.name}$(N)", Box(0, 0, LABEL_WIDTH - GAP))
        row = [name, *(cell.widget() for cell in self.cells)]
        head = [
            label(line.name, next(cells).box, tooltip=line.words)
            for line, cells in itertools.groupby(self.cells, key=lambda cell: cell.line)
        ]
        size = Box(0, 0, self.row_width, self.row_height)
        return {
            self.head_file: display_file(f"{self.of.name} head", size, macros, head),
            self.row_file: display_file(f"{self.of.name} row", size, row_macros, row),
        }

    def widgets(self) -> Iterator[Element]:
        """The table: a head over each column of rows, and the rows."""
        width, height = self.row_width, self.row_height
        for column in range(self.columns):
            yield embedded(self.head_file, Box(column * width, 0, width, height))
        family = {"FAMILY": self.of.family} if self.of.family else {}
        instances = [{"N": str(number + 1), **family} for number in range(self.count)]
        box = Box(0, height, self.width, height * min(self.count, ROWS_PER_COLUMN))
        yield template(self.of.name, self.row_file, instances, box, ROWS_PER_COLUMN)


def row_tables(rows: Iterable[PvRow], width: int) -> Iterator[RowTable]:
    """A table for each kind of numbered groups among ``rows``.

    Raises ValueError if two numbers of a kind have different parameters.
    """
    kinds: dict[Numbered, dict[str, list[PvRow]]] = {}
    for row in rows:
        of, prefix = Numbered.of(row.group), row.group.prefix
        if of is not None:
            with_macros = replace(row, name=row.name.replace(prefix, of.prefix))
            kinds.setdefault(of, {}).setdefault(prefix, []).append(with_macros)
    for of, by_prefix in kinds.items():
        first, *others = by_prefix
        for other in others:
            if _parameters(by_prefix[other]) != _parameters(by_prefix[first]):
                raise ValueError(f"{other} has other parameters than {first}")
        yield RowTable(of, list(parameter_lines(by_prefix[first])), len(by_prefix), width)


def _parameters(rows: Iterable[PvRow]) -> Sequence[tuple[str, Spec]]:
    return [(row.name, row.spec) for row in rows]


def _numbers_wide(wire: WireType) -> int:
    """The width of a value, in units of the width of a number."""
    return 4 if wire.is_text else 2 if wire.is_array else 1
