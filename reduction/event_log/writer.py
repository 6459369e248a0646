"""The writer of an embedded event log: messages go to the end of partitions."""

from __future__ import annotations

import mmap
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reduction.event_log.entries import EntryKind, LogEntry, entry_of
from reduction.event_log.folder import LogFolder, refusing
from reduction.event_log.last_pulse import last_pulse
from reduction.event_log.protocol import LogRefused
from reduction.event_log.segments import (
    HEAD_BYTES,
    RECORD,
    Damaged,
    RecordHead,
    SegmentHead,
    SegmentView,
    checksum,
    first_offset,
    padded,
    partition_folder,
    segment_path,
    segment_paths,
)
from reduction.event_log.space import (
    PART,
    SEGMENT_MESSAGES,
    LeftOver,
    OpenSegment,
    SegmentSpace,
    StoredSegment,
)

SEGMENT_BYTES = 64 * 2**20
"""Size of a segment, unless the limit of the log is too small for eight of each partition."""

SEGMENTS_IN_LIMIT = 8


@dataclass
class LogValues:
    """The last value of one log, by its coming and by its time, each with its offset."""

    newest: tuple[int, LogEntry]
    latest: tuple[int, LogEntry]


@dataclass
class PartitionEnd:
    """Where a partition ends, and what the next segment has to say of what is before it.

    - ``next_offset``: offset of the next message
    - ``time_ns``, ``pulses``, ``pulse_offset``: as in `SegmentHead`, for the next segment
    - ``logs``: the last values of each log
    """

    next_offset: int = 0
    time_ns: int = 0
    pulses: int = 0
    pulse_offset: int = 0
    logs: dict[str, LogValues] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: Sequence[Path]) -> PartitionEnd:
        """The end of a partition with these segments, from the last one that can be read."""
        end = cls()
        for path in reversed(paths):
            try:
                view = SegmentView(path)
            except (Damaged, OSError):
                # Nobody knows the offsets of its messages: no new one may have the same.
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
        self.time_ns, self.pulses = scan.time_ns, scan.pulses
        self.pulse_offset = scan.pulse_offset
        for place in scan.values:
            record, _ = view.record(place, committed)
            if record is not None:
                self._note_value(record.head.offset, entry_of(bytes(record.data)))

    def note(self, entry: LogEntry) -> None:
        """Note a message that is appended."""
        offset, self.next_offset = self.next_offset, self.next_offset + 1
        if entry.kind is EntryKind.MARK:
            self.time_ns = max(self.time_ns, entry.time_ns)
            self.pulses += 1
            self.pulse_offset = self.next_offset
        elif entry.kind is EntryKind.LOG:
            self._note_value(offset, entry)

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


