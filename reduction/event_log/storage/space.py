"""How a writer makes, seals and drops the segments of an event log."""

from __future__ import annotations

import errno
import logging
import mmap
import os
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from reduction.event_log.storage.segment_view import Record, SegmentView
from reduction.event_log.storage.segments import (
    COMMITTED,
    HEAD_BYTES,
    NEXT_OFFSET,
    RECORD_STRUCT,
    SEALED,
    SEGMENT_MESSAGES,
    Damaged,
    RecordHead,
    SegmentHead,
    padded,
)
from reduction.messages.flat_tables import Buffer

PART = ".part"
"""Suffix of the name of a segment that is being made."""

MOST_RECORDS = 341
"""Records that are written in one call, in three pieces each; Linux takes 1024 pieces."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredSegment:
    """A sealed segment; ``sequence`` and ``created_ns`` are as in `SegmentHead`."""

    sequence: int
    path: Path
    size_bytes: int
    created_ns: int


class OpenSegment:
    """The segment of a partition to which its writer appends."""

    def __init__(self, path: Path, head: SegmentHead, size: int) -> None:
        """Make the file and take its space; raises OSError, and leaves no file, without space."""
        self.path, self.head, self.size = path, head, size
        self.place, self.messages = HEAD_BYTES, 0
        part = path.with_name(path.name + PART)
        self._file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            os.posix_fallocate(self._file, 0, size)
            os.pwrite(self._file, head.packed(), 0)
        except OSError:
            os.close(self._file)
            part.unlink(missing_ok=True)
            raise
        self._map = mmap.mmap(self._file, HEAD_BYTES)
        self._words = memoryview(self._map).cast("Q")
        self.commit(head.first_offset)

    def show(self) -> None:
        """Give the file the name under which readers find it."""
        self.path.with_name(self.path.name + PART).replace(self.path)

    def has_room(self, length: int) -> bool:
        """Whether there is room for a message of this length."""
        fits = self.place + RECORD_STRUCT.size + padded(length) <= self.size
        return fits and self.messages < SEGMENT_MESSAGES

    def write(self, head: RecordHead, pieces: Sequence[Buffer]) -> None:
        """Write a record behind the others; readers do not see it before `commit`."""
        zeros = bytes(padded(head.length) - head.length)
        written = os.pwritev(self._file, [head.packed(), *pieces, zeros], self.place)
        self._written(written, head.size)
        self.messages += 1

    def room_for(self, records: Sequence[Record]) -> int:
        """How many of these records can be written now, in one call."""
        ends = list(accumulate((each.head.size for each in records), initial=self.place))
        most = min(SEGMENT_MESSAGES - self.messages, MOST_RECORDS)
        return min(bisect_right(ends, self.size) - 1, most)

    def write_records(self, heads: Sequence[RecordHead], messages: Sequence[Buffer]) -> None:
        """Write records behind the others, as `write` does for each."""
        pieces: list[Buffer] = []
        for head, message in zip(heads, messages, strict=True):
            pieces += (head.packed(), message, bytes(padded(head.length) - head.length))
        written = os.pwritev(self._file, pieces, self.place)
        self._written(written, sum(each.size for each in heads))
        self.messages += len(heads)

    def write_span(self, span: Buffer, messages: int) -> None:
        """Write the bytes of so many complete records, heads included, behind the others."""
        self._written(os.pwrite(self._file, span, self.place), len(span))
        self.messages += messages

    def _written(self, written: int, size: int) -> None:
        """Go on behind so many bytes; raises OSError unless all of them were written."""
        if written != size:
            raise OSError(errno.EIO, f"{written} bytes written of {size}")
        self.place += size

    def commit(self, next_offset: int) -> None:
        """Let readers see what is written."""
        # In this order: a writer that starts after a kill between the two finds the record.
        self._words[COMMITTED] = self.place
        self._words[NEXT_OFFSET] = next_offset

    @property
    def lost(self) -> bool:
        """Whether somebody has deleted the file, or made it shorter."""
        status = os.fstat(self._file)
        return not status.st_nlink or status.st_size < self.size

    def seal(self) -> int:
        """Let readers go on to the next segment, and free the space behind the last record.

        Returns the size of the file on the disk, 0 if it has been deleted.
        """
        if os.fstat(self._file).st_size < HEAD_BYTES:
            os.truncate(self._file, self.size)  # or the store to its head would kill this process
        _seal(self._file, self._words, self.place)
        status = os.fstat(self._file)
        self._words.release()
        self._map.close()
        os.close(self._file)
        return status.st_size if status.st_nlink else 0


class LeftOver:
    """A segment that a killed writer may have left unsealed; raises OSError if it is deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._end = _end_of_records(path)

    def seal(self) -> int:
        """Let readers go on to the next segment, even if that now has the name of this one.

        Returns the size of the file.
        """
        size = os.fstat(self._file).st_size
        if size >= HEAD_BYTES:
            with mmap.mmap(self._file, HEAD_BYTES) as head, memoryview(head).cast("Q") as words:
                if not words[SEALED]:
                    _seal(self._file, words, size if self._end is None else self._end)
        size = os.fstat(self._file).st_size
        os.close(self._file)
        return size


