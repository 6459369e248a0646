"""What a parameter is: its kind, unit, limits and words, and the check of a value against them.

A settings class is a frozen dataclass whose fields are made with :func:`parameter`. Everything that
shows a parameter (process variables, tables, screens, flags) reads the spec from the field, so no
default, unit, limit or name is written down twice.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

DESCRIPTION_LIMIT = 40
"""Longest description: what fits a DESC field, an EPICS string."""

AXIS_UNITS = "axis"
"""Units of a reading that has those of the reduction's axis, whichever they are."""

LONGEST_STRING = 39
"""Longest text that an EPICS string holds; what may be longer is a char waveform."""


class Refused(ValueError):
    """A value that a parameter does not take. Its text names parameter, value and limit."""

    def __init__(self, name: str, value: object, why: str) -> None:
        super().__init__(f"{name}: {shown(value)} refused: {why}")
        self.name, self.value, self.why = name, value, why


class Stage(enum.IntEnum):
    """The first stage of the reduction that must run again when a parameter changes."""

    CONVERT = 0
    SLICE = 1
    HISTOGRAM = 2
    PUBLISH = 3


@dataclass(frozen=True)
class Guidance:
    """What to do about an alarm, for an alarm server.

    One that is ``latching`` stays until somebody acknowledges it; what lasts less than ``delay_s``
    is no alarm.
    """

    words: str
    latching: bool = False
    delay_s: int = 10


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What all parameters and readings have.

    ``pv`` is the name after the prefix of their group, ``description`` what fits a DESC field
    (at most 40 characters), ``details`` what a table or tooltip adds to it. An alarm server watches
    what has ``guidance``.
    """

    pv: str
    description: str
    details: str = ""
    stage: Stage = Stage.PUBLISH
    guidance: Guidance | None = None

    def __post_init__(self) -> None:
        if len(self.description) > DESCRIPTION_LIMIT:
            raise ValueError(f"description of {self.pv} is longer than {DESCRIPTION_LIMIT}")

    def checked(self, value: Any) -> Any:  # noqa: ARG002
        """``value`` as this parameter holds it, or `Refused`."""
        raise TypeError(f"{type(self).__name__} {self.pv} is not a setting")

    @property
    def limits(self) -> str:
        """The values it takes, in words; empty if any."""
        return ""


def shown(value: object) -> str:
    """``value`` for a message, at most 60 characters of it."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def nearest(word: str, words: Iterable[str]) -> str:
    """A sentence that suggests the words most like ``word``; empty if none is."""
    close = difflib.get_close_matches(word, list(words), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


@dataclass(frozen=True, kw_only=True)
class Number(Spec):
    """A number within closed limits."""

    units: str = ""
    minimum: float | None = None
    maximum: float | None = None

    def within(self, value: float) -> None:
        if self.minimum is not None and value < self.minimum:
            raise Refused(self.pv, value, f"the lowest is {self.minimum:g}{self._unit}")
        if self.maximum is not None and value > self.maximum:
            raise Refused(self.pv, value, f"the highest is {self.maximum:g}{self._unit}")

    @property
    def _unit(self) -> str:
        return f" {self.units}" if self.units else ""

    @property
    def limits(self) -> str:
        match self.minimum, self.maximum:
            case None, None:
                return ""
            case low, None:
                return f"≥ {low:g}"
            case None, high:
                return f"≤ {high:g}"
            case low, high:
                return f"{low:g} … {high:g}"


@dataclass(frozen=True, kw_only=True)
class Float(Number):
    """A float64; ``precision`` is the number of decimals to show."""

    precision: int = 3

    def checked(self, value: Any) -> float:
        try:
            number = float(_plain(value))
        except (TypeError, ValueError):
            raise Refused(self.pv, value, "not a number") from None
        if not math.isfinite(number):
            raise Refused(self.pv, value, "not a finite number")
        self.within(number)
        return number


def _plain(value: Any) -> Any:
    """``value``, unless it is text that only Python takes for a number."""
    if isinstance(value, str) and "_" in value:
        raise ValueError(value)
    return value


@dataclass(frozen=True, kw_only=True)
class Integer(Number):
    """An int32, as Channel Access carries it."""

    INT32: ClassVar[range] = range(-(2**31), 2**31)

    def checked(self, value: Any) -> int:
        try:
            number = int(_plain(value))
            exact = number == float(value)
        except (TypeError, ValueError, OverflowError):
            raise Refused(self.pv, value, "not a whole number") from None
        if not exact:
            raise Refused(self.pv, value, "not a whole number")
        self.within(number)
        if number not in self.INT32:
            raise Refused(self.pv, value, "does not fit 32 bits")
        return number


@dataclass(frozen=True, kw_only=True)
class Choice(Spec):
    """One of the members of a string enum; on the wire an EPICS enum of the members' values."""

    options: type[enum.StrEnum]

    def checked(self, value: Any) -> enum.StrEnum:
        try:
            return self.options(value)
        except ValueError:
            hint = nearest(str(value), list(self.options))
            names = ", ".join(self.options)
            raise Refused(self.pv, value, f"it is one of {names}{hint}") from None

    @property
    def limits(self) -> str:
        return ", ".join(self.options)


@dataclass(frozen=True, kw_only=True)
class Switch(Spec):
    """On or off; on the wire an EPICS enum with the two labels."""

    off: str = "Off"
    on: str = "On"

    def checked(self, value: Any) -> bool:
        if value in (0, 1):
            return bool(value)
        raise Refused(self.pv, value, f"it is {self.off} (0) or {self.on} (1)")

    @property
    def limits(self) -> str:
        return f"{self.off}, {self.on}"


@dataclass(frozen=True, kw_only=True)
class Command(Switch):
    """A momentary switch: writing 1 does it, and it returns to 0 once done.

    One that is ``endless`` may take for ever: 0 ends it, and another 1 meanwhile is refused.
    """

    off: str = "Done"
    on: str = "Do"
    endless: bool = False


@dataclass(frozen=True, kw_only=True)
class Text(Spec):
    """Printable ASCII text: an EPICS string if ``max_length`` fits one, or else a char waveform."""

    max_length: int = 256

    def checked(self, value: Any) -> str:
        text = str(value).strip()
        if len(text) > self.max_length:
            raise Refused(self.pv, text, f"longer than {self.max_length} characters")
        if not text.isascii() or not text.isprintable():
            raise Refused(self.pv, text, "only printable ASCII characters")
        return text

    @property
    def limits(self) -> str:
        return f"≤ {self.max_length} characters"


@dataclass(frozen=True, kw_only=True)
class Array(Spec):
    """A float64 reading of varying length, up to ``most``; None: what a spectrum may have."""

    units: str = ""
    precision: int = 4
    most: int | None = None


def parameter(spec: Spec, default: Any) -> Any:
    """A dataclass field with ``spec`` and ``default``."""
    return field(default=default, metadata={"spec": spec})


def reading(spec: Spec, default: Any = 0) -> Any:
    """A dataclass field that is only read."""
    return parameter(spec, default)


def specs(of: Any) -> Iterator[tuple[str, Spec]]:
    """Field name and spec of every field of a dataclass (or instance) that has a spec."""
    for each in dataclasses.fields(of):
        if "spec" in each.metadata:
            yield each.name, each.metadata["spec"]


def default_of(of: Any, name: str) -> Any:
    """The default of a dataclass' field."""
    return next(each.default for each in dataclasses.fields(of) if each.name == name)


class Settings:
    """Base of frozen settings: every field with a spec is checked on construction."""

    def __post_init__(self) -> None:
        for name, spec in specs(self):
            object.__setattr__(self, name, spec.checked(getattr(self, name)))
        self.check()

    def check(self) -> None:
        """Checks that take more than one field; raises `Refused`."""
