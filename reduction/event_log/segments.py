"""Segments: the files that an event log is kept in, and the records in them.

A segment is a file of a fixed size with messages of one partition. It begins with a head of one
page. Then come records, each at a multiple of 8 bytes: a record head, the bytes of the message, and
zeros up to the next multiple of 8. ``committed`` in the head is the end of the last record that is
complete. It is written after the record, so that nobody reads a record that is half there. The
first records of a segment are the last values of all logs, with the offsets that they had.

There is one host, one writer and a byte order. A store of 8 aligned bytes to mapped memory is
atomic, and readers on x86 see stores in their order; elsewhere the sums tell what came too early.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reduction.event_log.entries import EntryKind
from reduction.stream.ev44 import Buffer

MAGIC = b"LRSG0001"
RECORD_MAGIC = b"LRec"
HEAD_BYTES = mmap.PAGESIZE
SUFFIX = ".segment"

HEAD = struct.Struct("<8sQQQqQQqI")
"""`SegmentHead` with its magic bytes before, and the CRC-32 of all that behind."""

RECORD = struct.Struct("<4sIIIqQQII")
"""`RecordHead` with magic bytes before, and the CRC-32 of all that and a zero behind."""

COMMITTED, NEXT_OFFSET, SEALED = 16, 17, 18
"""Where the changing parts of the head are, in words of 8 bytes."""


class Damaged(ValueError):
    """A segment whose head is not that of a segment."""


@dataclass(frozen=True)
class SegmentHead:
    """What a segment says of itself when it is made.

    - ``partition``, ``first_offset``: where its first own message belongs
    - ``sequence``: which segment of the log it is, over all partitions
    - ``time_before_ns``: the latest time of all marks before it, ns since 1970
    - ``pulses_before``: how many marks the partition had before it
    - ``pulse_offset``: offset of the first message of the pulse that it begins in
    - ``created_ns``: when it was made, ns since 1970
    """

    partition: int
    first_offset: int
    sequence: int
    time_before_ns: int
    pulses_before: int
    pulse_offset: int
    created_ns: int

    def packed(self) -> bytes:
        """Its bytes, `HEAD` long."""
        fields = HEAD.pack(MAGIC, *astuple(self), 0)[:-4]
        return fields + struct.pack("<I", zlib.crc32(fields))

    @classmethod
    def of(cls, data: Buffer) -> SegmentHead:
        """The head in the first bytes of a segment; raises `Damaged`."""
        if len(data) < HEAD_BYTES:
            raise Damaged("it is too short")
        magic, *fields, crc = HEAD.unpack_from(data)
        if magic != MAGIC or crc != zlib.crc32(data[: HEAD.size - 4]):
            raise Damaged("its head is damaged")
        return cls(*fields)


class RecordHead(NamedTuple):
    """What stands before a message; `LogEntry` has the meanings.

    ``log_id`` is the same for all values of one log in one segment.
    """

    length: int
    kind: int
    log_id: int
    time_ns: int
    offset: int
    checksum: int

    def packed(self) -> bytes:
        """Its bytes, `RECORD` long."""
        fields = RECORD.pack(RECORD_MAGIC, *self, 0, 0)[:-8]
        return fields + struct.pack("<II", zlib.crc32(fields), 0)

    @property
    def size(self) -> int:
        """Length of the whole record."""
        return RECORD.size + padded(self.length)


def padded(length: int) -> int:
    """A length in bytes, up to the next multiple of 8."""
    return -(-length // 8) * 8


def checksum(pieces: Iterable[Buffer]) -> int:
    """The sum of the bytes of a message as little-endian words of 8, the last one with zeros.

    It is 15 times as fast as a CRC-32, and finds what disks and crashes do.
    """
    total, rest = 0, b""
    for piece in pieces:
        if rest or len(piece) % 8:
            rest, total = _add_unaligned(rest, piece, total)
        else:
            total += int(np.add.reduce(np.frombuffer(piece, np.uint64), dtype=np.uint64))
    return (total + int.from_bytes(rest, "little")) % 2**64


def _add_unaligned(rest: bytes, piece: Buffer, total: int) -> tuple[bytes, int]:
    """What is left of a piece, and the sum, if ``rest`` of the piece before comes first."""
    fill = -len(rest) % 8
    first = rest + bytes(piece[:fill])
    if len(first) < 8 and rest:
        return first, total
    words, after = divmod(len(piece) - fill, 8)
    total += int.from_bytes(first, "little")
    total += int(
        np.add.reduce(np.frombuffer(piece, np.uint64, words, fill), dtype=np.uint64) if words else 0
    )
    return bytes(piece[len(piece) - after :]) if after else b"", total


def segment_path(folder: Path, partition: int, first_offset: int) -> Path:
    """Where the segment of a partition is that begins with an offset."""
    return partition_folder(folder, partition) / f"{first_offset:020d}{SUFFIX}"


def partition_folder(folder: Path, partition: int) -> Path:
    """The folder of a partition's segments."""
    return folder / f"partition-{partition}"


