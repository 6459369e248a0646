"""``f144`` messages, read in place, and written into copies of one another: values of logs.

A source may send many of them, and the package ``streaming_data_types`` takes some 15 µs to read
one and 40 µs to write one. Tests compare what is read and written here with what the package
writes and reads.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.messages.flat_tables import Buffer, FlatTable
from reduction.messages.schemas import Value, serialise_f144


class F144Field(IntEnum):
    """The fields of the schema, by their numbers."""

    SOURCE = 0
    TIME = 1
    KIND = 2
    VALUE = 3


SCALARS: dict[int, struct.Struct] = {
    Value.Byte: struct.Struct("<b"),
    Value.UByte: struct.Struct("<B"),
    Value.Short: struct.Struct("<h"),
    Value.UShort: struct.Struct("<H"),
    Value.Int: struct.Struct("<i"),
    Value.UInt: struct.Struct("<I"),
    Value.Long: struct.Struct("<q"),
    Value.ULong: struct.Struct("<Q"),
    Value.Float: struct.Struct("<f"),
    Value.Double: struct.Struct("<d"),
}
"""How the number of each kind is packed."""

ARRAYS: dict[int, np.dtype[Any]] = {
    Value.ArrayByte: np.dtype("<i1"),
    Value.ArrayUByte: np.dtype("<u1"),
    Value.ArrayShort: np.dtype("<i2"),
    Value.ArrayUShort: np.dtype("<u2"),
    Value.ArrayInt: np.dtype("<i4"),
    Value.ArrayUInt: np.dtype("<u4"),
    Value.ArrayLong: np.dtype("<i8"),
    Value.ArrayULong: np.dtype("<u8"),
    Value.ArrayFloat: np.dtype("<f4"),
    Value.ArrayDouble: np.dtype("<f8"),
}
"""The type of the arrays of each kind."""


class LogVector(NamedTuple):
    """The content of an ``f144`` message: the value, (n,), of a log from ``time_ns`` on."""

    name: str
    time_ns: int
    value: NDArray[np.float64] | NDArray[np.int64]


def decoded_f144(message: Buffer) -> LogVector:
    """The content of a message; an array lies in it.

    Raises ValueError or struct.error for bytes that do not hold the schema, or no number.
    """
    log = FlatTable.root_of(message)
    kind = log.uint8(F144Field.KIND)
    name, time_ns = log.text(F144Field.SOURCE) or "", log.int64(F144Field.TIME)
    if kind in SCALARS:
        number = log.table(F144Field.VALUE).number(0, SCALARS[kind])
        return LogVector(name, time_ns, scalar_value(kind, number))
    if kind in ARRAYS:
        return LogVector(
            name, time_ns, array_value(kind, log.table(F144Field.VALUE).array(0, ARRAYS[kind]))
        )
    raise ValueError(f"value of {name} is not a number")


def scalar_value(kind: int, number: float) -> NDArray[Any]:
    """The value (1,) of a message with a number of one of the kinds in `SCALARS`."""
    return np.array([_meant(number) if kind == Value.Float else number])


def array_value(kind: int, array: NDArray[Any]) -> NDArray[Any]:
    """The value (n,) of a message with an ``array`` (n,) of one of the kinds in `ARRAYS`."""
    if kind == Value.ArrayFloat and array.size == 1:
        return np.array([_meant(array[0])])
    return array


def _meant(number: float) -> float:
    """The decimal number that a number of 32 bits stands for: 0.7, not 0.69999999 in 64 bits."""
    return float(str(np.float32(number)))


MOST_LAYOUTS = 1000
"""Of as many names of logs the layout of their messages is kept."""

ALL_BITS = 0x7F7F7F7F7F7F7F7F
"""A number of 64 bits none of whose bytes is 0."""


class _Layout(NamedTuple):
    """A message of some name, and where the time and the numbers of 64 bits lie in it."""

    message: bytes
    time_at: int
    value_at: int


def _layout(written: Callable[[int, int], bytes]) -> _Layout:
    """The layout of messages as they are ``written`` with a time and the bits of a number."""
    message = written(ALL_BITS, ALL_BITS)
    time_at, value_at = (
        next(at for at, pair in enumerate(zip(message, other, strict=True)) if len(set(pair)) > 1)
        for other in (written(~ALL_BITS, ALL_BITS), written(ALL_BITS, ~ALL_BITS))
    )
    return _Layout(message, time_at, value_at)


@functools.lru_cache(MOST_LAYOUTS)
def _float_layout(name: str) -> _Layout:
    def written(time_ns: int, bits: int) -> bytes:
        value = np.frombuffer(struct.pack("<q", bits), np.float64)[0]
        data: bytes = serialise_f144(name, value, time_ns)
        return data

    return _layout(written)


@functools.lru_cache(MOST_LAYOUTS)
def _integers_layout(name: str, count: int) -> _Layout:
    def written(time_ns: int, bits: int) -> bytes:
        data: bytes = serialise_f144(name, np.full(count, bits, np.int64), time_ns)
        return data

    return _layout(written)


def encoded_float(name: str, time_ns: int, value: float) -> bytes:
    """The message that a log has a value of 64 bits from ``time_ns`` on, ns since 1970."""
    layout = _float_layout(name)
    data = bytearray(layout.message)
    struct.pack_into("<q", data, layout.time_at, time_ns)
    struct.pack_into("<d", data, layout.value_at, value)
    return bytes(data)


def encoded_integers(name: str, time_ns: int, values: Sequence[int]) -> bytes:
    """The message that a log has an array of integers of 64 bits from ``time_ns`` on."""
    layout = _integers_layout(name, len(values))
    data = bytearray(layout.message)
    struct.pack_into("<q", data, layout.time_at, time_ns)
    struct.pack_into(f"<{len(values)}q", data, layout.value_at, *values)
    return bytes(data)
