"""The partitions that one rank reads, put together to complete pulses.

There are no sockets here: messages go in, chunks of complete pulses come out.
"""

from __future__ import annotations

from collections.abc import Callable

from reduction.stream import pulse_ranges
from reduction.stream.ev44 import Buffer
from reduction.stream.log_times import LogTimes
from reduction.stream.logs import Logs
from reduction.stream.messages import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    is_number,
)
from reduction.stream.notices import Notices
from reduction.stream.partition_state import CompletePulse, Faults, PartitionState

AHEAD_NS = 60_000_000_000
"""A pulse time that is further ahead of the clock than this is not believed."""

BEHIND_NS = 600_000_000_000
"""Nor is one that lies further than this before the last complete pulse."""

PULSE_NUMBERS = range(2**63)
"""The numbers that a pulse may have."""


class PulseAssembler:
    """Takes the messages of a rank's partitions, and gives the chunks of complete pulses.

    ``clock_ns`` tells the time, ns since the Unix epoch; no step of it is expected.
    ``pending`` are chunks whose pulses are not cut yet, or that came late. ``logs`` are all logs
    that came with the events. ``notices`` tell what is wrong.
    """

    def __init__(self, partitions: list[int], clock_ns: Callable[[], int]) -> None:
        self.partitions = {number: PartitionState() for number in partitions}
        self.pending: list[Chunk] = []
        self.logs = Logs()
        self.clock_ns = clock_ns
        self.notices = Notices(clock_ns)
        self.log_times = LogTimes(clock_ns, self.notices)

    def take(self, partition: int, message: Buffer) -> None:
        """Take a message of a partition; a bad one is counted and ignored."""
        state = self.partitions[partition]
        try:
            content = decode(message)
        except UnknownSchema:
            state.faults.unknown += 1
            return
        except CorruptMessage:
            state.faults.corrupt += 1
            return
        if isinstance(content, LogValue):
            self._take_log(state, content)
        else:
            self._take_chunks(state, content)

    def _take_log(self, state: PartitionState, log: LogValue) -> None:
        if log.name != PULSE_MARK:
            if not self.note_log(log):
                state.faults.bad_log += 1
        elif not self._plausible(log.time_ns, state):
            state.faults.bad_time += 1
        else:
            self._take_mark(state, log)

    def note_log(self, log: LogValue) -> bool:
        """Note the value of a log, however old it is; False, and nothing, if it is not a number.

        A value whose time cannot be is taken as of its arrival, after the newest pulse.
        """
        if not is_number(log):
            return False
        time_ns = self.log_times.of_stream(log, self.newest_ns)
        self.logs.add(log.name, time_ns, float(log.value[0]))
        return True

    def _take_mark(self, state: PartitionState, log: LogValue) -> None:
        if log.value.size != 2 or log.value.dtype.kind not in "iu":
            state.faults.corrupt += 1
            return
        number, chunks_sent = (int(n) for n in log.value)
        if number not in PULSE_NUMBERS or chunks_sent < 0:
            state.faults.corrupt += 1
            return
        state.mark(number, log.time_ns, chunks_sent)

    def _take_chunks(self, state: PartitionState, chunks: list[Chunk]) -> None:
        """Take the chunks of one message."""
        if not all(self._plausible(chunk.pulse_time_ns, state) for chunk in chunks):
            state.faults.bad_time += 1
        elif state.chunk(chunks[-1]):
            self.pending.extend(chunks)
            state.faults.ignored += chunks[-1].without_pixels > 0

    def _plausible(self, time_ns: int, state: PartitionState) -> bool:
        earliest_ns = max(0, state.reached.time_ns - BEHIND_NS)
        return earliest_ns < time_ns <= self.clock_ns() + AHEAD_NS

    @property
    def reached(self) -> CompletePulse:
        """The last pulse that is complete in all partitions."""
        return min(each.reached for each in self.partitions.values())

    @property
    def newest_ns(self) -> int:
        """The latest pulse time of anything that has arrived."""
        return max(each.newest_ns for each in self.partitions.values())

    @property
    def complete_from_ns(self) -> int:
        """From this pulse time on all of each pulse has arrived; 0 if nothing has."""
        return max(each.complete_from_ns or 0 for each in self.partitions.values())

    def number_at(self, time_ns: int) -> int:
        """Number of the first uncut pulse at or after ``time_ns``; -1 if there is none."""
        return max(each.number_at(time_ns) for each in self.partitions.values())

    def uncut_times_ns(self, since_ns: int) -> list[int]:
        """Times of the uncut pulses from ``since_ns`` on, as the first partition has them."""
        first = next(iter(self.partitions.values()))
        return [each.time_ns for each in first.uncut if each.time_ns >= since_ns]

    def cut(self, time_ns: int) -> list[Chunk]:
        """The chunks of pulses up to ``time_ns``, which are no longer pending."""
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
        """Numbers of pulses of which something is missing, the ranges of all partitions."""
        return [pulses for each in self.partitions.values() for pulses in each.incomplete]

    @property
    def faults(self) -> Faults:
        """The faults of all partitions."""
        return Faults.total(each.faults for each in self.partitions.values())
