"""How each kind of parameter looks to clients: the one place that distinguishes the kinds.

Channel Access, pvAccess, screens and tables get the properties of a spec from here. To add a
kind of spec, add a `WireKind`, a case to `wire_type`, and an entry to each table by `WireKind`; a
test names the tables that lack it.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ioc.model.wire_values import big_endian, latin1
from reduction.parameters.specs import (
    LONGEST_STRING,
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Spec,
    Switch,
    Text,
)


class EpicsType(enum.StrEnum):
    """The native types of Channel Access that are used."""

    DOUBLE = "double"
    LONG = "long"
    ENUM = "enum"
    STRING = "string"
    CHAR = "char"


class WireKind(enum.Enum):
    """The kinds of channels."""

    DOUBLE = enum.auto()
    LONG = enum.auto()
    CHOICE = enum.auto()
    """One of several states."""
    SWITCH = enum.auto()
    """On or off."""
    COMMAND = enum.auto()
    """A switch that returns to off by itself."""
    STRING = enum.auto()
    """Text that fits an EPICS string."""
    CHARS = enum.auto()
    """Longer text, as an array of characters."""
    DOUBLES = enum.auto()
    """An array of numbers."""


@dataclass(frozen=True)
class Limits:
    """The limits that clients see: the lowest and the highest value."""

    low: float
    high: float


@dataclass(frozen=True)
class WireType:
    """How the values of one parameter look to clients."""

    kind: WireKind
    epics_type: EpicsType
    input_record: str
    """The record type of EPICS Base that is most like a channel that clients only read."""
    output_record: str
    """The record type of EPICS Base that is most like a channel that clients write."""
    served: Callable[[Any], Any]
    """Turns a Python value into the value of the channel. Never raises, so readings cannot fail.

    A state becomes its label; an array (n,) becomes ``>f8`` (see `big_endian`); None becomes an
    empty array.
    """
    labels: tuple[str, ...] = ()
    """The states of an enum, by their index."""
    units: str | None = None
    """None if there is no such property; empty for a number without unit."""
    precision: int | None = None
    """Decimals to show; None if there is no such property."""
    limits: Limits | None = None
    max_length: int | None = 1
    """Most elements; None: as many as the longest spectrum has."""

    @functools.cached_property
    def is_text(self) -> bool:
        return self.kind in (WireKind.STRING, WireKind.CHARS)

    @functools.cached_property
    def is_array(self) -> bool:
        """Whether the value is an array of numbers."""
        return self.kind is WireKind.DOUBLES

    @property
    def type_name(self) -> str:
        """The type as people write it: ``double``, ``double[]``, ``char[256]``."""
        if self.is_array:
            return f"{self.epics_type}[]"
        return f"{self.epics_type}[{self.max_length}]" if self.max_length != 1 else self.epics_type

    def record(self, writable: bool) -> str:
        """The record type of EPICS Base that is most like the channel."""
        return self.output_record if writable else self.input_record


@functools.cache
def wire_type(spec: Spec) -> WireType:
    """How a parameter looks to clients; raises TypeError for a kind of spec that has no channel."""
    match spec:
        case Float():
            return _double(spec)
        case Integer():
            return _long(spec)
        case Choice():
            return _enum(WireKind.CHOICE, "mbb", tuple(spec.options), str)
        case Switch():
            kind = WireKind.COMMAND if isinstance(spec, Command) else WireKind.SWITCH
            labels = (spec.off, spec.on)
            return _enum(kind, "b", labels, lambda value: labels[bool(value)])
        case Text() if spec.max_length <= LONGEST_STRING:
            served = functools.partial(_text, spec.max_length)
            return WireType(WireKind.STRING, EpicsType.STRING, "stringin", "stringout", served)
        case Text():
            served = functools.partial(_text, spec.max_length)
            kind, epics_type, record = WireKind.CHARS, EpicsType.CHAR, "waveform"
            # One more than the text may have. A client that cuts what does not fit, as pyepics
            # does, then sends a text that is too long: it is refused, not taken in part.
            most = spec.max_length + 1
            return WireType(kind, epics_type, record, record, served, max_length=most)
        case Array():
            return _doubles(spec)
    raise TypeError(f"no channel for {type(spec).__name__} {spec.pv}")


def _double(spec: Float) -> WireType:
    return WireType(
        WireKind.DOUBLE,
        EpicsType.DOUBLE,
        "ai",
        "ao",
        float,
        units=spec.units,
        precision=spec.precision,
        limits=_limits(spec.minimum, spec.maximum),
    )


def _long(spec: Integer) -> WireType:
    lowest, highest = spec.INT32.start, spec.INT32.stop - 1
    low, high = spec.minimum, spec.maximum
    if (low is None) != (high is None):
        low = lowest if low is None else low
        high = highest if high is None else high
    return WireType(
        WireKind.LONG,
        EpicsType.LONG,
        "longin",
        "longout",
        lambda value: min(max(int(value), lowest), highest),
        units=spec.units,
        limits=_limits(low, high),
    )


def _enum(
    kind: WireKind, record: str, labels: tuple[str, ...], served: Callable[[Any], str]
) -> WireType:
    return WireType(kind, EpicsType.ENUM, f"{record}i", f"{record}o", served, labels)


def _doubles(spec: Array) -> WireType:
    return WireType(
        WireKind.DOUBLES,
        EpicsType.DOUBLE,
        "waveform",
        "waveform",
        _array,
        units=spec.units,
        precision=spec.precision,
        max_length=spec.most,
    )


def _limits(low: float | None, high: float | None) -> Limits | None:
    """Both limits, or None if one is missing: to clients two equal limits mean no limits."""
    return None if low is None or high is None else Limits(low, high)


def _text(max_length: int, value: Any) -> str:
    return latin1(str(value))[:max_length]


def _array(value: Any) -> NDArray[np.float64]:
    return big_endian(np.asarray(() if value is None else value, ">f8"))
