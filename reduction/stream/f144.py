"""``f144`` messages, read in place: values of logs.

A source may send many of them, and the package ``streaming_data_types`` takes some 15 µs for each.
Tests compare what is read here with what the package writes and reads.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from streaming_data_types.fbschemas.logdata_f144.Value import Value

from reduction.stream.flat_tables import Buffer, FlatTable


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
        value = np.array([log.table(F144Field.VALUE).number(0, SCALARS[kind])])
    elif kind in ARRAYS:
        value = log.table(F144Field.VALUE).array(0, ARRAYS[kind])
    else:
        raise ValueError(f"value of {name} is not a number")
    if kind in (Value.Float, Value.ArrayFloat) and value.size == 1:
        # 0.7 in 32 bits is 0.69999999 in 64: it is the decimal number that was meant.
        value = np.array([float(str(np.float32(value[0])))])
    return LogVector(name, time_ns, value)
