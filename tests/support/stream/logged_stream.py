"""What an event log holds, read and counted again without ranks: what results must equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.instrument.geometry import powder_arc
from reduction.messages.contents import PULSE_MARK, Chunk, LogValue, decode
from reduction.messages.flat_tables import Buffer
from reduction.parameters.reduction import ReductionSettings
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings
from tests.support.engines import textbook

MONITOR = 1000
"""The only monitor of the instrument."""

NO_EVENTS = np.empty(0, np.int32)

GAP_PERIODS = 10
"""A longer time between pulses is a gap, in which nothing is measured."""


@dataclass(frozen=True, eq=False)
class LoggedPulse:
    """A pulse as the log has it: its chunks, and the values of logs at it.

    It is ``whole`` if it has ended in all partitions with as many chunks as were sent.
    """

    number: int
    time_ns: int
    whole: bool
    chunks: tuple[Chunk, ...]
    logs: dict[str, float]

    @property
    def pixel_id(self) -> NDArray[np.int32]:
        """The pixels of all events, (n,) int32."""
        return np.concatenate([NO_EVENTS, *(each.pixel_id for each in self.chunks)])

    @property
    def tof_ns(self) -> NDArray[np.int32]:
        """Their times of flight, (n,) int32."""
        return np.concatenate([NO_EVENTS, *(each.tof_ns for each in self.chunks)])

    @property
    def monitor_counts(self) -> int:
        """How many of the events are of the monitor."""
        return int((self.pixel_id == MONITOR).sum())


class LoggedPartition:
    """All that the messages of one partition hold."""

    def __init__(self, messages: Iterable[Buffer]) -> None:
        self.numbers: dict[int, int] = {}
        self.whole: set[int] = set()
        self.chunks: dict[int, list[Chunk]] = {}
        self.logs: dict[str, dict[int, float]] = {}
        sent, since_mark = 0, 0
        for message in messages:
            match decode(message):
                case LogValue(name=name, time_ns=at_ns, value=value) if name == PULSE_MARK:
                    self.numbers[at_ns] = int(value[0])
                    if since_mark == (int(value[1]) - sent if value[1] >= sent else value[1]):
                        self.whole.add(at_ns)
                    sent, since_mark = int(value[1]), 0
                case LogValue(name=name, time_ns=at_ns, value=value):
                    self.logs.setdefault(name, {})[at_ns] = float(value[0])
                case [chunk]:
                    self.chunks.setdefault(chunk.pulse_time_ns, []).append(chunk)
                    since_mark += 1


def _messages(folder: Path, partition: int, since_ns: int) -> Iterator[Buffer]:
    """The messages of a partition of a log in a folder, from a time on."""
    with closing(EmbeddedLogReader(folder, partition)) as reader:
        reader.seek(since_ns)
        while messages := reader.read():
            yield from (each.data for each in messages)


def logged_pulses(folder: Path, partitions: int, since_ns: int = 0) -> list[LoggedPulse]:
    """The pulses from a time on that have ended in any partition of a log, in their order."""
    return pulses_of([_messages(folder, number, since_ns) for number in range(partitions)])


def pulses_of(partitions: Sequence[Iterable[Buffer]]) -> list[LoggedPulse]:
    """The pulses that have ended in any of the partitions with these messages, in their order."""
    every = [LoggedPartition(messages) for messages in partitions]
    numbers = {at_ns: number for each in every for at_ns, number in each.numbers.items()}
    logs: dict[str, dict[int, float]] = {}
    for each in every:
        for name, values in each.logs.items():
            logs.setdefault(name, {}).update(values)
    return [
        LoggedPulse(
            numbers[at_ns],
            at_ns,
            all(at_ns in each.whole for each in every),
            tuple(chunk for each in every for chunk in each.chunks.get(at_ns, [])),
            {name: values[at_ns] for name, values in logs.items() if at_ns in values},
        )
        for at_ns in sorted(numbers)
    ]


def measured_s(pulses: Sequence[LoggedPulse], period_s: float) -> dict[int, float]:
    """The measured time of each pulse, by its number: the time since the one before it.

    It is the usual ``period_s`` if that time is not known, or is a gap.
    """
    found, before_ns = {}, 0
    for each in pulses:
        since_s = (each.time_ns - before_ns) / 1e9
        found[each.number] = since_s if since_s <= GAP_PERIODS * period_s else period_s
        before_ns = each.time_ns
    return found


def counts_of(pulses: Iterable[LoggedPulse], settings: ReductionSettings) -> NDArray[np.int64]:
    """The counts of pulses in the bins of settings, (bins,): textbook formulas, binned by numpy."""
    instrument, edges = powder_arc(), settings.edges
    cells = np.zeros(edges.size + 1, np.int64)
    for each in pulses:
        seen = each.pixel_id != MONITOR
        value = textbook.value_of_pixels(
            settings.units, each.tof_ns[seen] / 1000.0, instrument, each.pixel_id[seen].astype(int)
        )
        cells += np.bincount(np.searchsorted(edges, value, side="right"), minlength=cells.size)
    return cells[1:-1]


def check_simulated(pulses: Iterable[LoggedPulse], settings: SimulatorSettings, seed: int) -> int:
    """Check that whole pulses hold what seed and number imply; returns how many there are."""
    generator, checked = PulseGenerator(powder_arc(), seed), 0
    for each in pulses:
        if each.whole:
            made = generator.events(settings, each.number)
            of_monitors = generator.monitor_events(settings, each.number)
            expected = np.concatenate([_keys(*made), _keys(*of_monitors)])
            np.testing.assert_array_equal(
                np.sort(_keys(each.pixel_id, each.tof_ns)), np.sort(expected)
            )
            checked += 1
    return checked


def _keys(pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> NDArray[np.int64]:
    """One number for each event, (n,)."""
    return pixel_id.astype(np.int64) << 32 | tof_ns