class PartitionWriter:
    """Appends messages to one partition of a log, whose folder is there."""

    def __init__(
        self, folder: Path, partition: int, segment_bytes: int, space: SegmentSpace
    ) -> None:
        self._folder, self._partition = folder, partition
        self._segment_bytes, self._space = segment_bytes, space
        paths = segment_paths(folder, partition)
        self._end = PartitionEnd.of(paths)
        left = [LeftOver(path) for path in paths[-2:]]
        self._log_ids: dict[str, int] = {}
        self._segment = self._new_segment(0)
        for each in left:
            size = each.seal()
            space.note_size(each.path, 0 if each.path == self._segment.path else size)

    def append(self, entry: LogEntry) -> None:
        """Append a message; raises OSError, and nothing has changed, if there is no space."""
        length, before = entry.size_bytes, self._segment
        if not before.has_room(length):
            self._segment = self._new_segment(length)
            before.seal()
            self._space.complete(before)
        self._write(self._segment, self._end.next_offset, entry)
        self._end.note(entry)
        self._segment.commit(self._end.next_offset)

    @property
    def created_ns(self) -> int:
        """When the last segment was made, ns since 1970."""
        return self._segment.head.created_ns

    def close(self) -> None:
        """Seal the last segment."""
        self._segment.seal()

    def _new_segment(self, length: int) -> OpenSegment:
        """A segment for what comes next, in which a message of a length has room."""
        end = self._end
        values = end.values
        needed = HEAD_BYTES + RECORD.size + padded(length)
        needed += sum(RECORD.size + padded(entry.size_bytes) for _, entry in values)
        size = max(self._segment_bytes, -(-needed // mmap.PAGESIZE) * mmap.PAGESIZE)
        head = SegmentHead(
            partition=self._partition,
            first_offset=end.next_offset,
            sequence=self._space.next_sequence(),
            time_before_ns=end.time_ns,
            pulses_before=end.pulses,
            pulse_offset=end.pulse_offset,
            created_ns=time.time_ns(),
        )
        path = segment_path(self._folder, self._partition, end.next_offset)
        segment = self._space.made(path, head, size)
        self._log_ids = {}
        for offset, entry in values:
            self._write(segment, offset, entry)
        segment.messages = 0
        segment.commit(end.next_offset)
        segment.show()
        return segment

    def _write(self, segment: OpenSegment, offset: int, entry: LogEntry) -> None:
        log_id = 0
        if entry.kind is EntryKind.LOG:
            log_id = self._log_ids.setdefault(entry.name, len(self._log_ids) + 1)
        head = RecordHead(
            length=entry.size_bytes,
            kind=entry.kind,
            log_id=log_id,
            time_ns=entry.time_ns,
            offset=offset,
            checksum=checksum(entry.pieces),
        )
        segment.write(head, entry.pieces)


class LogWriter:
    """The one writer of an embedded event log.

    Raises `LogRefused` for a folder that is not fit for it, and if there is a writer already.
    """

    def __init__(
        self, path: Path, partitions: int, limit_bytes: int, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._path = path
        folder = LogFolder(path, partitions)
        folder.check(limit_bytes)
        folder.make()
        self._lock = folder.lock()
        share = limit_bytes // (SEGMENTS_IN_LIMIT * partitions)
        segment_bytes = min(segment_bytes, share // mmap.PAGESIZE * mmap.PAGESIZE)
        try:
            with refusing(path):
                self._space = SegmentSpace(limit_bytes, _stored(path, partitions))
                self._last_pulse = last_pulse(path, partitions)
                self._partitions = [
                    PartitionWriter(path, each, segment_bytes, self._space)
                    for each in range(partitions)
                ]
        except LogRefused:
            self._lock.close()
            raise

    @property
    def last_pulse(self) -> int:
        """The number of the last pulse that the log held at the start; -1 if it held none."""
        return self._last_pulse

    @property
    def size_bytes(self) -> int:
        """What the log takes on the disk."""
        return self._space.size_bytes

    @property
    def oldest_ns(self) -> int:
        """When the oldest segment was made, ns since 1970."""
        return min(self._space.oldest_ns, *(each.created_ns for each in self._partitions))

    def append(self, partition: int, entry: LogEntry) -> None:
        """Append a message to a partition; raises OSError if the disk is full.

        Then the message is not there, and everything else is as it was.
        """
        self._partitions[partition].append(entry)

    def close(self) -> None:
        """Seal the log and let another write to it."""
        for each in self._partitions:
            each.close()
        self._lock.close()


def _stored(path: Path, partitions: int) -> list[StoredSegment]:
    """The segments that are there at the start; what is half made is removed."""
    found = []
    for partition in range(partitions):
        for part in partition_folder(path, partition).glob(f"*{PART}"):
            part.unlink(missing_ok=True)
        for each in segment_paths(path, partition):
            size = each.stat().st_size
            try:
                head = SegmentView(each).head
                found.append(StoredSegment(head.sequence, each, size, head.created_ns))
            except Damaged:
                found.append(StoredSegment(-1, each, size, 0))
    return found
