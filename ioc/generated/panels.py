"""Panels of parameters: a line for each, with the widgets that its kind asks for.

To show another kind of parameter, add it to `WRITERS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ioc.generated.bob import STRING_FORMAT, Box, button, heading, label, widget
from ioc.model.pvs import Access, PvRow
from ioc.model.wire_type import WireKind, wire_type
from reduction.parameters.specs import Spec

LINE_HEIGHT = 23
NAME_WIDTH, VALUE_WIDTH, GAP = 176, 124, 4
COLUMN_WIDTH = NAME_WIDTH + 2 * (VALUE_WIDTH + GAP) + 8
"""In pixels: a column has a name, a setpoint and its readback side by side."""

WRITERS: Mapping[WireKind, str | None] = {
    WireKind.DOUBLE: "textentry",
    WireKind.LONG: "textentry",
    WireKind.STRING: "textentry",
    WireKind.CHARS: "textentry",
    WireKind.CHOICE: "combo",
    WireKind.SWITCH: "choice",
    WireKind.COMMAND: "action_button",
    WireKind.DOUBLES: None,
}
"""The type of the widget that writes a parameter of each kind; None if clients only read it."""


@dataclass(frozen=True)
class ParameterLine:
    """A setpoint with its readback, or a command or a reading without one."""

    row: PvRow
    readback: PvRow | None = None

    @property
    def spec(self) -> Spec:
        return self.row.spec

    @property
    def name(self) -> str:
        """What stands before its values."""
        return self.spec.pv.removesuffix("_RBV")

    @property
    def writes(self) -> PvRow | None:
        """What clients write, if they may."""
        return self.row if self.row.access.writable else None

    @property
    def reads(self) -> PvRow | None:
        """What clients only read, if anything."""
        return self.readback if self.writes else self.row

    @property
    def words(self) -> str:
        """Its description, with the values that clients may write."""
        limits = f"Takes {self.spec.limits}." if self.writes and self.spec.limits else ""
        return " ".join(filter(None, (f"{self.spec.description}.", self.spec.details, limits)))

    @property
    def tooltip(self) -> str:
        """Its name and its description."""
        return f"{self.row.name}\n{self.words}"


def parameter_lines(rows: Sequence[PvRow]) -> Iterator[ParameterLine]:
    """A line for each setpoint, command and reading."""
    readbacks = {row.name: row for row in rows if row.access is Access.READBACK}
    for row in rows:
        if row.access is not Access.READBACK:
            yield ParameterLine(row, readbacks.get(f"{row.name}_RBV"))


def column(title: str, lines: Sequence[ParameterLine], x: int, y: int) -> Iterator[Element]:
    """The lines of a group below its title, from the point at ``x`` and ``y`` on."""
    yield heading(title, Box(x, y, COLUMN_WIDTH - 8))
    for number, line in enumerate(lines, 1):
        yield from _line(line, x, y + number * LINE_HEIGHT)


def _line(line: ParameterLine, x: int, y: int) -> Iterator[Element]:
    yield label(line.name, Box(x, y, NAME_WIDTH - GAP), tooltip=line.tooltip)
    if line.writes:
        yield writer(line.writes, Box(x + NAME_WIDTH, y, VALUE_WIDTH), line.tooltip)
    if line.reads:
        wide = VALUE_WIDTH if line.writes else 2 * VALUE_WIDTH + GAP
        right = x + NAME_WIDTH + 2 * VALUE_WIDTH + GAP
        yield reader(line.reads, Box(right - wide, y, wide), line.tooltip)


def writer(row: PvRow, box: Box, tooltip: str) -> Element:
    """The widget that writes a parameter; raises TypeError for a kind that clients only read."""
    wire = wire_type(row.spec)
    kind = WRITERS[wire.kind]
    if kind is None:
        raise TypeError(f"no widget writes {wire.type_name} {row.name}")
    if wire.kind is WireKind.COMMAND:
        return button(wire.labels[1], row.name, 1, box, tooltip)
    shown = text_format(row.spec)
    return widget(kind, row.name, box, format=shown, pv_name=row.name, tooltip=tooltip)


def reader(row: PvRow, box: Box, tooltip: str) -> Element:
    """The widget that shows a parameter.

    A channel of a rare group is in alarm while there is no such slice, group or series. That is no
    fault, so the widget does not show it.
    """
    return widget(
        "textupdate",
        row.name,
        box,
        format=text_format(row.spec),
        border_alarm_sensitive=False if row.group.rare else None,
        pv_name=row.name,
        tooltip=tooltip,
        vertical_alignment=1,
        wrap_words=False,
    )


def text_format(spec: Spec) -> str | None:
    """The format for a text that Channel Access has as an array of characters; None for others."""
    return STRING_FORMAT if wire_type(spec).kind is WireKind.CHARS else None
