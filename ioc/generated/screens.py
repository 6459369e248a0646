"""The generated screens: which parameters each shows, and the files that are written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from ioc.generated.bob import Box, display_file, embedded, tabs
from ioc.generated.panels import (
    COLUMN_WIDTH,
    LINE_HEIGHT,
    ParameterLine,
    column,
    parameter_lines,
)
from ioc.generated.rows import RowTable, row_tables
from ioc.model.paths import Part
from ioc.model.pvs import PvGroup, PvRow, pv_rows
from ioc.model.run_parameters import FacilityRunSettings, FacilityRunStatus
from ioc.options.commands import RunOptions
from reduction.parameters.images.image_readings import CellReadings, FixedReadings

MACROS = {"P": RunOptions.prefix, "R": "Red1:"}
"""The defaults of the macros of every screen: the prefix, and the reduction that it shows."""

SCREEN_WIDTH, SCREEN_HEIGHT = 1336, 570
"""In pixels: 1366 x 768 without the frame of Phoebus and the tabs of the main screen."""

TABS_HEIGHT = 40
"""Height of the tabs above a page plus the frame below it, in pixels."""


@dataclass(frozen=True)
class GroupLines:
    """A group of process variables, and the line of a panel for each of its parameters."""

    group: PvGroup
    lines: Sequence[ParameterLine]

    @property
    def height(self) -> int:
        """Height in pixels, with a title above and an empty line below."""
        return (len(self.lines) + 2) * LINE_HEIGHT


@dataclass(frozen=True)
class Panel:
    """A file with the lines of all groups for which ``shows`` is true, in columns.

    ``title`` is the word on its tab of the expert screen.
    """

    name: str
    title: str
    columns: int
    shows: Callable[[PvGroup], bool]


def _simulated(group: PvGroup) -> bool:
    return group.prefix == "Sim:"


def _back_end(group: PvGroup) -> bool:
    part = group.place.part
    readings = part is Part.RANKS and group.prefix == "" and not group.access.writable
    return readings and not _of_runs(group)


def _of_runs(group: PvGroup) -> bool:
    return group.of in (FacilityRunSettings, FacilityRunStatus)


def _of_plugins(group: PvGroup) -> bool:
    return group.of in (CellReadings, FixedReadings)


def _of_image(group: PvGroup) -> bool:
    return group.prefix.endswith(("Image:", "Image:ROI:")) and not _of_plugins(group)


def _of_outliers(group: PvGroup) -> bool:
    return group.prefix.endswith("Outliers:")


def _of_map(group: PvGroup) -> bool:
    return group.prefix.endswith("Map:") and not _of_plugins(group)


def _settings(group: PvGroup) -> bool:
    elsewhere = _simulated(group) or _of_runs(group) or _of_image(group)
    elsewhere |= _of_map(group) or _of_outliers(group) or group.prefix == "Lock:"
    return group.access.writable and not elsewhere


SCREEN_PANELS = (
    Panel("reduction", "Settings", 3, _settings),
    Panel("backend", "Readings", 3, _back_end),
    Panel("image", "Image", 3, _of_image),
    Panel("map", "Map", 3, _of_map),
    Panel("outliers", "Outliers", 1, _of_outliers),
    Panel("plugins", "Plugins", 2, _of_plugins),
    Panel("runs", "Runs", 2, _of_runs),
    Panel("simulator", "Sim", 3, _simulated),
)


def screen_files() -> Mapping[str, str]:
    """The text of each generated file, by its path in the folder of the screens."""
    rows = list(_rows())
    blocks, tables = list(_blocks(rows)), list(row_tables(rows, SCREEN_WIDTH))
    panels = {f"panels/{each.name}.bob": _panel(each, blocks) for each in SCREEN_PANELS}
    return panels | _row_files(tables) | {"expert.bob": _expert(blocks, tables)}


def write_screens(folder: Path) -> None:
    """Write every generated file into ``folder``."""
    for name, content in screen_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _rows() -> Iterator[PvRow]:
    """All process variables, with the screens' macros in their names."""
    for row in pv_rows(""):
        name, prefix = (re.sub("^Red1:", "$(R)", each) for each in (row.name, row.group.prefix))
        yield replace(row, name=f"$(P){name}", group=replace(row.group, prefix=prefix))


def _blocks(rows: Sequence[PvRow]) -> Iterator[GroupLines]:
    """The lines of each group that is not numbered."""
    for group, those in itertools.groupby(rows, key=lambda row: row.group):
        if group.number is None:
            yield GroupLines(group, list(parameter_lines(list(those))))


def _panel(panel: Panel, blocks: Sequence[GroupLines]) -> str:
    shown = [block for block in blocks if panel.shows(block.group)]
    columns = _columns(shown, panel.columns)
    height = max(sum(block.height for block in each) for each in columns) - LINE_HEIGHT
    size = Box(0, 0, panel.columns * COLUMN_WIDTH, height)
    return display_file(panel.name.capitalize(), size, MACROS, _side_by_side(columns))


def _columns(blocks: Sequence[GroupLines], most: int) -> Sequence[Sequence[GroupLines]]:
    """The blocks in order, in at most ``most`` columns of the least possible height."""
    height = max(block.height for block in blocks)
    while len(columns := _columns_of_height(blocks, height)) > most:
        height += LINE_HEIGHT
    return columns


def _columns_of_height(blocks: Sequence[GroupLines], height: int) -> Sequence[Sequence[GroupLines]]:
    columns: list[list[GroupLines]] = [[]]
    for block in blocks:
        if sum(each.height for each in columns[-1]) + block.height > height:
            columns.append([])
        columns[-1].append(block)
    return columns


def _side_by_side(columns: Sequence[Sequence[GroupLines]]) -> Iterator[Element]:
    """The widgets of columns of blocks, the first at the left."""
    for number, blocks in enumerate(columns):
        y = 0
        for block in blocks:
            yield from column(block.group.title, block.lines, number * COLUMN_WIDTH, y)
            y += block.height


def _row_files(tables: Iterable[RowTable]) -> dict[str, str]:
    """The files of head and row of all tables, by name.

    Tables of arrays of different families share these files. Raises ValueError if they differ.
    """
    made: dict[str, str] = {}
    for table in tables:
        for file, content in table.files(MACROS).items():
            if made.setdefault(file, content) != content:
                raise ValueError(f"{file} is not the same for {table.title}")
    return made


def _expert(blocks: Sequence[GroupLines], tables: Iterable[RowTable]) -> str:
    """The expert screen: tabs of the panels, of each remaining prefix, and of numbered groups."""
    size = Box(0, 0, SCREEN_WIDTH, SCREEN_HEIGHT)
    inside = Box(0, 0, SCREEN_WIDTH - 4, SCREEN_HEIGHT - TABS_HEIGHT)
    pages = {each.title: [embedded(f"panels/{each.name}.bob", inside)] for each in SCREEN_PANELS}
    prefixes: dict[str, list[GroupLines]] = {}
    for block in blocks:
        if not any(panel.shows(block.group) for panel in SCREEN_PANELS):
            prefixes.setdefault(_tab(block.group.prefix), []).append(block)
    for page, those in prefixes.items():
        pages[page] = list(_side_by_side(_columns(those, 3)))
    pages |= {table.title: list(table.widgets()) for table in tables}
    return display_file("Expert", size, MACROS, [tabs(size, pages)])


def _tab(prefix: str) -> str:
    """The words on the tab of a prefix; the empty prefix is called IOC."""
    return prefix.removeprefix("$(R)").rstrip(":") or prefix or "IOC"
