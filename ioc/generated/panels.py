"""Panels of screens: a line of widgets for each parameter, by the kind of the parameter.

A new kind of parameter needs an entry in `WRITERS`.
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
"""Width of a column, in pixels: a name, a setpoint and its readback side by side."""

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
        """The name that is shown before the values."""
        return self.spec.pv.removesuffix("_RBV")

    @property
    def writes(self) -> PvRow | None:
        """The row that clients write; None for a reading."""
        return self.row if self.row.access.writable else None

    @property
    def reads(self) -> PvRow | None:
        """The row that clients only read; None for a command."""
        return self.readback if self.writes else self.row

    @property
    def words(self) -> str:
        """The description, with the values that clients may write."""
        limits = f"Takes {self.spec.limits}." if self.writes and self.spec.limits else ""
        return " ".join(filter(None, (f"{self.spec.description}.", self.spec.details, limits)))

    @property
    def tooltip(self) -> str:
        """The PV name and the description."""
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

    A channel of a rare group is in alarm while its slice, group or series does not exist. This is
    no fault, so the widget does not show the alarm.
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
    """The widget's format for text in an array of characters; None for other parameters."""
    return STRING_FORMAT if wire_type(spec).kind is WireKind.CHARS else None
