"""The writer of one partition of an embedded event log."""

from __future__ import annotations

import mmap
import time
from collections.abc import Sequence
from pathlib import Path

from reduction.event_log.entries import EntryKind, LogEntry, entry_of
from reduction.event_log.storage.partition_end import PartitionEnd
from reduction.event_log.storage.segment_view import Record, SegmentView
from reduction.event_log.storage.segments import (
    HEAD_BYTES,
    RECORD_STRUCT,
    RecordHead,
    SegmentHead,
    checksum,
    padded,
    partition_folder,
    segment_path,
    segment_paths,
)
from reduction.event_log.storage.space import LeftOver, OpenSegment, SegmentSpace
from reduction.event_log.storage.stored_records import StoredRecords


class PartitionWriter:
    """Appends messages to one partition of a log, in a folder that exists."""

    def __init__(
        self, folder: Path, partition: int, segment_bytes: int, space: SegmentSpace
    ) -> None:
        self._folder, self._partition = folder, partition
        self._segment_bytes, self._space = segment_bytes, space
        paths = segment_paths(folder, partition)
        self._end = PartitionEnd.of(paths)
        left = [LeftOver(path) for path in paths[-2:]]
        self._log_ids: dict[str, int] = {}
        self._copied: SegmentView | None = None
        """The segment of another log from which messages were copied last."""
        self._copied_names: dict[int, str] = {}
        """Names of logs by the ids that they have there."""
        self._segment = self._new_segment(0)
        for each in left:
            size = each.seal()
            space.note_size(each.path, 0 if each.path == self._segment.path else size)

    def append(self, entry: LogEntry) -> None:
        """Append a message; raises OSError, and changes nothing, if there is no space."""
        length, before = entry.size_bytes, self._segment
        if not before.has_room(length):
            self._go_on_in_new_segment(length)
        self._write(self._segment, self._end.next_offset, entry)
        self._end.note(entry)
        self._segment.commit(self._end.next_offset)

    def append_records(self, stored: StoredRecords) -> int:
        """Append the first messages of another log; returns how many, at least one.

        Raises OSError, and changes nothing, if there is no space for one.
        """
        if stored.segment is not self._copied:
            self._copied, self._copied_names = stored.segment, {}
        count = self._segment.room_for(stored.records)
        if not count:
            self._go_on_in_new_segment(stored.records[0].head.length)
            count = self._segment.room_for(stored.records)
        self._write_records(stored.segment, stored.records[:count])
        return count

    def _write_records(self, source: SegmentView, records: Sequence[Record]) -> None:
        """Write records for which the segment has room, and note them."""
        heads = self._heads_here(records)
        same = all(head is each.head for head, each in zip(heads, records, strict=True))
        span = source.span(records) if same else None
        if span is None:
            self._segment.write_records(heads, [each.data for each in records])
        else:
            self._segment.write_span(span, len(records))
        self._end.note_records(records, self._copied_names)
        self._segment.commit(self._end.next_offset)

    def _heads_here(self, records: Sequence[Record]) -> list[RecordHead]:
        """The heads that records of another log get; its own heads where nothing differs."""
        found = []
        for offset, each in enumerate(records, self._end.next_offset):
            head, log_id = each.head, 0
            if head.kind == EntryKind.LOG:
                log_id = self._log_id(self._copied_name(each))
            if head.offset != offset or head.log_id != log_id:
                length, kind, _, time_ns, _, total = head
                head = RecordHead(length, kind, log_id, time_ns, offset, total)
            found.append(head)
        return found

    def _copied_name(self, record: Record) -> str:
        """The name of the log whose value a record of another event log holds."""
        name = self._copied_names.get(record.head.log_id)
        if name is None:
            name = entry_of(record.data).name
            self._copied_names[record.head.log_id] = name
        return name

    def _log_id(self, name: str) -> int:
        """The number of a log in the present segment."""
        return self._log_ids.setdefault(name, len(self._log_ids) + 1)

    @property
    def created_ns(self) -> int:
        """When the last segment was made, ns since 1970."""
        return self._segment.head.created_ns

    def replace_lost_segment(self) -> bool:
        """Go on in a new segment if somebody has deleted or cut the last one; whether so."""
        lost = self._segment.lost
        if lost:
            partition_folder(self._folder, self._partition).mkdir(exist_ok=True)
            self._go_on_in_new_segment(0)
        return lost

    def close(self) -> None:
        """Seal the last segment."""
        self._segment.seal()

    def _go_on_in_new_segment(self, length: int) -> None:
        before = self._segment
        self._segment = self._new_segment(length)
        self._space.complete(before, before.seal())

    def _new_segment(self, length: int) -> OpenSegment:
        """A new last segment, with room for a message of this length."""
        end = self._end
        values = end.values
        needed = HEAD_BYTES + RECORD_STRUCT.size + padded(length)
        needed += sum(RECORD_STRUCT.size + padded(entry.size_bytes) for _, entry in values)
        size = max(self._segment_bytes, -(-needed // mmap.PAGESIZE) * mmap.PAGESIZE)
        head = SegmentHead(
            partition=self._partition,
            first_offset=end.next_offset,
            sequence=self._space.next_sequence(),
            time_before_ns=end.count.mark_ns,
            pulses_before=end.count.marks,
            pulse_offset=end.pulse_offset,
            created_ns=time.time_ns(),
            chunk_time_ns=end.count.chunk_ns,
            chunk_offset=end.chunk_offset,
            chunk_pulses=end.count.chunk_pulses,
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
        log_id = self._log_id(entry.name) if entry.kind is EntryKind.LOG else 0
        head = RecordHead(
            length=entry.size_bytes,
            kind=entry.kind,
            log_id=log_id,
            time_ns=entry.time_ns,
            offset=offset,
            checksum=checksum(entry.pieces),
        )
        segment.write(head, entry.pieces)
