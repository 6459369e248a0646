"""Puts that no program would make: wrong kinds, wrong shapes, and all sorts of values."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from ioc.model.paths import Part
from ioc.model.pvs import PvRow
from ioc.model.wire_type import wire_type
from reduction.parameters.specs import LONGEST_STRING, Choice, Float, Integer, Refused, Switch, Text

KINDS = {
    "string": "S40",
    "short": "<i2",
    "float": "<f4",
    "enum": "<u2",
    "char": "<u1",
    "long": "<i4",
    "double": "<f8",
}
"""What a value is written as, and how numpy calls it."""

NUMBERS = ("short", "float", "enum", "char", "long", "double")
REALS = ("float", "double")
SPECIAL = (
    *(float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1e308, -1e308, 5e-324),
    *(-1.0, 0.5, 2.0**31, -(2.0**31), 2.0**31 - 1, 2.0**53, 1e10),
)
WORDS = (
    *("", " ", "nan", "-inf", "1e400", "1_000", "0x10", "1,5", "9" * 39, "-" * 39, "%s%n", "0;0"),
    *("0.4,-1,5", "1,0,2", "0.4,1e-9,5", "5,1,1", "0:499;500:999", "0:15,400:420", "3:1", "-1"),
    *("a\tb", "\x01", "\x7f", "é", "None", "Done", "dSpacing", "TOF", "F m -3 m", "Si 0 0 0 1"),
)
NEAR = 0.1
"""The share of puts that are near what the setting was at the start, and so mostly legal."""


ACCEPTED, REFUSED, NOT_SENT = "accepted", "refused", "not sent"
Done = Callable[[str], None]
"""Is told how a put ended, in one of these words."""


@dataclass(frozen=True)
class Wild:
    """A put: ``kind`` is one of `KINDS`; several values where one is expected are wrong too."""

    kind: str
    values: Any

    @property
    def array(self) -> Any:
        """The values as the kind holds them."""
        return np.asarray(self.values, KINDS[self.kind])


def wild(random: Random, row: PvRow, start: Any) -> Wild:
    """A put to the setting or command of ``row``, which was ``start``.

    Where a legal value may cost the machine much or the IOC seconds, legal ones are near the start.
    """
    if random.random() < NEAR:
        return near(random, row, start)
    made = random.choice((_special, _bits, _word, _characters, _beyond))(random, row)
    return near(random, row, start) if _dear(row) and is_legal(row, made) else made


def near(random: Random, row: PvRow, start: Any) -> Wild:
    """A value of the right kind that is near ``start``, or one of the states."""
    match row.spec:
        case Choice() | Switch() as spec:
            return Wild("enum", [random.randrange(len(wire_type(spec).labels))])
        case Integer():
            return Wild("long", [round(start * random.uniform(0.5, 1.5))])
        case Float():
            return Wild("double", [start * random.uniform(0.5, 1.5) or random.random()])
    return text(row, str(start))


def text(row: PvRow, words: str) -> Wild:
    """A text as clients write it to ``row``."""
    data = words.encode("latin-1", "replace")
    if isinstance(row.spec, Text) and row.spec.max_length > LONGEST_STRING:
        return Wild("char", np.frombuffer(data + b"\0", np.uint8))
    return Wild("string", [data])


def _special(random: Random, _: PvRow) -> Wild:
    return Wild(random.choice(REALS), _clipped([random.choice(SPECIAL)]))


def _clipped(values: list[float]) -> Any:
    with np.errstate(over="ignore"):
        return np.array(values).astype("<f4").astype("<f8")


def _bits(random: Random, _: PvRow) -> Wild:
    """Any bits as one or a few numbers of any kind."""
    kind, count = random.choice(NUMBERS), random.choice((1, 1, 1, 1, 2, 5, 40))
    of = np.dtype(KINDS[kind])
    return Wild(kind, np.frombuffer(random.randbytes(count * of.itemsize), of))


def _word(random: Random, row: PvRow) -> Wild:
    words = random.choice(WORDS)
    return text(row, words) if random.random() < 0.5 else Wild("string", [words.encode("latin-1")])


def _characters(random: Random, _: PvRow) -> Wild:
    """Many bytes, printable or not, but no slash: files stay where they are allowed."""
    count = random.choice((1, 10, 39, 40, 256, 1000, 3000))
    data = np.frombuffer(random.randbytes(count), np.uint8)
    printable = 32 + data % 95
    data = random.choice((data, printable))
    return Wild("char", np.where(data == ord("/"), ord("_"), data))


def _beyond(random: Random, row: PvRow) -> Wild:
    """A little or far outside the limits, if there are any."""
    match row.spec:
        case Integer(minimum=low, maximum=high) | Float(minimum=low, maximum=high):
            ends = [end for end in (low, high) if end is not None] or [0.0]
            return Wild("double", [random.choice(ends) + random.choice((-1, 1, -1e6, 1e6, 0.5))])
        case Choice() | Switch():
            return Wild(random.choice(NUMBERS), [random.choice((2, 5, 16, 100))])
    return _characters(random, row)


def _dear(row: PvRow) -> bool:
    """Whether any legal value may be dear.

    The simulator makes as many events as it is told to; a log of an unknown name is looked for on
    the network, for seconds.
    """
    return row.place.part is Part.SIMULATOR or row.name.endswith(":Filter:Log")


def is_legal(row: PvRow, made: Wild) -> bool:
    """Whether ``row`` may take a put, as far as its own limits tell."""
    if made.kind == "char":
        found: list[Any] = [made.array.tobytes(), *made.array[:1].tolist()]
    else:
        found = [made.array[0].item()]
    for each in found:
        value = each.partition(b"\0")[0].decode("latin-1") if isinstance(each, bytes) else each
        if any(_takes(row, meant) for meant in _meanings(value)):
            return True
    return False


def _meanings(value: Any) -> Iterator[Any]:
    """What the server may make of a value: texts may be numbers."""
    yield value
    if isinstance(value, str):
        with contextlib.suppress(ValueError, OverflowError):
            yield float(value)
            yield int(float(value))


def _takes(row: PvRow, value: Any) -> bool:
    labels = wire_type(row.spec).labels
    if labels and (value in labels or value in range(len(labels))):
        return True
    try:
        row.spec.checked(value)
    except (Refused, OverflowError):
        return False
    return True
