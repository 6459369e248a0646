"""What arrives in a partition: which chunks are new, late or lost, and which pulses are complete.

No sockets here: messages go in, events of whole pulses come out. See
`reduction.stream.messages` for what the order of messages in a partition promises.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from reduction.stream import pulse_ranges
from reduction.stream.logs import Logs
from reduction.stream.messages import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
)

AHEAD_NS = 60_000_000_000
"""A pulse time further ahead of the clock than this is absurd."""

MOST_MISSING = 100_000
"""Most missing chunks that a gap counts for, however far a corrupt id jumps, and that are known."""

BEHIND_NS = 600_000_000_000
"""So is one that comes later than this after its pulse was complete."""

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


@dataclass
class PartitionState:
    """One partition of the stream, as far as it has come.

    ``reached_ns``: all up to and including this pulse time has arrived, which is pulse number
    ``last_pulse``; of ``newest_ns`` something has. ``marks``: the (time,
    number) of pulses not yet cut. ``complete_from_ns``: time of the first pulse that is whole here.
    ``incomplete``: numbers of pulses, as [first, last] runs, of which something is missing.
    """

    faults: Faults = field(default_factory=Faults)
    reached_ns: int = NO_PULSE
    newest_ns: int = NO_PULSE
    last_pulse: int = NO_PULSE
    complete_from_ns: int | None = None
    marks: deque[tuple[int, int]] = field(default_factory=deque)
    incomplete: list[pulse_ranges.PulseRange] = field(default_factory=list)
    _next_id: int | None = None
    _from_start: bool = False
    _missing: dict[int, int | None] = field(default_factory=dict)
    _unplaced: list[int] = field(default_factory=list)

    def chunk(self, chunk: Chunk) -> bool:
        """Note a chunk; whether its events are new."""
        if self._next_id is None:
            self._next_id, self._from_start = chunk.message_id, chunk.message_id == 0
        if chunk.message_id < self._next_id:
            if chunk.pulse_time_ns <= self.newest_ns:
                return self._late(chunk.message_id)
            self._restart()
        self._lose(chunk.message_id)
        self._next_id = chunk.message_id + 1
        self.newest_ns = max(self.newest_ns, chunk.pulse_time_ns)
        return True

    def mark(self, number: int, time_ns: int, chunks_sent: int) -> None:
        """Note the end of a pulse."""
        if time_ns <= self.reached_ns:
            self.faults.repeated += 1
            return
        if self._next_id is None:
            self._next_id, self._from_start = chunks_sent, chunks_sent == 0
        elif chunks_sent < self._next_id:
            self._restart()
        self._lose(chunks_sent)
        self._close(number)
        if self.complete_from_ns is None:
            self.complete_from_ns = time_ns if self._from_start else time_ns + 1
        self.marks.append((time_ns, number))
        self.reached_ns = time_ns
        self.newest_ns = max(self.newest_ns, time_ns)
        self.last_pulse = number

    def _restart(self) -> None:
        """The source began anew: its chunks count from 0 again."""
        self._next_id = 0
        self._missing.clear()
        self._unplaced.clear()

    def _lose(self, until: int) -> None:
        """Note the chunks from the next expected one up to ``until`` as missing."""
        assert self._next_id is not None
        gap = range(self._next_id, until)[-MOST_MISSING:]
        self.faults.missing += len(gap)
        self._missing.update(dict.fromkeys(gap))
        self._unplaced.extend(gap)
        while len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]
        self._next_id = max(until, self._next_id)

    def _late(self, message_id: int) -> bool:
        if message_id not in self._missing:
            self.faults.repeated += 1
            return False
        pulse = self._missing.pop(message_id)
        self.faults.out_of_order += 1
        self.faults.missing -= 1
        if pulse is not None and pulse not in self._missing.values():
            pulse_ranges.discard(self.incomplete, pulse)
        return True

    def _close(self, number: int) -> None:
        """Put what is missing down to the pulses it belongs to."""
        if self.last_pulse != NO_PULSE and number > self.last_pulse + 1:
            pulse_ranges.add(self.incomplete, self.last_pulse + 1, number - 1)
        unplaced = [key for key in self._unplaced if key in self._missing]
        self._unplaced.clear()
        if unplaced:
            self._missing.update(dict.fromkeys(unplaced, number))
            pulse_ranges.add(self.incomplete, number, number)

    def cut(self, time_ns: int) -> None:
        """Forget the marks up to ``time_ns``."""
        while self.marks and self.marks[0][0] <= time_ns:
            self.marks.popleft()

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        pulse_ranges.discard_below(self.incomplete, number)
        self._missing = {
            key: pulse for key, pulse in self._missing.items() if pulse is None or pulse >= number
        }

    def number_at(self, time_ns: int) -> int:
        """Number of the first pulse at or after ``time_ns`` that is not yet cut; -1 if none is."""
        return next((number for time, number in self.marks if time >= time_ns), -1)


class PulseAssembler:
    """The partitions that one rank reads.

    ``pending``: chunks whose pulses are not yet cut, or that came late.
    """

    def __init__(self, partitions: list[int], clock_ns: Callable[[], int]) -> None:
        self.partitions = {number: PartitionState() for number in partitions}
        self.pending: list[Chunk] = []
        self.logs = Logs()
        self._clock_ns = clock_ns

    def take(self, partition: int, message: bytes) -> None:
        """Take a message; one that is not as it should be is counted and left."""
        here = self.partitions[partition]
        try:
            content = decode(message)
        except UnknownSchema:
            here.faults.unknown += 1
            return
        except CorruptMessage:
            here.faults.corrupt += 1
            return
        if isinstance(content, LogValue):
            self._log(here, content)
        else:
            self._chunks(here, content)

    def _log(self, here: PartitionState, log: LogValue) -> None:
        if not self._plausible(log.time_ns, here):
            here.faults.bad_time += 1
        elif log.name == PULSE_MARK:
            if log.value.size != 2 or log.value.dtype.kind != "i":
                here.faults.corrupt += 1
                return
            number, chunks_sent = (int(n) for n in log.value)
            if not (0 <= number < 2**31 and chunks_sent >= 0):
                here.faults.corrupt += 1
                return
            here.mark(number, log.time_ns, chunks_sent)
        elif log.value.size == 1 and math.isfinite(log.value[0]):
            self.logs.add(log.name, log.time_ns, float(log.value[0]))

    def _chunks(self, here: PartitionState, chunks: list[Chunk]) -> None:
        if not all(self._plausible(chunk.pulse_time_ns, here) for chunk in chunks):
            here.faults.bad_time += 1
        elif here.chunk(chunks[-1]):
            self.pending.extend(chunks)

    def _plausible(self, time_ns: int, here: PartitionState) -> bool:
        return max(0, here.reached_ns - BEHIND_NS) < time_ns <= self._clock_ns() + AHEAD_NS

    @property
    def reached(self) -> tuple[int, int]:
        """Time and number of the last pulse that is complete in all partitions."""
        return min((each.reached_ns, each.last_pulse) for each in self.partitions.values())

    @property
    def newest_ns(self) -> int:
        """The latest pulse time of anything that came."""
        return max(each.newest_ns for each in self.partitions.values())

    @property
    def complete_from_ns(self) -> int:
        """The pulse time from which pulses are whole in all partitions that were heard."""
        return max(each.complete_from_ns or 0 for each in self.partitions.values())

    def number_at(self, time_ns: int) -> int:
        """Number of the first uncut pulse at or after ``time_ns``; -1 if none is."""
        return max(each.number_at(time_ns) for each in self.partitions.values())

    def marks(self, since_ns: int) -> list[int]:
        """Times of the uncut pulses from ``since_ns`` on, as the first partition has them."""
        first = next(iter(self.partitions.values()))
        return [time_ns for time_ns, _ in first.marks if time_ns >= since_ns]

    def cut(self, time_ns: int) -> list[Chunk]:
        """The chunks of pulses up to ``time_ns``, no longer pending."""
        for each in self.partitions.values():
            each.cut(time_ns)
        ready = [chunk for chunk in self.pending if chunk.pulse_time_ns <= time_ns]
        self.pending = [chunk for chunk in self.pending if chunk.pulse_time_ns > time_ns]
        return ready

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        for each in self.partitions.values():
            each.forget(number)

    @property
    def incomplete(self) -> list[pulse_ranges.PulseRange]:
        """Runs of pulse numbers of which something is missing in a partition."""
        return [run for each in self.partitions.values() for run in each.incomplete]

    @property
    def faults(self) -> Faults:
        """The faults of all partitions."""
        rows = [dataclasses.astuple(each.faults) for each in self.partitions.values()]
        return Faults(*(sum(column) for column in zip(*rows, strict=True)))
