"""The messages of a pulse, in either dialect, and with habits of facilities."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reduction.event_log.entries import (
    LogEntry,
    OutputMessage,
    chunk_entry,
    log_entry,
    mark_entry,
)
from reduction.messages.contents import Chunk
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseEvents
from simulator.output.habits import LATE_PULSES, RESEND_PULSES, RESTART_PULSES, SOURCES, Habit

SOURCE = "simulator"
"""Name of the source in every chunk."""

MONITOR_SOURCE = "monitor"
"""Name of the source of events in monitors, in the plain dialect."""


@dataclass(frozen=True)
class Pulse:
    """What is to be sent of a pulse: its events in detectors and monitors, and values of logs."""

    number: int
    time_ns: int
    events: PulseEvents
    monitored: PulseEvents
    logs: Mapping[str, float]


def chunk_bounds(events: int, partitions: int, max_chunk_size: int) -> list[tuple[int, int]]:
    """The [low, high) of each chunk that the events of a pulse are cut into.

    There are as few chunks as ``max_chunk_size`` allows, but at least one for each partition if
    there are enough events. Sizes differ by one at most.
    """
    chunks = max(-(-events // max_chunk_size), min(partitions, events))
    cuts = [events * each // chunks for each in range(chunks + 1)] if chunks else [0]
    return list(itertools.pairwise(cuts))


def _part(events: PulseEvents, low: int, high: int) -> PulseEvents:
    return PulseEvents(events.pixel_id[low:high], events.tof_ns[low:high])


class PulseMessages:
    """Makes the messages of one pulse after the other."""

    def __init__(self, partitions: int, dialect: Dialect, habits: frozenset[Habit]) -> None:
        self._partitions, self._habits = partitions, habits
        self._plain = dialect is Dialect.PLAIN
        self._sent = [0] * partitions
        self._ids: Counter[tuple[int, str]] = Counter()
        self._next_partition = self._chunks_made = 0
        self._values: dict[str, LogEntry] = {}
        """The last value of each log, with the time of its change."""
        self._changed: dict[str, float] = {}
        self._delayed: deque[tuple[int, LogEntry]] = deque()

    def of(self, pulse: Pulse, max_chunk_size: int) -> Iterator[OutputMessage]:
        """The messages: logs to all partitions, chunks in turn, and any end mark to all.

        In the plain dialect the chunks of monitors are a source of their own, in partition 0.
        """
        if Habit.ID_RESTARTS in self._habits and pulse.number % RESTART_PULSES == 0:
            self._ids.clear()
        for entry in self._logs(pulse):
            for partition in range(self._partitions):
                yield OutputMessage(partition, entry)
        for low, high in chunk_bounds(pulse.events.tof_ns.size, self._partitions, max_chunk_size):
            yield self._in_turn(pulse.time_ns, _part(pulse.events, low, high))
        for low, high in chunk_bounds(pulse.monitored.tof_ns.size, 1, max_chunk_size):
            events = _part(pulse.monitored, low, high)
            if self._plain:
                yield self._chunk(pulse.time_ns, events, 0, MONITOR_SOURCE)
            else:
                yield self._in_turn(pulse.time_ns, events)
        if not self._plain:
            for partition, sent in enumerate(self._sent):
                yield OutputMessage(partition, mark_entry(pulse.number, pulse.time_ns, sent))

    def _in_turn(self, time_ns: int, events: PulseEvents) -> OutputMessage:
        """A chunk of events for the partition whose turn it is."""
        partition = self._next_partition
        self._next_partition = (partition + 1) % self._partitions
        return self._chunk(time_ns, events, partition, self._next_source())

    def _chunk(
        self, time_ns: int, events: PulseEvents, partition: int, source: str
    ) -> OutputMessage:
        number = self._ids[partition, source]
        self._ids[partition, source] += 1
        self._sent[partition] += 1
        chunk = Chunk(source, number, time_ns, events.pixel_id, events.tof_ns)
        return OutputMessage(partition, chunk_entry(chunk), source, events.tof_ns.size)

    def _next_source(self) -> str:
        """The name of the source of the next chunk of detectors."""
        self._chunks_made += 1
        several = Habit.SEVERAL_SOURCES in self._habits
        return f"{SOURCE}{self._chunks_made % SOURCES}" if several else SOURCE

    def _logs(self, pulse: Pulse) -> Iterator[LogEntry]:
        """The values of logs that are sent with a pulse."""
        if Habit.LATE_LOGS not in self._habits:
            for name, value in pulse.logs.items():
                yield log_entry(name, pulse.time_ns, value)
            return
        for name, value in pulse.logs.items():
            if self._changed.get(name) != value:
                self._changed[name] = value
                self._values[name] = log_entry(name, pulse.time_ns, value)
                self._delayed.append((pulse.number + LATE_PULSES, self._values[name]))
            elif pulse.number % RESEND_PULSES == 0:
                yield self._values[name]
        while self._delayed and self._delayed[0][0] <= pulse.number:
            yield self._delayed.popleft()[1]
