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
from reduction.stream.messages import Chunk

MOST_MISSING = 100_000
"""Most missing chunks that one gap counts for, and that are known by their ids at a time.

So a corrupt id, however far it jumps, costs a bounded time and memory.
"""

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

    Chunks and pulses are known to be missing by the ids of chunks, which count up by one, and by
    the number of chunks that the mark at the end of each pulse tells.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.reached = CompletePulse(NO_PULSE, NO_PULSE)
        self.newest_ns = NO_PULSE
        self.complete_from_ns: int | None = None
        self.uncut: deque[CompletePulse] = deque()
        self.incomplete: list[pulse_ranges.PulseRange] = []
        self._next_id: int | None = None
        self._from_start = False
        self._missing: dict[int, int | None] = {}
        """Ids of missing chunks, and the number of the pulse that each belongs to, once known."""
        self._without_pulse: list[int] = []
        """Ids that went missing since the last mark: the next mark tells their pulse."""

    def chunk(self, chunk: Chunk) -> bool:
        """Note a chunk; whether its events are new."""
        if self._next_id is None:
            self._next_id, self._from_start = chunk.message_id, chunk.message_id == 0
        if chunk.message_id < self._next_id:
            if chunk.pulse_time_ns <= self.newest_ns:
                return self._late(chunk.message_id)
            self._restart()
        self._note_missing(chunk.message_id)
        self._next_id = chunk.message_id + 1
        self.newest_ns = max(self.newest_ns, chunk.pulse_time_ns)
        return True

    def mark(self, number: int, time_ns: int, chunks_sent: int) -> None:
        """Note the end of a pulse, by which ``chunks_sent`` chunks have been sent in all."""
        if time_ns <= self.reached.time_ns:
            self.faults.repeated += 1
            return
        if self._next_id is None:
            self._next_id, self._from_start = chunks_sent, chunks_sent == 0
        elif chunks_sent < self._next_id:
            self._restart()
        self._note_missing(chunks_sent)
        self._note_incomplete(number)
        if self.complete_from_ns is None:
            self.complete_from_ns = time_ns if self._from_start else time_ns + 1
        self.reached = CompletePulse(time_ns, number)
        self.uncut.append(self.reached)
        self.newest_ns = max(self.newest_ns, time_ns)

    def _restart(self) -> None:
        """The source has started again: its chunks count from 0 again."""
        self._next_id = 0
        self._missing.clear()
        self._without_pulse.clear()

    def _note_missing(self, until: int) -> None:
        """Note the chunks from the next expected id up to ``until``, not included, as missing."""
        assert self._next_id is not None
        gap = range(self._next_id, until)[-MOST_MISSING:]
        self.faults.missing += len(gap)
        self._missing.update(dict.fromkeys(gap))
        self._without_pulse.extend(gap)
        while len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]
        self._next_id = max(until, self._next_id)

    def _late(self, message_id: int) -> bool:
        """Note a chunk whose id was passed: it was missing, or it comes a second time."""
        if message_id not in self._missing:
            self.faults.repeated += 1
            return False
        pulse = self._missing.pop(message_id)
        self.faults.out_of_order += 1
        self.faults.missing -= 1
        if pulse is not None and pulse not in self._missing.values():
            pulse_ranges.discard(self.incomplete, pulse)
        return True

    def _note_incomplete(self, number: int) -> None:
        """Note, at the end of a pulse, that it or pulses before it are not complete."""
        if self.reached.number != NO_PULSE and number > self.reached.number + 1:
            pulse_ranges.add(self.incomplete, self.reached.number + 1, number - 1)
        missing = [each for each in self._without_pulse if each in self._missing]
        self._without_pulse.clear()
        if missing:
            self._missing.update(dict.fromkeys(missing, number))
            pulse_ranges.add(self.incomplete, number, number)

    def cut(self, time_ns: int) -> None:
        """Pulses up to ``time_ns`` are cut."""
        while self.uncut and self.uncut[0].time_ns <= time_ns:
            self.uncut.popleft()

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        pulse_ranges.discard_below(self.incomplete, number)
        self._missing = {
            key: pulse for key, pulse in self._missing.items() if pulse is None or pulse >= number
        }

    def number_at(self, time_ns: int) -> int:
        """Number of the first uncut pulse at or after ``time_ns``; `NO_PULSE` if there is none."""
        return next((each.number for each in self.uncut if each.time_ns >= time_ns), NO_PULSE)
