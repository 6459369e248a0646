"""A single value in the native types of Channel Access, converted as EPICS Base converts it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from caproto import ChannelType

LONGEST_TEXT = 39
"""Characters of an EPICS string; a NUL follows."""

DTYPES: Mapping[ChannelType, str] = {
    ChannelType.INT: ">i2",
    ChannelType.FLOAT: ">f4",
    ChannelType.ENUM: ">u2",
    ChannelType.CHAR: "u1",
    ChannelType.LONG: ">i4",
    ChannelType.DOUBLE: ">f8",
}

MOST_PLAIN, MOST_DECIMALS = 1e7, 8
"""Numbers up to this, with so many decimals, are written without an exponent."""

MOST_FIXED, FEWER_DECIMALS = 1e16, 3
"""Larger numbers have fewer decimals; those above this have an exponent."""


def as_text(number: float, precision: int) -> str:
    """A double as EPICS Base writes it with a precision (``cvtDoubleToString``)."""
    if not math.isfinite(number):
        return str(number)
    if precision <= MOST_DECIMALS and abs(number) <= MOST_PLAIN:
        return f"{number:.{precision}f}"
    if precision > MOST_DECIMALS or abs(number) > MOST_FIXED:
        digits = min(precision, 17)
        return f"{number:{digits + 7}.{digits}e}"
    return f"{number:.{min(precision, FEWER_DECIMALS)}f}"


def converted(
    value: str | float, target: ChannelType, labels: Sequence[str] = (), precision: int = 0
) -> Any:
    """A value in a native type: an array (1,), or a list with one text as bytes.

    ``labels`` are the words of a menu, whose index ``value`` is. ``precision`` is the number of
    decimals of a float. Raises ValueError if a text is no number, or is to be a state.
    """
    if target is ChannelType.STRING:
        return [_text(value, labels, precision).encode("latin-1", "replace")[:LONGEST_TEXT]]
    if isinstance(value, str) and target is ChannelType.ENUM:
        raise ValueError(f"{value!r} is no state of a menu")
    return np.array([_number(value)]).astype(DTYPES[target])


def _text(value: str | float, labels: Sequence[str], precision: int) -> str:
    match value:
        case str():
            return value
        case int() if 0 <= value < len(labels):
            return labels[value]
        case int():
            return str(value)
    return as_text(value, precision)


def _number(value: str | float) -> float:
    return float(value or 0) if isinstance(value, str) else value
