"""Reading an event log in a folder of this host, in place: messages lie in mapped memory."""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from reduction.event_log.folder import FOLDER_LOOK_INTERVAL_S, MESSAGE_S, LogFolder
from reduction.event_log.protocol import (
    MESSAGES_AT_ONCE,
    Backlog,
    Dropped,
    LogMessage,
    LogRefused,
)
from reduction.event_log.storage.partition_segments import PartitionSegments
from reduction.event_log.storage.pulse_counts import PulseCount
from reduction.event_log.storage.segment_view import Record, SegmentScan, SegmentView
from reduction.event_log.storage.segments import HEAD_BYTES, first_offset
from reduction.event_log.storage.stored_records import StoredRecords


class EmbeddedLogReader:
    """One partition of an event log in a folder, as `reduction.event_log.protocol.LogReader`.

    The log need not exist yet. Once it does, the reader begins at its start.

    Raises `LogRefused` for a log of another format, version or number of partitions.
    """

    def __init__(
        self, path: Path, partition: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._partition, self._clock_s = path, partition, clock_s
        self._segment: SegmentView | None = None
        self._place, self._offset, self._count = HEAD_BYTES, 0, PulseCount()
        self._began, self._end_offset = 0, 0
        self._identity = ""
        """Which log the place is in."""
        self._values: list[Record] = []
        """The last values of logs before the place, which come first."""
        self._dropped = Dropped()
        self._damaged = 0
        self._segments = PartitionSegments(path, partition)
        self._looked_s = self._replaced_s = -math.inf
        self._missing = ""
        """Why no log can be read now; empty if one can."""
        found = self._found()
        self._identity = "" if found is None else found.identity

    def _found(self) -> LogFolder | None:
        """The log that is in the folder now; raises `LogRefused` for one that cannot be read."""
        found = LogFolder.found(self._path)
        if found is not None and self._partition >= found.partitions:
            words = f"it has {found.partitions} partitions, not {self._partition + 1}"
            raise LogRefused(f"log {self._path}: {words}")
        why = "it has been deleted" if self._identity else "it is not there yet"
        self._missing = f"log {self._path}: {why}" if found is None else ""
        return found

    def _look(self) -> LogFolder | None:
        """The log that is in the folder now; None, and `message` says why, if none can be read."""
        try:
            return self._found()
        except LogRefused as error:
            self._missing = str(error.strerror)
            return None

    def seek(self, time_ns: int) -> None:
        """See `LogReader.seek`."""
        self._start_over()
        paths = self._segments.paths
        by_chunks = self._segments.without_marks(paths)
        count = self._segments.count_before(paths, time_ns, by_chunks=by_chunks)
        for number in reversed(range(count)):
            view = self._segments.view(paths[number])
            if view is not None:
                scan = view.scan(stop_ns=time_ns, by_chunks=by_chunks)
                if not scan.starts_before or not self._go_to_offset(scan.offset, paths[:number]):
                    self._go(view, scan)
                return
        self._go_to_oldest(paths, since_ns=time_ns)

    def seek_to_end(self) -> None:
        """See `LogReader.seek_to_end`."""
        self._start_over()
        for path in reversed(self._segments.paths):
            view = self._segments.view(path)
            if view is not None:
                self._go(view, view.scan())
                return

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        self._start_over()
        paths = self._segments.paths
        if not self._go_to_offset(offset, paths):
            self._go_to_oldest(paths, offset=offset)

    @property
    def offset(self) -> int:
        """The offset of the next message, or of one before it if some are missing."""
        return self._offset

    @property
    def began(self) -> int:
        """See `LogReader.began`."""
        return self._began

    @property
    def identity(self) -> str:
        """See `LogReader.identity`."""
        return self._identity

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        found: list[LogMessage] = []
        while (left := most - len(found)) > 0 and (stored := self.read_records(left)) is not None:
            found += [LogMessage(head.offset, data) for _, head, data in stored.records]
        return found

    def read_records(self, most: int = MESSAGES_AT_ONCE) -> StoredRecords | None:
        """The next messages, at most ``most``, as they are stored in a segment; None at the end.

        They are those that `read` would return, up to the end of a segment.
        """
        while True:
            segment = self._segment
            if segment is None:
                if not self._open_oldest():
                    return None
            elif self._values:
                records, self._values = self._values[:most], self._values[most:]
                return StoredRecords(segment, records)
            elif self._place < (end := segment.committed):
                if records := self._read_from(segment, end, most):
                    return StoredRecords(segment, records)
            elif not self._open_next(segment):
                return None

    @property
    def behind(self) -> Backlog:
        """See `LogReader.behind`."""
        segment = self._segment
        if segment is None:
            return Backlog()
        size, next_offset = segment.committed - self._place, segment.next_offset
        if segment.sealed:
            with suppress(OSError):  # at a limit of files
                for path in self._segments.paths:
                    if path.name <= segment.path.name:
                        continue
                    if (later := self._segments.end_of(path)) is not None:
                        size, next_offset = size + later.committed - HEAD_BYTES, later.next_offset
        self._end_offset = max(self._end_offset, next_offset)
        return Backlog(max(0, next_offset - self._offset), max(0, size))

    @property
    def dropped(self) -> Dropped:
        """See `LogReader.dropped`."""
        return self._dropped

    @property
    def message(self) -> str:
        """See `LogReader.message`."""
        words = [self._missing] if self._missing else []
        if self._clock_s() - self._replaced_s < MESSAGE_S:
            words.append(f"log {self._path}: it was deleted, and a new one is read")
        where = f"log {self._path}: partition {self._partition}:"
        if self._damaged:
            words.append(f"{where} {self._damaged} damaged records passed over")
        words += [f"{where} {path.name}: {why}" for path, why in self._segments.unreadable.items()]
        return "; ".join(words[:3])

    def close(self) -> None:
        """See `LogReader.close`."""
        self._forget_place()

    def _start_over(self) -> None:
        """See which log is in the folder; forget the place, and what was dropped."""
        found = self._look()
        self._identity = "" if found is None else found.identity
        self._segments.forget_ends()
        self._forget_place()
        self._dropped = Dropped()

    def _forget_place(self) -> None:
        """Forget the place, and all that belongs to it."""
        self._segment, self._began, self._end_offset = None, 0, 0
        self._place, self._offset, self._count = HEAD_BYTES, 0, PulseCount()
        self._values.clear()

    def _go(self, view: SegmentView, scan: SegmentScan) -> None:
        """Go to the place of a scan.

        If its pulse began in an earlier segment, go to the first message of this one instead.
        """
        if scan.starts_before:
            first = view.head.first_offset
            self._dropped += Dropped(first - scan.offset, 0 if scan.by_chunks else 1)
            scan = view.scan(stop_offset=first)
        self._segment, self._place, self._offset = view, scan.place, scan.offset
        self._count = scan.count
        self._began = scan.offset
        end = view.committed
        for place in scan.values:
            record, _ = view.record(place, end)
            if record is not None:
                self._values.append(record)

    def _go_to_offset(self, offset: int, paths: Sequence[Path]) -> bool:
        """Go to an offset in the segment that holds it; whether one of these segments does."""
        for path in reversed(paths):
            if first_offset(path) <= offset and (view := self._segments.view(path)) is not None:
                self._go(view, view.scan(stop_offset=offset))
                self._damaged += max(0, self._offset - offset)
                return True
        return False

    def _go_to_oldest(self, paths: Sequence[Path], *, since_ns: int = 0, offset: int = 0) -> bool:
        """Go to the oldest message, and note what was dropped before it since a time or an offset.

        Returns whether a segment can be read.
        """
        for path in paths:
            view = self._segments.view(path)
            if view is not None:
                head, before = view.head, PulseCount.before(view.head)
                self._go(view, view.scan(stop_offset=head.first_offset))
                self._damaged += max(0, self._offset - head.first_offset)
                if (messages := head.first_offset - max(0, offset)) > 0:
                    pulses = min(before.pulses, messages)
                    self._dropped += Dropped(messages, pulses, since_ns, before.time_ns)
                return True
        return False

    def _open_oldest(self) -> bool:
        """Go to the start of a log that did not exist before; whether it exists now."""
        now_s = self._clock_s()
        if now_s - self._looked_s < FOLDER_LOOK_INTERVAL_S:
            return False
        self._looked_s = now_s
        found = self._look()
        if found is None:
            return False
        self._identity = found.identity
        return self._go_to_oldest(self._segments.paths)

    def _open_next(self, segment: SegmentView) -> bool:
        """Go on in the next segment, or in a new log; whether there is one.

        ``segment`` is the one whose end has been reached.
        """
        # A segment is never sealed if its writer was killed, or if it was deleted.
        now_s = self._clock_s()
        due = now_s - self._looked_s >= FOLDER_LOOK_INTERVAL_S
        if not due and not segment.sealed:
            return False
        try:
            view, first = self._segments.next_of(segment)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise  # waiting frees none
            self._missing = f"log {self._path}: {error.strerror}"
            return False
        if view is None and not due:
            return False
        self._looked_s = now_s if due else self._looked_s
        if segment.cut:
            self._segments.unreadable[segment.path] = "it has been cut short"
        found = self._look()
        if found is not None and found.identity != self._identity:
            return self._go_to_new_log(segment, found)
        if view is None:
            return False
        if self._place >= segment.committed:  # nothing came between the two looks
            self._enter(view, gone=first)
        return True

    def _go_to_new_log(self, segment: SegmentView, found: LogFolder) -> bool:
        """Go to the start of a log that has replaced the former one; whether it can be read.

        ``segment`` is the one of the former log that was read last. Later messages of that log
        count as dropped, as far as this reader knows of them.
        """
        unread = max(self._end_offset, segment.next_offset) - self._offset
        if unread > 0:
            self._dropped += Dropped(unread, 0, self._count.time_ns)
        self._forget_place()
        self._segments.unreadable.clear()
        self._segments.forget_ends()
        self._identity = found.identity
        self._replaced_s = self._looked_s
        return self._go_to_oldest(self._segments.paths)

    def _enter(self, view: SegmentView, *, gone: bool) -> None:
        """Go on at the start of a segment; messages missing before it are ``gone``, or damaged."""
        head, now, before = view.head, self._count, PulseCount.before(view.head)
        messages = max(0, head.first_offset - self._offset)
        if messages and gone:
            pulses = max(0, before.pulses - now.pulses)
            self._dropped += Dropped(messages, pulses, now.time_ns, before.time_ns)
        elif messages:
            self._damaged += messages
        self._segment, self._place = view, HEAD_BYTES
        self._offset = max(self._offset, head.first_offset)
        before.mark_ns = max(before.mark_ns, now.mark_ns)
        before.chunk_ns = max(before.chunk_ns, now.chunk_ns)
        self._count = before

    def _read_from(self, segment: SegmentView, end: int, most: int) -> list[Record]:
        """The next records of a segment, at most ``most``; none if all of them are damaged."""
        damaged = segment.damaged
        records, self._place = segment.records(self._place, end, most)
        self._damaged += segment.damaged - damaged
        if records and records[0].head.offset < self._offset:
            # Values from before the segment come before all others in it.
            records = [each for each in records if each.head.offset >= self._offset]
        note = self._count.note
        for _, head, _ in records:
            note(head.kind, head.time_ns)
        if records:
            self._offset = records[-1].head.offset + 1
        return records