def segment_paths(folder: Path, partition: int) -> list[Path]:
    """The segments of a partition, in their order."""
    try:
        names = os.listdir(partition_folder(folder, partition))
    except FileNotFoundError:
        return []
    place = partition_folder(folder, partition)
    return [place / name for name in sorted(names) if is_segment(name)]


def is_segment(name: str) -> bool:
    """Whether a file name is that of a segment."""
    return name.endswith(SUFFIX) and name.removesuffix(SUFFIX).isdigit()


def first_offset(path: Path) -> int:
    """The offset of the first message of a segment, as its name has it."""
    return int(path.name.removesuffix(SUFFIX))


def head_of(path: Path) -> SegmentHead:
    """The head of a segment; raises `Damaged`, and OSError if it is gone."""
    with path.open("rb", buffering=0) as file:
        return SegmentHead.of(file.read(HEAD_BYTES))


class Record(NamedTuple):
    """A record: where it is in its segment, its head and its message."""

    place: int
    head: RecordHead
    data: memoryview


class SegmentScan:
    """What lies in a segment before a place: that of a pulse's first message, unless ended.

    - ``place``, ``offset``: the place, and the offset of the message there
    - ``starts_before``: whether the pulse at the place begins in a segment before this one
    - ``time_ns``, ``pulses``: the latest time of all marks before the place, and their number
    - ``next_offset``: offset behind the last message that was looked at
    - ``pulse_offset``: offset of the first message of the last pulse that was looked at
    - ``values``: places of the last value of each log, by their coming and by their time
    """

    def __init__(self, head: SegmentHead) -> None:
        self.place, self.offset = HEAD_BYTES, head.pulse_offset
        self.starts_before = head.pulse_offset < head.first_offset
        self.time_ns, self.pulses = head.time_before_ns, head.pulses_before
        self.next_offset, self.pulse_offset = head.first_offset, head.pulse_offset
        self._newest: dict[int, int] = {}
        self._latest: dict[int, tuple[int, int]] = {}
        self._of_pulse: list[tuple[int, int, int]] = []

    @property
    def values(self) -> list[int]:
        """Places of the last values of all logs before the place, in their order."""
        return sorted({*self._newest.values(), *(place for _, place in self._latest.values())})

    def add_mark(self, place: int, head: RecordHead) -> None:
        """A pulse ends here: the next one is the place, for now."""
        self.time_ns, self.pulses = max(self.time_ns, head.time_ns), self.pulses + 1
        self.pulse_offset = head.offset + 1
        self.end_at(place + head.size, head.offset + 1)

    def add_value(self, place: int, head: RecordHead, *, carried: bool) -> None:
        """A log value, of the pulse that has not ended yet unless it was ``carried`` here."""
        self._of_pulse.append((head.log_id, head.time_ns, place))
        if carried:
            self._note_values()
            self.place = place + head.size

    def end_at(self, place: int, offset: int) -> None:
        """The place is this one, and all values so far are before it."""
        self._note_values()
        self.place, self.offset, self.starts_before = place, offset, False

    def _note_values(self) -> None:
        for log_id, time_ns, place in self._of_pulse:
            self._newest[log_id] = place
            if time_ns >= self._latest.get(log_id, (time_ns, 0))[0]:
                self._latest[log_id] = time_ns, place
        self._of_pulse.clear()


