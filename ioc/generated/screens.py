"""The screens that are generated: which parameters stand on which, and the files they are in."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element

from ioc.generated.bob import Box, display, extended, label, tabs, text
from ioc.generated.panels import (
    COLUMN,
    GAP,
    LINE,
    ParameterLine,
    column,
    lines,
    reader,
    tooltip,
    writer,
)
from ioc.model.paths import Part
from ioc.model.pvs import PvGroup, PvRow, pv_rows
from ioc.options.commands import RunOptions
from reduction.parameters.specs import Array

MACROS = {"P": RunOptions.prefix, "R": "Red1:"}
"""What every screen takes: the prefix, and the reduction that it shows."""

WIDTH, HEIGHT = 1336, 570
"""What is left of 1366 x 768 within the window of Phoebus and below the tabs of the main screen."""

NUMBERED = re.compile(r"(\D+)(\d+):$")

GroupLines = tuple[PvGroup, list[ParameterLine]]


@dataclass(frozen=True)
class Panel:
    """A file of lines, in columns, of the groups that ``shows`` chooses."""

    name: str
    columns: int
    shows: Callable[[PvGroup], bool]


def _readings(group: PvGroup) -> bool:
    return group.prefix == "" and not group.access.writable


PANELS = (
    Panel("reduction", 3, lambda each: each.prefix != "Sim:" and each.access.writable),
    Panel("backend", 2, lambda each: each.place.part is Part.RANKS and _readings(each)),
    Panel("simulator", 2, lambda each: each.prefix == "Sim:"),
)


def files() -> Mapping[str, str]:
    """The text of each generated file, by its path in the folder of the screens."""
    blocks = list(_blocks())
    made = {f"panels/{panel.name}.bob": text(_panel(panel, blocks)) for panel in PANELS}
    return made | {"expert.bob": text(_expert(blocks))}


def write(folder: Path) -> None:
    """Write every generated file into ``folder``."""
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _blocks() -> Iterator[GroupLines]:
    """The lines of each group, with the screens' macros in the names."""
    for group, those in itertools.groupby(_rows(), key=lambda row: row.group):
        yield group, list(lines(list(those)))


def _rows() -> Iterator[PvRow]:
    for row in pv_rows(""):
        name, prefix = (re.sub("^Red1:", "$(R)", each) for each in (row.name, row.group.prefix))
        yield replace(row, name=f"$(P){name}", group=replace(row.group, prefix=prefix))


def _panel(panel: Panel, blocks: Sequence[GroupLines]) -> Element:
    shown = [
        (group, those)
        for group, those in blocks
        if panel.shows(group) and not NUMBERED.match(group.prefix.removeprefix("$(R)"))
    ]
    widgets, height = _poured(shown, panel.columns)
    size = (panel.columns * COLUMN, height)
    return extended(display(panel.name.capitalize(), size, MACROS), widgets)


def _poured(blocks: Sequence[GroupLines], columns: int) -> tuple[list[Element], int]:
    """The blocks one below the other, in columns of about the same height; and that height."""
    heights = [(len(those) + 2) * LINE for _, those in blocks]
    fair = sum(heights) / columns
    widgets: list[Element] = []
    tallest, x, y = 0, 0, 0
    for (group, those), height in zip(blocks, heights, strict=True):
        if y and y + height / 2 > fair and x < (columns - 1) * COLUMN:
            x, y = x + COLUMN, 0
        widgets += column(group, those, Box(x, y, COLUMN))
        y += height
        tallest = max(tallest, y - LINE)
    return widgets, tallest


def _expert(blocks: Sequence[GroupLines]) -> Element:
    """Everything: a page a prefix, and a table for what is numbered."""
    pages: dict[str, list[Element]] = {}
    plain: dict[str, list[GroupLines]] = {}
    numbered: dict[str, list[GroupLines]] = {}
    for block in blocks:
        found = NUMBERED.match(block[0].prefix.removeprefix("$(R)"))
        page = found[1] if found else block[0].prefix.rstrip(":") or _page(block[0])
        (numbered if found else plain).setdefault(page, []).append(block)
    for page, those in plain.items():
        pages[page] = _poured(those, 3)[0]
    for page, those in numbered.items():
        pages[page] = list(_table(page, those))
    root = display("Expert", (WIDTH, HEIGHT), MACROS)
    root.append(tabs(Box(0, 0, WIDTH, HEIGHT), pages))
    return root


def _page(group: PvGroup) -> str:
    """The page of what has no prefix."""
    return "Readings" if _readings(group) else "Settings"


def _table(name: str, blocks: Sequence[GroupLines]) -> Iterator[Element]:
    """A line for each number, its parameters side by side; no arrays, for which there are plots."""
    rows_of: dict[str, list[ParameterLine]] = {}
    for group, those in blocks:
        kept = [line for line in those if not isinstance(line.spec, Array)]
        rows_of.setdefault(group.prefix, []).extend(kept)
    half = 16
    for place, those in enumerate(rows_of.values()):
        x, y = place // half * WIDTH // 2, (place % half + 1) * LINE + GAP
        across = (WIDTH // 2 if len(rows_of) > half else WIDTH) - 82
        yield label(f"{name}{place + 1}", Box(x, y, 66))
        cells = sum(2 if line.writes else 1 for line in those)
        yield from _cells(those, Box(x + 70, y, across // cells), place % half == 0)


def _cells(those: Sequence[ParameterLine], box: Box, first: bool) -> Iterator[Element]:
    x, wide = box.x, box.width
    for line in those:
        words = tooltip(line.any)
        if first:
            yield label(line.spec.pv.removesuffix("_RBV"), Box(x, GAP, wide - GAP), tooltip=words)
        if line.writes:
            yield writer(line.writes, Box(x, box.y, wide - GAP), words)
            x += wide
        if line.reads:
            yield reader(line.reads, Box(x, box.y, wide - GAP), words)
            x += wide
