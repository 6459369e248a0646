"""One partition of the stream: which chunks are new, late or lost, which pulses are complete.

`reduction.stream.messages` says what the order of messages in a partition promises.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from reduction.stream import pulse_ranges
from reduction.stream.chunk_counter import Arrival, ChunkCounter
from reduction.stream.messages import Chunk

NO_PULSE = -1
"""Time and number of a pulse where there is none yet."""


@dataclass
class Faults:
    """Messages that were not as they should be, each counted under its own name."""

    corrupt: int = 0
    unknown: int = 0
    repeated: int = 0
    out_of_order: int = 0
    missing: int = 0
    bad_time: int = 0
    bad_log: int = 0
    ignored: int = 0

    @classmethod
    def total(cls, faults: Iterable[Faults]) -> Self:
        """The sum of the faults of several partitions."""
        columns = zip(*(dataclasses.astuple(each) for each in faults), strict=True)
        return cls(*(sum(column) for column in columns))


class CompletePulse(NamedTuple):
    """A pulse that is complete in a partition: its time, ns since the Unix epoch, and number."""

    time_ns: int
    number: int


class PartitionState:
    """How far one partition has come, and what is missing of it.

    - ``faults``: what was wrong with its messages
    - ``reached``: the last pulse that is complete
    - ``newest_ns``: the latest pulse time of anything that has arrived
    - ``complete_from_ns``: from this time on all of each pulse has arrived; None if none has yet
    - ``uncut``: complete pulses that are not cut yet, in their order
    - ``incomplete``: numbers of the pulses of which something is missing

    The mark at the end of each pulse tells how many chunks there were; `ChunkCounter` compares.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.reached = CompletePulse(NO_PULSE, NO_PULSE)
        self.newest_ns = NO_PULSE
        self.complete_from_ns: int | None = None
        self.uncut: deque[CompletePulse] = deque()
        self.incomplete: list[pulse_ranges.PulseRange] = []
        self._counter = ChunkCounter()

    def chunk(self, chunk: Chunk) -> bool:
        """Note a chunk; whether its events are new."""
        match self._counter.note(chunk, passed=chunk.pulse_time_ns <= self.reached.time_ns):
            case Arrival.REPEATED:
                self.faults.repeated += 1
                return False
            case Arrival.PASSED:
                self.faults.bad_time += 1
                return False
            case Arrival.OUT_OF_ORDER:
                self.faults.out_of_order += 1
            case Arrival.LATE:
                self.faults.out_of_order += 1
                self.faults.missing -= 1
        if self._counter.completed is not None:
            pulse_ranges.discard(self.incomplete, self._counter.completed)
        self.newest_ns = max(self.newest_ns, chunk.pulse_time_ns)
        return True

    def mark(self, number: int, time_ns: int, chunks_sent: int) -> None:
        """Note the end of a pulse, by which ``chunks_sent`` chunks have been sent in all."""
        if time_ns <= self.reached.time_ns:
            self.faults.repeated += 1
            return
        if self.complete_from_ns is None:
            from_start = self._counter.heard_from_start(chunks_sent)
            self.complete_from_ns = time_ns if from_start else time_ns + 1
        lost = self._counter.mark(number, chunks_sent)
        self._note_incomplete(number, lost)
        self.reached = CompletePulse(time_ns, number)
        self.uncut.append(self.reached)
        self.newest_ns = max(self.newest_ns, time_ns)

    def _note_incomplete(self, number: int, lost: int) -> None:
        """Note, at the end of a pulse, that it or pulses before it are not complete."""
        self.faults.missing += lost
        if self.reached.number != NO_PULSE and number > self.reached.number + 1:
            pulse_ranges.add(self.incomplete, self.reached.number + 1, number - 1)
        if lost:
            pulse_ranges.add(self.incomplete, number, number)

    def cut(self, time_ns: int) -> None:
        """Pulses up to ``time_ns`` are cut."""
        while self.uncut and self.uncut[0].time_ns <= time_ns:
            self.uncut.popleft()

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        pulse_ranges.discard_below(self.incomplete, number)
        self._counter.forget(number)

    def number_at(self, time_ns: int) -> int:
        """Number of the first uncut pulse at or after ``time_ns``; `NO_PULSE` if there is none."""
        return next((each.number for each in self.uncut if each.time_ns >= time_ns), NO_PULSE)
