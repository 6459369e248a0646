"""Messages as an event log stores them, with the kind, time and name that a seek needs."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from reduction.messages.contents import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    encode_log,
    encode_pulse_mark,
    encoded_chunk,
)
from reduction.messages.flat_tables import Buffer


class EntryKind(enum.IntEnum):
    """The kind of a message. A seek looks only at marks and log values."""

    OTHER = 0
    CHUNK = 1
    LOG = 2
    MARK = 3


@dataclass(frozen=True)
class LogEntry:
    """A message to append.

    - ``time_ns``: time of the pulse or the log value, ns since 1970
    - ``pieces``: the bytes of the message, in order
    - ``name``: name of the log, for a log value
    """

    kind: EntryKind
    time_ns: int
    pieces: Sequence[Buffer]
    name: str = ""

    @property
    def size_bytes(self) -> int:
        """The length of the message."""
        return sum(memoryview(piece).nbytes for piece in self.pieces)


@dataclass(frozen=True)
class OutputMessage:
    """A message for a partition, with the number of its events, and the name of their source."""

    partition: int
    entry: LogEntry
    source: str = ""
    events: int = 0


def chunk_entry(chunk: Chunk) -> LogEntry:
    """The entry for a chunk of events, whose arrays are not copied."""
    return LogEntry(EntryKind.CHUNK, chunk.pulse_time_ns, encoded_chunk(chunk))


def log_entry(name: str, time_ns: int, value: float) -> LogEntry:
    """The entry for a log value."""
    return LogEntry(EntryKind.LOG, time_ns, (encode_log(name, time_ns, value),), name)


def mark_entry(pulse: int, time_ns: int, chunks_sent: int) -> LogEntry:
    """The entry for the mark that ends a pulse in a partition."""
    return LogEntry(EntryKind.MARK, time_ns, (encode_pulse_mark(pulse, time_ns, chunks_sent),))


def entry_of(message: bytes | memoryview) -> LogEntry:
    """The entry for any message; its kind is `EntryKind.OTHER` if it cannot be decoded."""
    try:
        content = decode(message)
    except (CorruptMessage, UnknownSchema):
        return LogEntry(EntryKind.OTHER, 0, (message,))
    if not isinstance(content, LogValue):
        return LogEntry(EntryKind.CHUNK, content[-1].pulse_time_ns, (message,))
    if content.name == PULSE_MARK:
        return LogEntry(EntryKind.MARK, content.time_ns, (message,))
    return LogEntry(EntryKind.LOG, content.time_ns, (message,), content.name)