def _end_of_records(path: Path) -> int | None:
    """The end of the records in a segment; None for a damaged one.

    The end that its head gives is not trusted alone, for if it were too small, cutting the file
    there would end the processes that read it.
    """
    try:
        view = SegmentView(path)
    except (Damaged, OSError):
        return None
    return view.committed if view.intact else None


def _seal(file: int, words: memoryview, end: int) -> None:
    """Mark a segment as sealed in its head, and free the space behind its end."""
    words[SEALED] = 1
    os.truncate(file, max(end, HEAD_BYTES))


class SegmentSpace:
    """Keeps all segments of a log within ``limit_bytes``, by dropping the oldest first.

    If ``keep`` is set, none is dropped, and none is made for which there is no room.
    """

    def __init__(
        self, limit_bytes: int, stored: Sequence[StoredSegment], *, keep: bool = False
    ) -> None:
        self._limit_bytes, self._keep = limit_bytes, keep
        self._stored = sorted(stored, key=lambda each: each.sequence)
        self._sequence = max((each.sequence for each in stored), default=-1)
        self.size_bytes = sum(each.size_bytes for each in stored)
        """The size of all segments, in bytes."""

    @property
    def oldest_ns(self) -> int:
        """When the oldest sealed segment was made, ns since 1970; without one, the time now."""
        return self._stored[0].created_ns if self._stored else time.time_ns()

    def next_sequence(self) -> int:
        """The number of a new segment."""
        self._sequence += 1
        return self._sequence

    def made(self, path: Path, head: SegmentHead, size: int) -> OpenSegment:
        """A new segment; raises OSError if there is no space even after dropping all others."""
        while self._stored and self.size_bytes + size > self._limit_bytes:
            if self._keep:
                words = f"its limit of {self._limit_bytes} bytes is reached, and it keeps all"
                raise OSError(errno.EDQUOT, words)
            self._drop_oldest()
        while True:
            try:
                segment = OpenSegment(path, head, size)
            except OSError as error:
                if self._keep or error.errno not in NO_SPACE or not self._stored:
                    raise
                self._drop_oldest()
            else:
                self.size_bytes += size
                return segment

    def complete(self, segment: OpenSegment, size: int) -> None:
        """Note a segment that was sealed, and its size, which is 0 if it has been deleted."""
        self.size_bytes += size - segment.size
        head = segment.head
        if not size:
            return
        self._stored.append(StoredSegment(head.sequence, segment.path, size, head.created_ns))

    def note_size(self, path: Path, size: int) -> None:
        """Note the size of a segment that was stored; 0 if another one has taken its name."""
        for place, each in enumerate(self._stored):
            if each.path == path:
                self.size_bytes += size - each.size_bytes
                self._stored[place : place + 1] = [replace(each, size_bytes=size)] if size else []
                return

    def _drop_oldest(self) -> None:
        oldest = self._stored.pop(0)
        oldest.path.unlink(missing_ok=True)
        self.size_bytes -= oldest.size_bytes
        log.info("dropped %s", oldest.path)
