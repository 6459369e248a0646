"""``f144`` messages that are read by the layout of earlier ones, in a third of the time.

A source sends the same bytes for a log again and again, but for the time and the value. So it is
remembered where these two are, and which log all other bytes stand for.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from reduction.messages.f144 import (
    ARRAYS,
    SCALARS,
    F144Field,
    LogVector,
    array_value,
    decoded_f144,
    scalar_value,
)
from reduction.messages.flat_tables import Buffer, FlatTable
from reduction.messages.schemas import Value

MOST_REMEMBERED_LOGS = 1000
"""When so many logs are remembered, all are forgotten, so that memory is bounded."""

MOST_REMEMBERED_BYTES = 512
"""Longer messages are not remembered."""

MOST_TRIED = 4
"""So many layouts are tried for messages of one length, so that the time for each is bounded."""

TIME_BYTES = 8
_INT64 = struct.Struct("<q")


@dataclass(frozen=True)
class LogLayout:
    """Where the time and the value of a kind are in messages of some length."""

    length: int
    kind: int
    time_at: int
    value_at: int
    value_bytes: int

    @property
    def parts(self) -> struct.Struct:
        """Bytes, the first of time and value, bytes, the second one, and the bytes behind it."""
        code = SCALARS[self.kind].format[1:] if self.kind in SCALARS else f"{self.value_bytes}s"
        (first_at, first), (second_at, second) = sorted(
            [(self.time_at, "q"), (self.value_at, code)]
        )
        between_at = first_at + (TIME_BYTES if self.time_at < self.value_at else self.value_bytes)
        behind_at = max(self.time_at + TIME_BYTES, self.value_at + self.value_bytes)
        return struct.Struct(
            f"<{first_at}s{first}{second_at - between_at}s{second}{self.length - behind_at}s"
        )


class LogNumber(NamedTuple):
    """A single finite number, the value of a log from ``time_ns`` on, in ns since 1970."""

    name: str
    time_ns: int
    number: float


class _RememberedLogs:
    """The logs with messages of one layout, by all bytes that are neither time nor value."""

    def __init__(self, layout: LogLayout) -> None:
        self.layout = layout
        self._parts, self._time_first = layout.parts, layout.time_at < layout.value_at
        self._array_dtype = ARRAYS.get(layout.kind)
        self._names: dict[tuple[bytes, bytes, bytes], str] = {}

    @property
    def logs(self) -> int:
        """How many logs these are."""
        return len(self._names)

    def read(self, message: Buffer) -> tuple[str, int, Any] | None:
        """The name of the log, the time and the value as it is written; None if it is not known.

        The message has the length of this layout. An array is in its bytes.
        """
        before, first, between, second, behind = self._parts.unpack(message)
        name = self._names.get((before, between, behind))
        if name is None:
            return None
        return (name, first, second) if self._time_first else (name, second, first)

    def decoded(self, message: Buffer) -> LogVector | None:
        """The content of a message of this length; None if its log is not known."""
        found = self.read(message)
        if found is None:
            return None
        name, time_ns, value = found
        kind = self.layout.kind
        if self._array_dtype is None:
            return LogVector(name, time_ns, scalar_value(kind, value))
        return LogVector(name, time_ns, array_value(kind, np.frombuffer(value, self._array_dtype)))

    def note(self, message: Buffer, name: str) -> None:
        """Remember the log of a message of this layout."""
        before, _, between, _, behind = self._parts.unpack(message)
        self._names[before, between, behind] = name


class LogLayouts:
    """Decodes ``f144`` messages as `decoded_f144` does, and remembers those of ``most`` logs."""

    def __init__(self, most: int = MOST_REMEMBERED_LOGS) -> None:
        self._most = most
        self._by_length: dict[int, list[_RememberedLogs]] = {}
        self._logs = 0

    def __len__(self) -> int:
        """How many logs are remembered."""
        return sum(each.logs for known in self._by_length.values() for each in known)

    def number(self, message: Buffer) -> LogNumber | None:
        """The number in a message of any schema, if that is known at once; else None."""
        for each in self._by_length.get(len(message), ()):
            if each.layout.kind != Value.Double:
                continue
            found = each.read(message)
            if found is not None:
                return LogNumber(*found) if math.isfinite(found[2]) else None
        return None

    def decoded(self, message: Buffer) -> LogVector:
        """The content of a message; raises ValueError or struct.error as `decoded_f144` does."""
        known = self._by_length.get(len(message), ())
        for each in known:
            found = each.decoded(message)
            if found is not None:
                return found
        content = decoded_f144(message)
        if len(message) <= MOST_REMEMBERED_BYTES:
            self._note(message, content.name, known)
        return content

    def retimed(self, message: Buffer, time_ns: int) -> bytes | None:
        """A message with another time, ns since 1970, and no other difference.

        None if the time is absent, or shares bytes with anything else. ``message`` can be decoded.
        """
        known = self._by_length.get(len(message), ())
        layout = next((each.layout for each in known if each.read(message) is not None), None)
        layout = layout or layout_of(message)
        if layout is None:
            return None
        data = bytearray(message)
        _INT64.pack_into(data, layout.time_at, time_ns)
        return bytes(data)

    def _note(self, message: Buffer, name: str, known: Sequence[_RememberedLogs]) -> None:
        """Remember the layout of a message of a log, and the log."""
        layout = layout_of(message)
        if layout is None:
            return
        logs = next((each for each in known if each.layout == layout), None)
        if self._logs >= self._most:
            self._by_length, self._logs, logs = {}, 0, None
        if logs is None:
            logs = _RememberedLogs(layout)
            of_length = self._by_length.setdefault(len(message), [])
            of_length.insert(0, logs)
            del of_length[MOST_TRIED:]
        logs.note(message, name)
        self._logs += 1


def layout_of(message: Buffer) -> LogLayout | None:
    """The layout of a message that `decoded_f144` can read.

    None if the time or the value is absent, or shares bytes with anything else that is read.
    """
    log = FlatTable.root_of(message)
    table, kind = log.table(F144Field.VALUE), log.uint8(F144Field.KIND)
    time_at, name_at = log.field_at(F144Field.TIME), log.referred(F144Field.SOURCE)
    fields = [log.field_at(F144Field.SOURCE), log.field_at(F144Field.VALUE)]
    if kind in SCALARS:
        value_at, value_bytes = table.field_at(0), SCALARS[kind].size
    else:
        fields += [table.field_at(0), table.referred(0)]
        value_at = table.referred(0) + 4
        value_bytes = table.array(0, ARRAYS[kind]).nbytes
    if not time_at or not value_at or not fields[-1]:
        return None
    time, value = range(time_at, time_at + TIME_BYTES), range(value_at, value_at + value_bytes)
    others = [
        range(8),
        *log.layout_bytes,
        *table.layout_bytes,
        *(range(at, at + 4) for at in fields if at),
        range(log.field_at(F144Field.KIND), log.field_at(F144Field.KIND) + 1),
        range(name_at, name_at + 4 + len((log.text(F144Field.SOURCE) or "").encode())),
    ]
    pairs = [(time, value), *((each, other) for other in others for each in (time, value))]
    if any(a.start < b.stop and b.start < a.stop for a, b in pairs):
        return None
    return LogLayout(len(message), kind, time_at, value_at, value_bytes)
