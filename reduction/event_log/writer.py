"""The writer of an embedded event log, which appends messages to partitions."""

from __future__ import annotations

import logging
import mmap
import time
from collections.abc import Callable
from pathlib import Path

from reduction.event_log.entries import LogEntry
from reduction.event_log.folder import FOLDER_LOOK_INTERVAL_S, MESSAGE_S, LogFolder, refusing
from reduction.event_log.protocol import LogRefused
from reduction.event_log.storage.last_pulse import last_pulse
from reduction.event_log.storage.partition_writer import PartitionWriter
from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import Damaged, partition_folder, segment_paths
from reduction.event_log.storage.space import PART, SegmentSpace, StoredSegment
from reduction.event_log.storage.stored_records import StoredRecords

SEGMENT_BYTES = 64 * 2**20
"""Size of a segment, unless the limit of the log is too small for eight in each partition."""

SEGMENTS_IN_LIMIT = 8

log = logging.getLogger(__name__)


class LogWriter:
    """The one writer of an embedded event log.

    If its files are deleted it begins a new log in the same folder, and `message` says so. At the
    limit it drops the oldest messages, or, if ``keep`` is set, it refuses new ones.

    Raises `LogRefused` for a folder that is not fit for it, and if there is a writer already.
    """

    def __init__(
        self,
        path: Path,
        partitions: int,
        limit_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        clock_s: Callable[[], float] = time.monotonic,
        *,
        keep: bool = False,
    ) -> None:
        self._path, self._count, self._clock_s = path, partitions, clock_s
        self._limit_bytes, self._keep = limit_bytes, keep
        share = limit_bytes // (SEGMENTS_IN_LIMIT * partitions)
        self._segment_bytes = min(segment_bytes, share // mmap.PAGESIZE * mmap.PAGESIZE)
        self._partitions: list[PartitionWriter] = []
        self._looked_s = clock_s()
        self._told, self._told_s = "", clock_s()
        self._open()

    def _open(self) -> None:
        """Make the log, or go on at the end of the one that exists; raises `LogRefused`."""
        folder = LogFolder(self._path, self._count)
        folder.check(self._limit_bytes)
        self._identity = folder.make()
        self._lock = folder.lock()
        try:
            with refusing(self._path):
                self._space = SegmentSpace(
                    self._limit_bytes, _stored(self._path, self._count), keep=self._keep
                )
                self._last_pulse = last_pulse(self._path, self._count)
                self._partitions = [
                    PartitionWriter(self._path, each, self._segment_bytes, self._space)
                    for each in range(self._count)
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
        """The size of the log on the disk, in bytes."""
        return self._space.size_bytes

    @property
    def oldest_ns(self) -> int:
        """When the oldest segment was made, ns since 1970."""
        return min([self._space.oldest_ns, *(each.created_ns for each in self._partitions)])

    @property
    def message(self) -> str:
        """What somebody did to the files of the log in the last minute; empty if nothing."""
        return self._told if self._clock_s() - self._told_s < MESSAGE_S else ""

    def append(self, partition: int, entry: LogEntry) -> None:
        """Append a message to a partition.

        Raises OSError if the disk is full, and `LogRefused` if the log was deleted and no new one
        can be made. In both cases the message is not appended, and nothing else changes.
        """
        self._writer(partition).append(entry)

    def append_records(self, partition: int, stored: StoredRecords) -> int:
        """Append the first messages of another log to a partition; returns how many, at least one.

        Raises as `append` does, if not even the first one can be appended.
        """
        return self._writer(partition).append_records(stored)

    def _writer(self, partition: int) -> PartitionWriter:
        """The writer of a partition; raises `LogRefused` if the log was deleted."""
        now_s = self._clock_s()
        if now_s - self._looked_s >= FOLDER_LOOK_INTERVAL_S:
            self._looked_s = now_s
            self._look()
        if not self._partitions:
            raise LogRefused(self._told)
        return self._partitions[partition]

    def _look(self) -> None:
        """Go on in new files if those of the log have been deleted or cut."""
        if self._partitions and self._is_there():
            for number, each in enumerate(self._partitions):
                if each.replace_lost_segment():
                    self._tell(f"the last segment of partition {number} was deleted or cut")
            return
        self.close()
        self._partitions = []
        try:
            self._open()
        except LogRefused as error:
            words = f"{error.strerror}; the log of this process was deleted"
            self._told, self._told_s = words, self._looked_s
            raise LogRefused(words) from None
        self._tell("it was deleted, and a new one is begun")

    def _is_there(self) -> bool:
        """Whether the folder holds the log that this writer has opened."""
        try:
            found = LogFolder.found(self._path)
        except LogRefused:
            return True
        return found is not None and found.identity == self._identity

    def _tell(self, words: str) -> None:
        self._told, self._told_s = f"log {self._path}: {words}", self._looked_s
        log.warning("%s; up to %g s of messages are lost", self._told, FOLDER_LOOK_INTERVAL_S)

    def close(self) -> None:
        """Seal the log, and release it for another writer."""
        for each in self._partitions:
            each.close()
        self._lock.close()


def _stored(path: Path, partitions: int) -> list[StoredSegment]:
    """The segments that exist at the start; removes those that were not finished."""
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
