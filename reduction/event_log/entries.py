"""Messages as an event log keeps them: with what a seek must know, beside their bytes."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from reduction.stream.ev44 import Buffer
from reduction.stream.messages import (
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


class EntryKind(enum.IntEnum):
    """What a message is: a seek looks at marks and log values alone."""

    OTHER = 0
    CHUNK = 1
    LOG = 2
    MARK = 3


@dataclass(frozen=True)
class LogEntry:
    """A message to append: its bytes in ``pieces``, which follow each other.

    ``time_ns`` is a time of a pulse or a log value, ns since 1970, and ``name`` is that of the log.
    """

    kind: EntryKind
    time_ns: int
    pieces: Sequence[Buffer]
    name: str = ""

    @property
    def size_bytes(self) -> int:
        """The length of the message."""
        return sum(memoryview(piece).nbytes for piece in self.pieces)


def chunk_entry(chunk: Chunk) -> LogEntry:
    """A chunk of events, whose arrays are not copied."""
    return LogEntry(EntryKind.CHUNK, chunk.pulse_time_ns, encoded_chunk(chunk))


def log_entry(name: str, time_ns: int, value: float) -> LogEntry:
    """A log value."""
    return LogEntry(EntryKind.LOG, time_ns, (encode_log(name, time_ns, value),), name)


def mark_entry(pulse: int, time_ns: int, chunks_sent: int) -> LogEntry:
    """The mark that ends a pulse in a partition."""
    return LogEntry(EntryKind.MARK, time_ns, (encode_pulse_mark(pulse, time_ns, chunks_sent),))


def entry_of(message: bytes | memoryview) -> LogEntry:
    """Any message; one that cannot be read is of the kind `EntryKind.OTHER`."""
    try:
        content = decode(message)
    except (CorruptMessage, UnknownSchema):
        return LogEntry(EntryKind.OTHER, 0, (message,))
    if not isinstance(content, LogValue):
        return LogEntry(EntryKind.CHUNK, content[-1].pulse_time_ns, (message,))
    if content.name == PULSE_MARK:
        return LogEntry(EntryKind.MARK, content.time_ns, (message,))
    return LogEntry(EntryKind.LOG, content.time_ns, (message,), content.name)
