"""Panels of parameters: a line for each, with the widget that its spec asks for.

To show another kind of parameter, add a case to :func:`writer` or :func:`reader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ioc.generated.bob import STRING_FORMAT, Box, button, heading, label, widget
from ioc.generated.pv_table import kind
from ioc.model.pvs import Access, PvGroup, PvRow
from reduction.parameters.specs import Array, Choice, Command, Float, Integer, Spec, Switch, Text

LINE = 24
NAME, VALUE, GAP = 176, 124, 4
COLUMN = NAME + 2 * (VALUE + GAP) + 8
"""Height of a line and widths in it, in pixels: a name, a setpoint and its readback."""


@dataclass(frozen=True)
class ParameterLine:
    """A parameter: what reads it and, if clients may write, what writes it."""

    writes: PvRow | None
    reads: PvRow | None

    @property
    def spec(self) -> Spec:
        return self.any.spec

    @property
    def any(self) -> PvRow:
        row = self.writes or self.reads
        assert row is not None
        return row


def lines(rows: Sequence[PvRow]) -> Iterator[ParameterLine]:
    """Setpoints with their readbacks, commands and readings as they are."""
    readbacks = {row.name: row for row in rows if row.access is Access.READBACK}
    for row in rows:
        match row.access:
            case Access.SETPOINT:
                yield ParameterLine(row, readbacks[f"{row.name}_RBV"])
            case Access.COMMAND:
                yield ParameterLine(row, None)
            case Access.READING:
                yield ParameterLine(None, row)


def column(group: PvGroup, those: Sequence[ParameterLine], at: Box) -> Iterator[Element]:
    """The lines of a group below its title, from the top left of ``at``."""
    yield heading(group.title, Box(at.x, at.y, COLUMN - 8))
    for number, line in enumerate(those, 1):
        yield from _line(line, at.x, at.y + number * LINE)


def _line(line: ParameterLine, x: int, y: int) -> Iterator[Element]:
    words = tooltip(line.any)
    yield label(line.spec.pv.removesuffix("_RBV"), Box(x, y, NAME - GAP), tooltip=words)
    if line.writes:
        yield writer(line.writes, Box(x + NAME, y, VALUE), words)
    if line.reads:
        wide = VALUE if line.writes else 2 * VALUE + GAP
        yield reader(line.reads, Box(x + NAME + 2 * VALUE + GAP - wide, y, wide), words)


def tooltip(row: PvRow) -> str:
    """Name and words of a parameter, with the values that it takes."""
    said = [f"{row.spec.description}.", row.spec.details]
    if row.access.writable and row.spec.limits:
        said.append(f"Takes {row.spec.limits}.")
    return "\n".join((row.name, " ".join(filter(None, said))))


def writer(row: PvRow, box: Box, words: str) -> Element:
    """The widget that writes a parameter."""
    given = {"pv_name": row.name, "tooltip": words}
    match row.spec:
        case Command(on=on):
            return button(on, row.name, 1, box, words)
        case Switch():
            return widget("choice", row.name, box, **given)
        case Choice():
            return widget("combo", row.name, box, **given)
        case Float() | Integer() | Text():
            return widget("textentry", row.name, box, format=text_format(row.spec), **given)
    raise TypeError(f"no widget writes {type(row.spec).__name__} {row.name}")


def reader(row: PvRow, box: Box, words: str) -> Element:
    """The widget that shows a parameter. What is numbered may not be there: that is no alarm."""
    given = {"pv_name": row.name, "tooltip": words, "vertical_alignment": 1, "wrap_words": False}
    match row.spec:
        case Choice() | Switch() | Float() | Integer() | Text() | Array():
            return widget(
                "textupdate",
                row.name,
                box,
                format=text_format(row.spec),
                border_alarm_sensitive=False if row.group.rare else None,
                **given,
            )
    raise TypeError(f"no widget shows {type(row.spec).__name__} {row.name}")


def text_format(spec: Spec) -> str | None:
    """How a text is shown that Channel Access has as an array of char; None for the rest."""
    return STRING_FORMAT if kind(spec).startswith("char") else None
