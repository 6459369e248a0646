"""Specs of parameters: kind, unit, limits and description, and checks of values against them.

A settings class is a frozen dataclass, see `reduction.parameters.fields`. Everything that shows a
parameter (process variables, tables, screens, flags) reads the spec from the field, so no default,
unit, limit or name is written down twice.
"""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

DESCRIPTION_LIMIT = 40
"""Longest description: what fits a DESC field, an EPICS string."""

AXIS_UNITS = "axis"
"""Stands for the unit of the histogram axis that is set at present."""

INTENSITY_UNITS = "intensity"
"""Stands for the unit of the intensity, which depends on that of the axis and the corrections."""

LONGEST_STRING = 39
"""Longest text of an EPICS string; a text that may be longer is a char waveform."""


LARGEST_SHOWN_BITS = 128
"""Messages show the digits of whole numbers of so many bits, not of larger ones."""


LONGEST_SUGGESTED = 100
"""No name is longer, and it takes long to find out what a very long word is most like."""


class Refused(ValueError):
    """A parameter does not take a value. The text names the parameter, the value and the limit."""

    def __init__(self, name: str, value: object, why: str) -> None:
        super().__init__(f"{name}: {shown(value)} refused: {why}")
        self.name, self.value, self.why = name, value, why


class Misfit(Refused):
    """Settings that do not fit each other. Each is right alone, and another value of one helps."""


class Stage(enum.IntEnum):
    """The first stage of the reduction that must run again when a parameter changes."""

    CONVERT = 0
    SLICE = 1
    HISTOGRAM = 2
    PUBLISH = 3


@dataclass(frozen=True)
class Guidance:
    """What to do about an alarm, for an alarm server.

    A ``latching`` alarm stays until somebody acknowledges it. What lasts less than ``delay_s``
    seconds is no alarm.
    """

    words: str
    latching: bool = False
    delay_s: int = 10


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The properties that every parameter and reading has.

    ``pv`` is the name of the process variable after the prefix of its group. ``description`` fits a
    DESC field, ``details`` are appended to it in tables and tooltips. A change re-runs the
    reduction from ``stage`` on. An alarm server watches process variables that have ``guidance``.
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
        """``value`` in the type of this parameter; raises `Refused`."""
        raise TypeError(f"{type(self).__name__} {self.pv} is not a setting")

    @property
    def limits(self) -> str:
        """The values it takes, in words; empty if it takes any."""
        return ""


def shown(value: object) -> str:
    """``value`` for a message as people write it, at most 60 characters of it.

    Of a longer text both ends are shown: the end of a path is the name of the file.
    """
    match value:
        case bool():
            text = str(int(value))
        case str():
            text = repr(str(value))  # also of an enum's member
        case float():
            text = repr(float(value)).removesuffix(".0")
        case int() if value.bit_length() > LARGEST_SHOWN_BITS:
            text = f"a number of {value.bit_length()} bits"  # Python does not write it for ever
        case _:
            text = str(value)
    return text if len(text) <= 60 else f"{text[:24]}…{text[-35:]}"


def nearest(word: str, words: Iterable[str]) -> str:
    """A question that suggests the ``words`` most like ``word``; empty if none is similar."""
    if len(word) > LONGEST_SUGGESTED:
        return ""
    close = difflib.get_close_matches(word, list(words), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


@dataclass(frozen=True, kw_only=True)
class NumberSpec(Spec):
    """A number within closed limits."""

    units: str = ""
    minimum: float | None = None
    maximum: float | None = None

    def check_limits(self, value: float) -> None:
        """Raises `Refused` if ``value`` is below the minimum or above the maximum."""
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
class Float(NumberSpec):
    """A float64; ``precision`` is the number of decimals to show."""

    precision: int = 3

    def checked(self, value: Any) -> float:
        try:
            number = float(_without_underscores(value))
        except (TypeError, ValueError, OverflowError):
            raise Refused(self.pv, value, "not a number") from None
        if not math.isfinite(number):
            raise Refused(self.pv, value, "not a finite number")
        self.check_limits(number)
        return number


def _without_underscores(value: Any) -> Any:
    """``value``; raises ValueError if it is text that only Python takes for a number (1_000)."""
    if isinstance(value, str) and "_" in value:
        raise ValueError(value)
    return value


@dataclass(frozen=True, kw_only=True)
class Integer(NumberSpec):
    """An int32, the only integer that Channel Access has.

    With ``cut`` a fraction is cut off, as EPICS does; without, it is refused.
    """

    INT32: ClassVar[range] = range(-(2**31), 2**31)

    cut: bool = False

    def checked(self, value: Any) -> int:
        try:
            given = _without_underscores(value)
            text = isinstance(given, str) and not given.strip().lstrip("+-").isdecimal()
            number = int(float(given)) if self.cut or text else int(given)
            exact = self.cut or number == float(given)
        except (TypeError, ValueError, OverflowError):
            raise Refused(self.pv, value, "not a whole number") from None
        if not exact:
            raise Refused(self.pv, value, "not a whole number")
        self.check_limits(number)
        if number not in self.INT32:
            raise Refused(self.pv, value, "does not fit 32 bits")
        return number


@dataclass(frozen=True, kw_only=True)
class Choice(Spec):
    """A member of a string enum; on the wire an EPICS enum of the values of the members."""

    options: type[enum.StrEnum]

    def checked(self, value: Any) -> enum.StrEnum:
        try:
            return self.options(value)
        except ValueError:
            hint = nearest(value, list(self.options)) if isinstance(value, str) else ""
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
    """A momentary switch: a put of 1 executes the command. It returns to 0 on completion.

    An ``endless`` command may run without end: a put of 0 ends it, and a second put of 1 is refused
    while it runs.
    """

    off: str = "Done"
    on: str = "Do"
    endless: bool = False


@dataclass(frozen=True, kw_only=True)
class Text(Spec):
    """Printable ASCII text: an EPICS string if ``max_length`` fits one, else a char waveform.

    ``holds_path``: it is the path of a file or folder on the host of the IOC.
    """

    max_length: int = 256
    holds_path: bool = False

    def checked(self, value: Any) -> str:
        try:
            text = str(value).strip()
        except ValueError:  # a number of very many digits
            raise Refused(self.pv, value, f"longer than {self.max_length} characters") from None
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
    """Float64 numbers, only read, up to ``most`` of them; None: as many as a spectrum may have."""

    units: str = ""
    precision: int = 4
    most: int | None = None
