"""How many pulses a partition has had before a place: by its marks, or by its chunks."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.event_log.entries import EntryKind
from reduction.event_log.storage.segments import SegmentHead

MARK, CHUNK = int(EntryKind.MARK), int(EntryKind.CHUNK)
"""Plain numbers, because kinds are compared for every message."""


@dataclass
class PulseCount:
    """The pulses of a partition so far. Times are pulse times, ns since 1970.

    - ``marks``, ``mark_ns``: how many marks there were, and their latest time; 0 without marks
    - ``chunk_pulses``, ``chunk_ns``: how often a chunk had a later time than all chunks before it,
      and the latest time of all chunks; -1 without chunks
    """

    marks: int = 0
    mark_ns: int = 0
    chunk_pulses: int = 0
    chunk_ns: int = -1

    @classmethod
    def before(cls, head: SegmentHead) -> PulseCount:
        """The pulses before a segment."""
        return cls(head.pulses_before, head.time_before_ns, head.chunk_pulses, head.chunk_time_ns)

    @property
    def pulses(self) -> int:
        """How many pulses there were: by marks, or by chunks if there were no marks."""
        return self.marks or self.chunk_pulses

    @property
    def time_ns(self) -> int:
        """The time of the last pulse; 0 if there was none."""
        return self.mark_ns if self.marks else max(self.chunk_ns, 0)

    def note(self, kind: int, time_ns: int) -> None:
        """Note the next message of the partition, by its `EntryKind` and its time."""
        if kind == MARK:
            self.marks += 1
            self.mark_ns = max(self.mark_ns, time_ns)
        elif kind == CHUNK and time_ns > self.chunk_ns:
            self.chunk_pulses += 1
            self.chunk_ns = time_ns
