"""Segments, the files of an event log, and the records in them.

A segment is a file of a fixed size with messages of one partition. It begins with a head of one
page. Then come records, each at a multiple of 8 bytes: a record head, the bytes of the message, and
zeros up to the next multiple of 8. ``committed`` in the head is the end of the last record that is
complete. It is written after the record, so that no reader sees half a record. The first records
of a segment are the last values of all logs before it, with the offsets that they had.

There is one writer. It and all readers run on one host, with one byte order. A store of 8 aligned
bytes to mapped memory is atomic. On x86 readers see stores in their order. On other processors a
record may be read too early; its checksum is wrong then.
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

from reduction.host.file_system.regular_files import open_regular_file
from reduction.messages.flat_tables import Buffer

SEGMENT_MAGIC = b"LRSG0001"
RECORD_MAGIC = b"LRec"
HEAD_BYTES = mmap.PAGESIZE
SEGMENT_MESSAGES = 4096
"""The most messages in a segment. A seek looks at the heads of all of them, for some ms at most."""

SUFFIX = ".segment"

HEAD_STRUCT = struct.Struct("<8sQQQqQQqI")
"""Magic bytes, a `SegmentHead`, and the CRC-32 of both."""

CHUNK_AT, CHUNK_STRUCT = 72, struct.Struct("<qQII")
"""Time and offset of chunks, with their CRC-32 and a zero; older logs do not have them."""

COUNT_AT, COUNT_STRUCT = CHUNK_AT + CHUNK_STRUCT.size, struct.Struct("<QII")
"""The number of pulses by chunks, with its CRC-32 and a zero; older logs do not have it."""

RECORD_STRUCT = struct.Struct("<4sIIIqQQII")
"""Magic bytes, a `RecordHead`, the CRC-32 of both, and a zero."""

COMMITTED, NEXT_OFFSET, SEALED = 16, 17, 18
"""Places of the fields of the head that change, in words of 8 bytes."""


class Damaged(ValueError):
    """A segment whose head cannot be read."""


@dataclass(frozen=True)
class SegmentHead:
    """The head of a segment, which is written when the segment is made.

    - ``partition``, ``first_offset``: of its first message, after the values from before it
    - ``sequence``: its number, counted over all partitions of the log
    - ``time_before_ns``: the latest time of all marks before it, ns since 1970
    - ``pulses_before``: how many marks the partition had before it
    - ``pulse_offset``: offset of the first message of the pulse that it begins in
    - ``created_ns``: when it was made, ns since 1970
    - ``chunk_time_ns``: the latest pulse time of all chunks before it, ns since 1970; -1 if unknown
    - ``chunk_offset``: offset behind the last chunk before it
    - ``chunk_pulses``: how many pulses the chunks before it were of
    """

    partition: int
    first_offset: int
    sequence: int
    time_before_ns: int
    pulses_before: int
    pulse_offset: int
    created_ns: int
    chunk_time_ns: int = -1
    chunk_offset: int = 0
    chunk_pulses: int = 0

    def packed(self) -> bytes:
        """Its bytes, those of `HEAD_STRUCT`, `CHUNK_STRUCT` and `COUNT_STRUCT`."""
        *values, chunk_time_ns, chunk_offset, chunk_pulses = astuple(self)
        fields = HEAD_STRUCT.pack(SEGMENT_MAGIC, *values, 0)[:-4]
        crc = struct.pack("<II", zlib.crc32(fields), 0)
        chunk = struct.pack("<qQ", chunk_time_ns, chunk_offset)
        chunk += struct.pack("<II", zlib.crc32(chunk), 0)
        count = struct.pack("<Q", chunk_pulses)
        return fields + crc + chunk + count + struct.pack("<II", zlib.crc32(count), 0)

    @classmethod
    def of(cls, data: Buffer) -> SegmentHead:
        """The head in the first bytes of a segment; raises `Damaged`."""
        if len(data) < HEAD_BYTES:
            raise Damaged("it is too short")
        magic, *fields, crc = HEAD_STRUCT.unpack_from(data)
        if magic != SEGMENT_MAGIC or crc != zlib.crc32(data[: HEAD_STRUCT.size - 4]):
            raise Damaged("its head is damaged")
        return cls(*fields, *_later_fields(data))


def _later_fields(data: Buffer) -> Iterator[int]:
    """The fields of a head that came with later versions, as far as it has them."""
    for place, layout in ((CHUNK_AT, CHUNK_STRUCT), (COUNT_AT, COUNT_STRUCT)):
        *values, crc, _ = layout.unpack_from(data, place)
        if crc != zlib.crc32(data[place : place + layout.size - 8]):
            return
        yield from values


class RecordHead(NamedTuple):
    """The head of a record; `reduction.event_log.entries.LogEntry` explains its fields.

    ``log_id`` is the same for all values of one log in one segment.
    """

    length: int
    kind: int
    log_id: int
    time_ns: int
    offset: int
    checksum: int

    def packed(self) -> bytes:
        """Its bytes, as many as `RECORD_STRUCT` has."""
        fields = RECORD_STRUCT.pack(RECORD_MAGIC, *self, 0, 0)[:-8]
        return fields + struct.pack("<II", zlib.crc32(fields), 0)

    @property
    def size(self) -> int:
        """The length of the record, with its message, in bytes."""
        return RECORD_STRUCT.size + padded(self.length)


def padded(length: int) -> int:
    """A length in bytes, rounded up to a multiple of 8."""
    return -(-length // 8) * 8


def checksum(pieces: Iterable[Buffer]) -> int:
    """The sum of a message's little-endian words of 8 bytes, modulo 2^64.

    The last word is filled up with zeros. This is 15 times as fast as a CRC-32, and detects the
    damage that disks and crashes do.
    """
    total, rest = 0, b""
    for piece in pieces:
        if rest or len(piece) % 8:
            rest, total = _add_unaligned(rest, piece, total)
        else:
            total += int(np.add.reduce(np.frombuffer(piece, np.uint64), dtype=np.uint64))
    return (total + int.from_bytes(rest, "little")) % 2**64


def _add_unaligned(rest: bytes, piece: Buffer, total: int) -> tuple[bytes, int]:
    """The bytes of ``rest`` and a piece that fill no word, and ``total`` plus all other words."""
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
    """The path of the segment of a partition that begins with an offset."""
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
    """The offset of the first message of a segment, from its name."""
    return int(path.name.removesuffix(SUFFIX))


def head_of(path: Path) -> SegmentHead:
    """The head of a segment; raises `Damaged`, and OSError if it is gone or no regular file."""
    with open_regular_file(path) as file:
        return SegmentHead.of(file.read(HEAD_BYTES))