class SegmentView:
    """A segment mapped to be read; it stays readable when its file has gone.

    ``damaged`` counts records that could not be read. Raises `Damaged` for a head that cannot be
    read, and OSError if the file is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        with path.open("rb", buffering=0) as file:
            # Its writer may cut off what is not used meanwhile, but nothing that is committed.
            if os.fstat(file.fileno()).st_size < HEAD_BYTES:
                raise Damaged("it is too short")
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self._size = len(self._map)
        self._bytes = memoryview(self._map)
        self._words = self._bytes[:HEAD_BYTES].cast("Q")
        self.head = SegmentHead.of(self._bytes[:HEAD_BYTES])

    @property
    def committed(self) -> int:
        """The end of the last complete record."""
        return min(self._words[COMMITTED], self._size)

    @property
    def next_offset(self) -> int:
        """The offset behind the last complete record."""
        return self._words[NEXT_OFFSET]

    @property
    def sealed(self) -> bool:
        """Whether nothing is written to it any more."""
        return bool(self._words[SEALED])

    def record(self, place: int, end: int) -> tuple[Record | None, int]:
        """The record at a place, and the place of the next one; ``end`` is what is committed.

        A record that is damaged is counted and passed over; then there is None.
        """
        head = self.head_at(place, end)
        if head is None:
            return None, self._resume(place, end)
        start = place + RECORD.size
        data = self._bytes[start : start + head.length]
        if checksum((data,)) != head.checksum:
            self.damaged += 1
            return None, place + head.size
        return Record(place, head, data), place + head.size

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

    def scan(self, *, stop_ns: int | None = None, stop_offset: int | None = None) -> SegmentScan:
        """What lies before a place: see `SegmentScan`.

        The place is the first message of the first pulse at or after ``stop_ns``, or the message
        at ``stop_offset``, or else the end.
        """
        scan = SegmentScan(self.head)
        end = self.committed
        for place, head in self.heads(HEAD_BYTES, end):
            carried = head.offset < self.head.first_offset
            if stop_offset is not None and not carried and head.offset >= stop_offset:
                scan.end_at(place, head.offset)
                return scan
            if head.kind == EntryKind.MARK:
                if stop_ns is not None and max(scan.time_ns, head.time_ns) >= stop_ns:
                    return scan
                scan.add_mark(place, head)
            elif head.kind == EntryKind.LOG:
                scan.add_value(place, head, carried=carried)
            scan.next_offset = max(scan.next_offset, head.offset + 1)
        if stop_ns is None:
            scan.end_at(end, scan.next_offset)
        return scan

    def head_at(self, place: int, end: int) -> RecordHead | None:
        """The head of the record at a place; None if there is none that can be read."""
        if place + RECORD.size > end:
            return None
        magic, *fields, crc, _ = RECORD.unpack_from(self._bytes, place)
        if magic != RECORD_MAGIC:
            return None
        if crc != zlib.crc32(self._bytes[place : place + RECORD.size - 8]):
            return None
        head = RecordHead(*fields)
        return head if place + head.size <= end else None

    def _resume(self, place: int, end: int) -> int:
        """Count a record that is damaged; the place of the next one that has a head."""
        self.damaged += 1
        while (place := self._map.find(RECORD_MAGIC, place + 1, end)) >= 0:
            if place % 8 == 0 and self.head_at(place, end) is not None:
                return place
        return end
