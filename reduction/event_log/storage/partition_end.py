"""The end of a partition, as its writer must know it to append to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from reduction.event_log.entries import EntryKind, LogEntry, entry_of
from reduction.event_log.storage.pulse_counts import PulseCount
from reduction.event_log.storage.segment_view import Record, SegmentView
from reduction.event_log.storage.segments import SEGMENT_MESSAGES, Damaged, first_offset


@dataclass
class LogValues:
    """The value of a log that came last and the one with the latest time, with their offsets."""

    newest: tuple[int, LogEntry]
    latest: tuple[int, LogEntry]


class _CopiedValue(NamedTuple):
    """A value of a log that another event log holds."""

    offset: int
    time_ns: int
    data: memoryview

    def entry(self, name: str) -> LogEntry:
        """The value as it is appended, apart from the memory of that event log."""
        return LogEntry(EntryKind.LOG, self.time_ns, (bytes(self.data),), name)


@dataclass
class PartitionEnd:
    """The end of a partition, and what the head of its next segment will say.

    - ``next_offset``: offset of the next message
    - ``count``: the pulses so far
    - ``pulse_offset``, ``chunk_offset``: for the next segment, as in `SegmentHead`
    - ``logs``: the last values of each log
    """

    next_offset: int = 0
    count: PulseCount = field(default_factory=PulseCount)
    pulse_offset: int = 0
    chunk_offset: int = 0
    logs: dict[str, LogValues] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[Path]) -> PartitionEnd:
        """The end of a partition with these segments, from the last one that can be read."""
        end = cls()
        for path in reversed(paths):
            try:
                view = SegmentView(path)
            except (Damaged, OSError):
                # The offsets of its messages are unknown, and none may be used again.
                end.next_offset = max(end.next_offset, first_offset(path) + SEGMENT_MESSAGES)
            else:
                end._take(view)
                break
        return end

    def _take(self, view: SegmentView) -> None:
        """Take the end from a segment."""
        first, scan, committed = view.head.first_offset, view.scan(), view.committed
        known = view.next_offset if view.next_offset <= first + SEGMENT_MESSAGES else first
        self.next_offset = max(self.next_offset, known, scan.next_offset)
        self.count = scan.count
        self.pulse_offset, self.chunk_offset = scan.pulse_offset, scan.chunk_offset
        for place in scan.values:
            record, _ = view.record(place, committed)
            if record is not None:
                self._note_value(record.head.offset, entry_of(bytes(record.data)))

    def note(self, entry: LogEntry) -> None:
        """Note a message that is appended."""
        offset, self.next_offset = self.next_offset, self.next_offset + 1
        self.count.note(entry.kind, entry.time_ns)
        if entry.kind is EntryKind.MARK:
            self.pulse_offset = self.next_offset
        elif entry.kind is EntryKind.CHUNK:
            self.chunk_offset = self.next_offset
        elif entry.kind is EntryKind.LOG:
            self._note_value(offset, entry)

    def note_records(self, records: Sequence[Record], names: Mapping[int, str]) -> None:
        """Note records of another event log that are appended; ``names`` has those of its logs."""
        newest, latest = dict[int, _CopiedValue](), dict[int, _CopiedValue]()
        for offset, (_, head, data) in enumerate(records, self.next_offset):
            self.count.note(head.kind, head.time_ns)
            if head.kind == EntryKind.MARK:
                self.pulse_offset = offset + 1
            elif head.kind == EntryKind.CHUNK:
                self.chunk_offset = offset + 1
            elif head.kind == EntryKind.LOG:
                value = newest[head.log_id] = _CopiedValue(offset, head.time_ns, data)
                if value.time_ns >= latest.get(head.log_id, value).time_ns:
                    latest[head.log_id] = value
        self.next_offset += len(records)
        for log_id, value in (*latest.items(), *newest.items()):
            self._note_value(value.offset, value.entry(names[log_id]))

    def _note_value(self, offset: int, entry: LogEntry) -> None:
        before = self.logs.get(entry.name)
        latest = offset, entry
        if before is not None and before.latest[1].time_ns > entry.time_ns:
            latest = before.latest
        self.logs[entry.name] = LogValues((offset, entry), latest)

    @property
    def values(self) -> list[tuple[int, LogEntry]]:
        """The last values of all logs with their offsets, in their order."""
        found = dict(each for log in self.logs.values() for each in (log.newest, log.latest))
        return sorted(found.items())
