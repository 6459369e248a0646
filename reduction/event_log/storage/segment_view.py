"""Reading a segment in mapped memory: its records, and what a seek finds in it."""

from __future__ import annotations

import contextlib
import mmap
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from reduction.event_log.entries import EntryKind
from reduction.event_log.storage.pulse_counts import PulseCount
from reduction.event_log.storage.segments import (
    COMMITTED,
    HEAD_BYTES,
    NEXT_OFFSET,
    RECORD_MAGIC,
    RECORD_STRUCT,
    SEALED,
    Damaged,
    RecordHead,
    SegmentHead,
    checksum,
)
from reduction.host.file_system.regular_files import open_regular_file

CHECKED_BYTES = RECORD_STRUCT.size - 8
"""The bytes of a record's head that its CRC-32 is of."""

MOST_LOOKS = 10
"""How often the size of a file is asked for, if the file becomes shorter meanwhile."""


class Record(NamedTuple):
    """A record: its place in the segment, its head and its message."""

    place: int
    head: RecordHead
    data: memoryview


class SegmentScan:
    """What a segment holds before a place: the first message of a pulse, or where `end_at` sets it.

    - ``place``, ``offset``: the place, and the offset of the message there
    - ``starts_before``: whether the pulse at the place begins in a segment before this one
    - ``count``: the pulses before the place
    - ``next_offset``: offset behind the last message that was looked at
    - ``pulse_offset``: offset of the first message of the last pulse that was looked at
    - ``values``: places of two values of each log: the one that came last, and the latest one
    - ``chunk_offset``: the offset behind the last chunk so far

    Pulses begin after marks, or, ``by_chunks``, after the last chunk of an earlier pulse.
    """

    def __init__(self, head: SegmentHead, *, by_chunks: bool = False) -> None:
        self.chunk_offset = head.chunk_offset
        self.by_chunks = by_chunks
        self.place = HEAD_BYTES
        self.offset = head.chunk_offset if by_chunks else head.pulse_offset
        self.starts_before = self.offset < head.first_offset
        self.count = PulseCount.before(head)
        self.next_offset, self.pulse_offset = head.first_offset, head.pulse_offset
        self._newest: dict[int, int] = {}
        self._latest: dict[int, tuple[int, int]] = {}
        self._of_pulse: list[tuple[int, int, int]] = []

    @property
    def values(self) -> list[int]:
        """Places of the last values of all logs before the place, in their order."""
        return sorted({*self._newest.values(), *(place for _, place in self._latest.values())})

    def add_mark(self, place: int, head: RecordHead) -> None:
        """Note a mark; the place is now behind it, where the next pulse begins."""
        self.count.note(head.kind, head.time_ns)
        self.pulse_offset = head.offset + 1
        self.end_at(place + head.size, head.offset + 1)

    def add_chunk(self, place: int, head: RecordHead) -> None:
        """Note a chunk; if pulses begin after chunks, the place is now behind it."""
        self.count.note(head.kind, head.time_ns)
        self.chunk_offset = head.offset + 1
        if self.by_chunks:
            self.end_at(place + head.size, head.offset + 1)

    def add_value(self, place: int, head: RecordHead, *, carried: bool) -> None:
        """Note a log value. Unless it was ``carried`` here, its pulse has not ended yet."""
        self._of_pulse.append((head.log_id, head.time_ns, place))
        if carried:
            self._note_values()
            self.place = place + head.size

    def end_at(self, place: int, offset: int) -> None:
        """Set the place; all values so far are before it."""
        self._note_values()
        self.place, self.offset, self.starts_before = place, offset, False

    def _note_values(self) -> None:
        for log_id, time_ns, place in self._of_pulse:
            self._newest[log_id] = place
            if time_ns >= self._latest.get(log_id, (time_ns, 0))[0]:
                self._latest[log_id] = time_ns, place
        self._of_pulse.clear()


def _mapped(file: BinaryIO) -> tuple[int, mmap.mmap]:
    """The size of a segment's file, and the file in memory; raises `Damaged` if it is too short.

    A writer that starts may cut off the end of the file at any time.
    """
    for _ in range(MOST_LOOKS):
        size = os.fstat(file.fileno()).st_size
        if size < HEAD_BYTES:
            raise Damaged("it is too short")
        with contextlib.suppress(ValueError):  # the file has become shorter since the last line
            return size, mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
    raise Damaged("it becomes shorter all the time")


