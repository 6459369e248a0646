"""Fields of tables in a flatbuffer, read in place.

The code that the FlatBuffers compiler makes looks a table's layout up again for each field, in
some 20 calls. Here the layout is read once. See "Internals" of the FlatBuffers documentation.
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Buffer: TypeAlias = bytes | memoryview

MOST_FIELDS = 16
"""Fields of a table after these are ignored, so that the time for a message is bounded."""

_U8, _U16, _U32 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<I")
_I32, _I64 = struct.Struct("<i"), struct.Struct("<q")
_LAYOUTS = [struct.Struct(f"<{fields}H") for fields in range(MOST_FIELDS + 1)]


class FlatTable:
    """A table at a place in a message; fields go by their numbers in the schema, from 0.

    All methods raise ValueError or struct.error for what is not in the message.
    """

    __slots__ = ("_at", "_data", "_fields", "_layout_at")

    def __init__(self, data: Buffer, at: int) -> None:
        layout = at - int(_I32.unpack_from(data, at)[0])
        if layout < 0:
            raise ValueError("the layout of a table begins before the message")
        fields = (int(_U16.unpack_from(data, layout)[0]) - 4) // 2
        self._data, self._at, self._layout_at = data, at, layout
        self._fields = _LAYOUTS[min(max(fields, 0), MOST_FIELDS)].unpack_from(data, layout + 4)

    @classmethod
    def root_of(cls, data: Buffer) -> FlatTable:
        """The table that a message is."""
        return cls(data, int(_U32.unpack_from(data, 0)[0]))

    @property
    def layout_bytes(self) -> tuple[range, range]:
        """The places of the bytes that tell where the fields are."""
        ends = self._layout_at + 4 + 2 * len(self._fields)
        return range(self._at, self._at + 4), range(self._layout_at, ends)

    def field_at(self, field: int) -> int:
        """The place of a field; 0 if it is absent."""
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._at + offset if offset else 0

    def referred(self, field: int) -> int:
        """The place that a field refers to; 0 if the field is absent."""
        offset = self._fields[field] if field < len(self._fields) else 0
        if not offset:
            return 0
        at = self._at + offset
        return at + int(_U32.unpack_from(self._data, at)[0])

    def number(self, field: int, kind: struct.Struct) -> Any:
        """The number in a field; 0 if it is absent."""
        at = self.field_at(field)
        return kind.unpack_from(self._data, at)[0] if at else 0

    def int64(self, field: int) -> int:
        """The signed integer of 64 bits in a field; 0 if it is absent."""
        return int(self.number(field, _I64))

    def uint8(self, field: int) -> int:
        """The unsigned integer of 8 bits in a field; 0 if it is absent."""
        return int(self.number(field, _U8))

    def table(self, field: int) -> FlatTable:
        """The table that a field refers to."""
        at = self.referred(field)
        if not at:
            raise ValueError(f"field {field} is absent")
        return FlatTable(self._data, at)

    def text(self, field: int) -> str | None:
        """The text of a field, None if it is absent; raises UnicodeDecodeError if it is none."""
        at = self.referred(field)
        if not at:
            return None
        length = int(_U32.unpack_from(self._data, at)[0])
        if at + 4 + length > len(self._data):
            raise ValueError("a text ends behind the message")
        return bytes(self._data[at + 4 : at + 4 + length]).decode()

    def length(self, field: int) -> int:
        """The number of elements of the array of a field; 0 if it is absent."""
        at = self.referred(field)
        return int(_U32.unpack_from(self._data, at)[0]) if at else 0

    def array(self, field: int, dtype: DTypeLike) -> NDArray[Any]:
        """The array of a field, (n,), which lies in the message; empty if it is absent."""
        at = self.referred(field)
        if not at:
            return np.empty(0, dtype)
        length = int(_U32.unpack_from(self._data, at)[0])
        return np.frombuffer(self._data, dtype, length, at + 4)
