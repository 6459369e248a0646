"""Event logs in folders for tests: streams of any kind, and a plain model of what a seek finds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reduction.event_log.entries import EntryKind, LogEntry, chunk_entry, log_entry, mark_entry
from reduction.event_log.network.server import LogServer
from reduction.event_log.protocol import LogReader
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import Chunk

START_NS = 1_800_000_000_000_000_000
PERIOD_NS = 71_428_571
SMALL_SEGMENT = 3 * 4096
LIMIT = 64 * 2**20


def pulse_entries(
    number: int, events: int = 20, logs: Sequence[str] = ("T",), start_ns: int = START_NS
) -> list[LogEntry]:
    """A pulse: a value of each log, a chunk whose pixels are its number, and its mark."""
    time_ns = start_ns + number * PERIOD_NS
    pixel = np.full(events, number, np.int32)
    chunk = Chunk("test", number, time_ns, pixel, np.arange(events, dtype=np.int32))
    values = [log_entry(name, time_ns, float(number)) for name in logs]
    return [*values, chunk_entry(chunk), mark_entry(number, time_ns, number + 1)]


def data_of(entry: LogEntry) -> bytes:
    """The bytes of a message."""
    return b"".join(entry.pieces)


def write(writer: LogWriter, entries: Sequence[LogEntry], partition: int = 0) -> None:
    """Append messages to a partition."""
    for entry in entries:
        writer.append(partition, entry)


def written(path: Path, entries: Sequence[LogEntry], segment_bytes: int = SMALL_SEGMENT) -> None:
    """Write a log of one partition in small segments."""
    writer = LogWriter(path, 1, LIMIT, segment_bytes)
    write(writer, entries)
    writer.close()


def all_of(reader: LogReader, most: int = 7) -> list[tuple[int, bytes]]:
    """Offsets and bytes of all that a reader gives now."""
    found: list[tuple[int, bytes]] = []
    while some := reader.read(most):
        assert len(some) <= most
        found += [(each.offset, bytes(each.data)) for each in some]
    return found


def sought(entries: Sequence[LogEntry], time_ns: int) -> list[tuple[int, bytes]]:
    """What a reader must give after a seek in a log with these messages, plainly searched."""
    start = 0
    ends = EntryKind.MARK
    if all(each.kind is not EntryKind.MARK for each in entries):
        ends = EntryKind.CHUNK  # pulses begin after the last chunk of an earlier one
    for offset, entry in enumerate(entries):
        if entry.kind is ends:
            if entry.time_ns >= time_ns:
                break
            start = offset + 1
    last: set[int] = set()
    logs = [each for each in range(start) if entries[each].kind is EntryKind.LOG]
    for name in {entries[each].name for each in logs}:
        of_log = [each for each in logs if entries[each].name == name]
        last |= {of_log[-1], max(of_log, key=lambda each: (entries[each].time_ns, each))}
    return [
        (offset, data_of(entries[offset]))
        for offset in [*sorted(last), *range(start, len(entries))]
    ]


def read_served(server: LogServer, reader: LogReader, count: int) -> list[tuple[int, bytes]]:
    """The next messages of a served log, as many as ``count``."""
    found: list[tuple[int, bytes]] = []
    deadline_s = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < deadline_s
        server.serve()
        found += [(each.offset, bytes(each.data)) for each in reader.read(5)]
    return found
