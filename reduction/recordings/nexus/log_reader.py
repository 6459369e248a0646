"""Reads a NeXus event file as a partition of an event log; makes the messages as they are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from reduction.event_log.protocol import MESSAGES_AT_ONCE, Backlog, Dropped, LogMessage
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.messages.run_messages import RunMessage, encoded_run_message
from reduction.recordings.nexus.logs import CHARGE, NexusLog, merged
from reduction.recordings.nexus.pulses import NexusPulses

CHUNK_EVENTS = 100_000
"""Most events of a message."""

SOURCE_NAME = "recording"
"""Name of the source in every chunk."""

EVENT_BYTES = 8


class NexusContent:
    """What a file holds: its pulses, the values of its logs in the order of their times, its run.

    ``log_bounds`` (pulses + 1,) int64 tells how many values come before each pulse ends; the last
    one is the number of all.
    """

    def __init__(
        self, pulses: NexusPulses, logs: Sequence[NexusLog], run: RunMessage | None = None
    ) -> None:
        self.pulses, self._logs, self.run = pulses, logs, run
        times, self._owner = merged(logs)
        passed = np.searchsorted(times, pulses.times_ns, side="right")
        self.log_bounds = np.append(passed, times.size)
        rank = np.empty(times.size, np.int64)
        for number in range(len(logs)):
            mine = self._owner == number
            rank[mine] = np.arange(np.count_nonzero(mine))
        self._rank = rank

    def value(self, index: int) -> bytes:
        """The message of a value of a log."""
        log, place = self._logs[self._owner[index]], self._rank[index]
        return encode_log(log.name, int(log.times_ns[place]), float(log.values[place]))

    def last_values(self, before: int) -> list[int]:
        """The last value of each log among the first ones, in their order."""
        reversed_owner = self._owner[:before][::-1]
        _, newest = np.unique(reversed_owner, return_index=True)
        return sorted((before - 1 - newest).tolist())

    def logs_of(self, pulse: int) -> range:
        """The values that come with a pulse, or after the last one."""
        first = int(self.log_bounds[pulse - 1]) if pulse else 0
        return range(first, int(self.log_bounds[pulse]))


class NexusLogReader:
    """One partition of a NeXus event file, as `reduction.event_log.protocol.LogReader`.

    In every partition a pulse has its values of logs, its charge, and a mark, and those of its
    events that are in the share of the partition. The first message of the first partition is the
    start of the run, if the file tells it.
    """

    def __init__(self, content: NexusContent, partition: int, identity: str) -> None:
        self._content, self._pulses = content, content.pulses
        self._share = content.pulses.shares[partition]
        self._run = content.run if partition == 0 else None
        self.identity, self.dropped = identity, Dropped()
        self.began = 0
        counts = self._share.counts
        charges = self._pulses.charges_uc is not None
        logs = np.diff(content.log_bounds, prepend=0)
        chunks = -(-counts // CHUNK_EVENTS)
        self._chunks = np.append(0, np.cumsum(chunks))
        """How many chunks come before each pulse."""
        self._events = np.append(0, np.cumsum(counts))
        self._has_events = counts > 0
        messages = logs[:-1] + charges + chunks + 1
        messages[:1] += self._run is not None
        self._firsts = np.append(0, np.cumsum(messages))
        """The offset of the first message of each pulse, and of what comes after the last one."""
        self._total = int(self._firsts[-1] + logs[-1])
        self._next_pulse = 0
        self._ready: deque[LogMessage] = deque()

    def seek(self, time_ns: int) -> None:
        """See `LogReader.seek`."""
        pulse = int(np.searchsorted(self._pulses.times_ns, time_ns))
        self.seek_offset(int(self._firsts[pulse]))

    def seek_to_end(self) -> None:
        """See `LogReader.seek_to_end`."""
        self.seek_offset(self._total)

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        offset = min(max(offset, 0), self._total)
        pulse = int(np.searchsorted(self._firsts, offset, side="right")) - 1
        self.began = offset
        self._ready = deque(sorted(self._last_values(pulse, offset), key=lambda each: each.offset))
        self._next_pulse = pulse + 1
        self._ready.extend(each for each in self._made(pulse) if each.offset >= offset)

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        while len(self._ready) < most and self._next_pulse <= self._pulses.times_ns.size:
            self._ready.extend(self._made(self._next_pulse))
            self._next_pulse += 1
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    @property
    def behind(self) -> Backlog:
        """See `LogReader.behind`."""
        made = min(self._next_pulse, self._firsts.size - 1)
        end = self._total if self._next_pulse >= self._firsts.size else int(self._firsts[made])
        events = int(self._events[-1] - self._events[min(made, self._events.size - 1)])
        ready = sum(len(each.data) for each in self._ready)
        messages = self._total - end + len(self._ready)
        return Backlog(messages, events * EVENT_BYTES + ready)

    @property
    def message(self) -> str:
        """See `LogReader.message`."""
        return "; ".join(self._pulses.faults.words[:3])

    def close(self) -> None:
        """See `LogReader.close`; the file is that of the recording."""

    def _last_values(self, pulse: int, offset: int) -> Iterator[LogMessage]:
        """The last values of all logs before an offset, which is in a pulse or behind the last."""
        values = self._content.logs_of(pulse)
        before = values.start + min(max(0, offset - self._first_value(pulse)), len(values))
        for index in self._content.last_values(before):
            at = int(np.searchsorted(self._content.log_bounds, index, side="right"))
            place = self._first_value(at) + index - self._content.logs_of(at).start
            yield LogMessage(place, self._content.value(index))
        if self._pulses.charges_uc is not None:
            last = pulse if self._charge_offset(pulse) < offset else pulse - 1
            last = min(last, self._pulses.times_ns.size - 1)
            if last >= 0:
                yield LogMessage(self._charge_offset(last), self._charge(last))

    def _charge_offset(self, pulse: int) -> int:
        """The offset of the charge of a pulse."""
        return self._first_value(pulse) + len(self._content.logs_of(pulse))

    def _first_value(self, pulse: int) -> int:
        """The offset of the first value of a log of a pulse."""
        return int(self._firsts[pulse]) + (pulse == 0 and self._run is not None)

    def _charge(self, pulse: int) -> bytes:
        assert self._pulses.charges_uc is not None
        time_ns, charge_uc = self._pulses.times_ns[pulse], self._pulses.charges_uc[pulse]
        return encode_log(CHARGE, int(time_ns), float(charge_uc))

    def _made(self, pulse: int) -> Iterator[LogMessage]:
        """All messages of a pulse, or what comes after the last one."""
        offset = int(self._firsts[pulse])
        for data in self._messages(pulse):
            yield LogMessage(offset, data)
            offset += 1

    def _messages(self, pulse: int) -> Iterator[bytes]:
        if pulse == 0 and self._run is not None:
            yield encoded_run_message(self._run)
        for index in self._content.logs_of(pulse):
            yield self._content.value(index)
        if pulse == self._pulses.times_ns.size:
            return
        time_ns = int(self._pulses.times_ns[pulse])
        if self._pulses.charges_uc is not None:
            yield self._charge(pulse)
        if self._has_events[pulse]:
            yield from self._chunks_of(pulse, time_ns)
        yield encode_pulse_mark(pulse, time_ns, int(self._chunks[pulse + 1]))

    def _chunks_of(self, pulse: int, time_ns: int) -> Iterator[bytes]:
        pixel, tof = self._share.of(pulse)
        for number, low in enumerate(range(0, tof.size, CHUNK_EVENTS), int(self._chunks[pulse])):
            part = slice(low, low + CHUNK_EVENTS)
            yield encode_chunk(Chunk(SOURCE_NAME, number, time_ns, pixel[part], tof[part]))