class SegmentView:
    """A segment in mapped memory. It stays readable when its file is deleted.

    ``damaged`` counts records that could not be read. Raises `Damaged` for a head that cannot be
    read, and OSError if the file is not there or no regular one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        with open_regular_file(path) as file:
            self._size, self._map = _mapped(file)
        self._headless = False
        self._bytes = memoryview(self._map)
        self._words = self._bytes[:HEAD_BYTES].cast("Q")
        self.head = SegmentHead.of(self._bytes[:HEAD_BYTES])

    # Memory behind the end of its file must not be read: that ends the process with SIGBUS. The
    # writer cuts off only what is not committed. Others may cut off more, so ``committed``,
    # with which every look at a segment begins, checks the size of the file.

    @property
    def committed(self) -> int:
        """The end of the last complete record, and the end of the file at most."""
        size = self._map.size()
        self._headless = size < HEAD_BYTES
        return HEAD_BYTES if self._headless else min(self._words[COMMITTED], size, self._size)

    @property
    def next_offset(self) -> int:
        """The offset behind the last complete record."""
        return self.head.first_offset if self._headless else self._words[NEXT_OFFSET]

    @property
    def sealed(self) -> bool:
        """Whether its writer has finished it."""
        return not self._headless and bool(self._words[SEALED])

    @property
    def cut(self) -> bool:
        """Whether the file is shorter than what its writer wrote."""
        self._headless = self._map.size() < HEAD_BYTES
        if self._headless:
            return True
        written = self._words[COMMITTED]  # before the size: the writer may go on, and seal
        return min(self._map.size(), self._size) < written

    @property
    def intact(self) -> bool:
        """Whether the heads of all committed records can be read."""
        place, end = HEAD_BYTES, self.committed
        while (head := self.head_at(place, end)) is not None:
            place += head.size
        return place == end

    def record(self, place: int, end: int) -> tuple[Record | None, int]:
        """The record at a place, and the place of the next one; ``end`` is that of all records.

        For a damaged record, which is counted, None and the place of the next readable one.
        """
        found, behind = self.records(place, end, 1)
        return (found[0] if found else None), behind

    def records(self, place: int, end: int, most: int) -> tuple[list[Record], int]:
        """The next records from a place on, at most ``most``, and the place behind them.

        ``end`` is that of all records. Damaged ones are counted and left out. The place moves on
        even if all of them are damaged.
        """
        found, bounds = list[Record](), list[int]()
        data, head_bytes = self._bytes, RECORD_STRUCT.size
        while len(found) < most and (head := self.head_at(place, end)) is not None:
            start = place + head_bytes
            found.append(Record(place, head, data[start : start + head.length]))
            place = start + ((head.length + 7) & ~7)  # as `RecordHead.size`, and twice as fast
            bounds += (start, place)
        return (self._intact(found, bounds), place) if found else ([], self._resume(place, end))

    def span(self, records: Sequence[Record]) -> memoryview | None:
        """The bytes of records with their heads; None if others lie between them."""
        first, last = records[0], records[-1]
        end = last.place + last.head.size
        if sum(each.head.size for each in records) != end - first.place:
            return None
        return self._bytes[first.place : end]

    def _intact(self, records: list[Record], bounds: list[int]) -> list[Record]:
        """Those of successive records whose messages have the right sums; counts the others.

        ``bounds`` are where each message begins, and where its record ends. The sums of all
        messages are computed in one call, from words of 8 bytes: a message is followed by zeros up
        to the end of its last word.
        """
        words = np.frombuffer(self._map, np.uint64, bounds[-1] // 8)
        places = np.minimum(np.array(bounds[:-1]) // 8, words.size - 1)
        sums = np.add.reduceat(words, places)[::2].tolist()
        if sums == [each.head.checksum for each in records]:
            return records
        intact = [
            each
            for each, total in zip(records, sums, strict=True)
            # The sum is another one if a message is empty, or not followed by zeros.
            if each.head.checksum in (total, checksum((each.data,)))
        ]
        self.damaged += len(records) - len(intact)
        return intact

    def heads(self, place: int, end: int) -> Iterator[tuple[int, RecordHead]]:
        """The places and heads of all records from a place on, as far as they can be read."""
        while place < end:
            head = self.head_at(place, end)
            if head is None:
                place = self._resume(place, end)
                self.damaged -= 1
            else:
                yield place, head
                place += head.size

    def scan(
        self,
        *,
        stop_ns: int | None = None,
        stop_offset: int | None = None,
        by_chunks: bool = False,
    ) -> SegmentScan:
        """The scan up to a place, see `SegmentScan`.

        The place is the first message of the first pulse at or after ``stop_ns``, or the message
        at ``stop_offset``, or else the end. Without marks, pulses are told apart ``by_chunks``.
        """
        scan = SegmentScan(self.head, by_chunks=by_chunks)
        end = self.committed
        for place, head in self.heads(HEAD_BYTES, end):
            carried = head.offset < self.head.first_offset
            if stop_offset is not None and not carried and head.offset >= stop_offset:
                scan.end_at(place, head.offset)
                return scan
            if head.kind == EntryKind.MARK:
                if stop_ns is not None and max(scan.count.mark_ns, head.time_ns) >= stop_ns:
                    return scan
                scan.add_mark(place, head)
            elif head.kind == EntryKind.CHUNK:
                if by_chunks and stop_ns is not None and head.time_ns >= stop_ns:
                    return scan
                scan.add_chunk(place, head)
            elif head.kind == EntryKind.LOG:
                scan.add_value(place, head, carried=carried)
            scan.next_offset = max(scan.next_offset, head.offset + 1)
        if stop_ns is None:
            scan.end_at(end, scan.next_offset)
        return scan

    def head_at(self, place: int, end: int) -> RecordHead | None:
        """The head of the record at a place; None if it cannot be read."""
        if place + RECORD_STRUCT.size > end:
            return None
        magic, *fields, crc, _ = RECORD_STRUCT.unpack_from(self._bytes, place)
        if magic != RECORD_MAGIC:
            return None
        if crc != zlib.crc32(self._bytes[place : place + CHECKED_BYTES]):
            return None
        head = RecordHead._make(fields)
        return head if place + head.size <= end else None

    def _resume(self, place: int, end: int) -> int:
        """The place of the next record whose head can be read; counts a damaged one."""
        self.damaged += 1
        while (place := self._map.find(RECORD_MAGIC, place + 1, end)) >= 0:
            if place % 8 == 0 and self.head_at(place, end) is not None:
                return place
        return end
