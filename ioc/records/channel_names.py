"""Names of channels as EPICS Base reads them: record, field, ``$`` for characters, and filters.

``REC``, ``REC.DESC``, ``REC.DESC$``, ``REC.[0:9]``, ``REC.VAL{"arr":{"s":1,"i":2}}``. Filters act
in their order; a range in brackets comes first.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ioc.records.json5 import read_json5
from ioc.records.monitor_filters import Deadband, Decimation, MonitorFilter, TagMatch

LONGEST_NAME = 500
"""Longest name, with field and filters, that is looked at; records have 60 characters at most."""

NAME = re.compile(
    r"(?P<record>[^.]+)"
    r"(?:\.(?P<field>[A-Z0-9]*)(?P<chars>\$?)(?P<range>\[[^\[\]]*\])?(?P<filters>\{.*\}\s*)?)?",
    re.DOTALL,
)
INDEX = r"(?:\s*[+-]?(?:0[xX][0-9a-fA-F]+|\d+))?"
RANGE = re.compile(rf"\[{INDEX}(?::{INDEX}){{0,2}}\]")

NUMBER_FORMS = ("dbl", "sec", "nsec", "ts")
TEXT_FORMS = ("epics", "iso")
EPOCHS = ("epics", "unix")

INT32 = range(-(2**31), 2**31)


@dataclass(frozen=True)
class ElementRange:
    """Every ``increment``-th element from ``start`` to ``end``, both included.

    Negative indices count from the end of the array. ``before`` is a range that is taken first.
    """

    start: int = 0
    increment: int = 1
    end: int = -1
    before: ElementRange | None = None

    def chosen(self, values: Sequence[Any]) -> Any:
        """The elements of an array (n,), of bytes or of a list that are in the range."""
        if self.before is not None:
            values = self.before.chosen(values)
        size = len(values)
        start, end = (size + each if each < 0 else each for each in (self.start, self.end))
        return values[min(max(start, 0), size) : min(max(end, 0), size - 1) + 1 : self.increment]

    def count(self, size: int) -> int:
        """How many elements of an array (size,) are in the range."""
        return len(self.chosen(range(size)))


class StampForm(enum.StrEnum):
    """The forms in which the filter ``ts`` gives a time in place of the value."""

    DOUBLE = "dbl"
    SECONDS = "sec"
    NANOSECONDS = "nsec"
    BOTH = "ts"
    EPICS_TEXT = "epics"
    ISO_TEXT = "iso"


@dataclass(frozen=True)
class StampValue:
    """The value that the filter ``ts`` gives: the time in a form.

    Seconds are since 1990, or since 1970 if ``since_1970``.
    """

    form: StampForm
    since_1970: bool = False


@dataclass(frozen=True)
class ElementFilter:
    """What a client wants of a channel, by the filters in the name that it asked for.

    ``monitors``: which updates its monitors are sent. ``stamped``: with the time of sending instead
    of the time of the value. ``stamp``: the time in place of the value; ``elements`` are of it.
    """

    elements: ElementRange | None = None
    monitors: tuple[MonitorFilter, ...] = ()
    stamped: bool = False
    stamp: StampValue | None = None

    @property
    def has_deadband(self) -> bool:
        """Whether monitors are sent values that differ by more than a deadband."""
        return any(isinstance(each, Deadband) for each in self.monitors)


NO_FILTER = ElementFilter()


@dataclass(frozen=True)
class ChannelName:
    """The parts of a name: ``field`` is VAL if none is given."""

    record: str
    field: str = "VAL"
    as_chars: bool = False
    filter: ElementFilter = NO_FILTER

    @property
    def plain(self) -> str:
        """The name without filters."""
        return f"{self.record}.{self.field}{'$' * self.as_chars}"


@functools.lru_cache(maxsize=4096)
def channel_name(text: str) -> ChannelName:
    """The parts of a name; raises KeyError if EPICS Base would find no channel of this name."""
    found = NAME.fullmatch(text) if len(text) <= LONGEST_NAME else None
    if found is None:
        raise KeyError(text)
    try:
        wanted = _filter(found["range"], found["filters"])
    except (ValueError, TypeError, AttributeError) as error:
        raise KeyError(f"{text}: {error}") from None
    return ChannelName(found["record"], found["field"] or "VAL", bool(found["chars"]), wanted)


def _filter(in_brackets: str | None, as_json: str | None) -> ElementFilter:
    """The filters of a name; raises ValueError, TypeError or AttributeError for others."""
    wanted = read_json5(as_json).pairs if as_json else ()
    found = NO_FILTER
    if in_brackets:
        found = replace(found, elements=_shorthand(in_brackets))
    for name, options in wanted:
        if name == "arr":
            found = replace(found, elements=replace(_range(options), before=found.elements))
        elif name == "ts" and (stamp := _stamp_value(options)):
            found = replace(found, stamp=stamp, elements=None)
        elif name == "ts":
            found = replace(found, stamped=True)
        elif name in MONITOR_FILTERS:
            found = replace(found, monitors=(*found.monitors, MONITOR_FILTERS[name](options)))
        else:
            raise ValueError(f"no filter is called {name}")
    return found


def _stamp_value(options: Mapping[str, Any]) -> StampValue | None:
    """What ``ts`` gives in place of the value, a text if one is asked for; None: nothing."""
    if not options.keys() <= {"num", "str", "epoch"}:
        raise ValueError("ts takes num, str and epoch")
    number, text, epoch = (
        _choice(options[key], choices) if key in options else ""
        for key, choices in (("num", NUMBER_FORMS), ("str", TEXT_FORMS), ("epoch", EPOCHS))
    )
    form = text or number
    return StampValue(StampForm(form), epoch == "unix") if form else None


def _choice(value: Any, choices: Sequence[str]) -> str:
    """The first of the choices that begins with a text, as EPICS Base compares them."""
    if isinstance(value, str):
        for choice in choices:
            if choice.startswith(value):
                return choice
    raise ValueError(f"{value!r} is none of {', '.join(choices)}")


def _shorthand(text: str) -> ElementRange:
    """``[index]``, ``[start:end]`` or ``[start:increment:end]``, each number optional."""
    if RANGE.fullmatch(text) is None:
        raise ValueError(f"{text} is no range")
    numbers = [_c_integer(word) if word else None for word in text[1:-1].split(":")]
    match numbers:
        case [int(index)]:
            return ElementRange(index, 1, index)
        case [start, end]:
            return _valid_range(start, None, end)
        case [start, increment, end]:
            return _valid_range(start, increment, end)
    raise ValueError(f"{text} is no range")


def _range(options: Mapping[str, Any]) -> ElementRange:
    if not options.keys() <= {"s", "i", "e"}:
        raise ValueError("arr takes s, i and e")
    start, increment, end = (
        _integer(options[key]) if key in options else None for key in ("s", "i", "e")
    )
    return _valid_range(start, increment, end)


def _valid_range(start: int | None, increment: int | None, end: int | None) -> ElementRange:
    step = 1 if increment is None or increment <= 0 else increment
    return ElementRange(0 if start is None else start, step, -1 if end is None else end)


def _integer(value: Any) -> int:
    """An option as EPICS Base converts it: a number without its decimals, or a text with one."""
    if not isinstance(value, int | float | str):
        raise ValueError(f"{value} is no number")
    number = _c_integer(value) if isinstance(value, str) else int(value)
    if number not in INT32:
        raise ValueError(f"{value} has more than 32 bits")
    return number


def _c_integer(text: str) -> int:
    """The number in a text as C has it: hexadecimal after 0x, octal after 0."""
    word = text.strip()
    octal = word.lstrip("+-").startswith("0") and word.lstrip("+-").isdecimal()
    return int(word, 8 if octal else 0)


def _deadband(options: Mapping[str, Any]) -> Deadband:
    limit, mode = 0.0, "abs"
    for key, value in options.items():  # of several, the last one counts
        if key == "m":
            mode = _choice(value, ("abs", "rel"))
        elif key in ("d", "abs", "rel"):
            limit, mode = float(value), mode if key == "d" else key
        else:
            raise ValueError("dbnd takes abs or rel, or d and m")
    return Deadband(limit, relative=mode == "rel")


def _decimation(options: Mapping[str, Any]) -> Decimation:
    match dict(options):
        case {"n": int() as number, **more} if not more and number > 0 and number is not True:
            number = _integer(number)
            return Decimation(number)
    raise ValueError("dec takes n, at least 1")


def _tag_match(options: Mapping[str, Any]) -> TagMatch:
    if not options.keys() <= {"M", "V"}:
        raise ValueError("utag takes M and V")
    return TagMatch(_integer(options.get("M", 0)), _integer(options.get("V", 0)))


MONITOR_FILTERS: Mapping[str, Callable[[Mapping[str, Any]], MonitorFilter]] = {
    "dbnd": _deadband,
    "dec": _decimation,
    "utag": _tag_match,
}
"""The filters of monitors by their names; ``sync`` needs a state, and there is none."""
