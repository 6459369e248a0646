"""How many events a tick has: so many that orders and results have their time soon after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.engines.native.engine import NativeEngine
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import Chunk, encode_chunk, encode_pulse_mark
from reduction.parameters.units import Units
from reduction.ranks.intake import intake_budget
from reduction.ranks.intake.intake_budget import (
    MOST_UNPREPARED,
    MOST_UNPREPARED_UNDER_OVERLOAD,
    TAKING_S,
    IntakeBudget,
)
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from tests.support.ranks.arc_pulses import settings
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.ranks.one_rank import OneRank, pulse_ns
from tests.support.stream.event_logs import LIMIT, PERIOD_NS, START_NS, pulse_entries, write

PULSES, EVENTS = 1000, 1000
SECONDS_PER_EVENT = 1e-6
BINS = "1000,100,60000"
TICKS = 100


@pytest.mark.parametrize("rate", [1e6, 1e8, 1e10])
def test_the_budget_becomes_what_is_worked_off_in_the_time(rate: float) -> None:
    budget = IntakeBudget()
    for _ in range(TICKS):
        size = budget.enough_bytes
        budget.took(size, 0.003)
        budget.counted(size / rate / 2, all_of_them=False)
        budget.counted(size / rate / 2, all_of_them=True)
    assert budget.enough_bytes == pytest.approx(rate * (TAKING_S - 0.003), rel=0.1)


def test_a_tick_without_events_says_nothing_of_the_rate() -> None:
    budget = IntakeBudget()
    before = budget.enough_bytes
    for _ in range(1000):
        budget.took(0, 0.001)
        budget.counted(0.001, all_of_them=True)
    assert budget.enough_bytes == before


@pytest.mark.parametrize("dialect", [Dialect.MARKED, Dialect.PLAIN])
def test_with_enough_for_a_tick_only_what_holds_up_pulses_is_read(
    tmp_path: Path, dialect: Dialect
) -> None:
    writer = LogWriter(tmp_path, 2, LIMIT)
    for number in range(100):
        write(writer, pulse_entries(number), partition=0)
    now_ns = START_NS + 100 * PERIOD_NS
    intake = PulseAssembler([0, 1], lambda: now_ns, StreamFormat(dialect=dialect))
    receiver = StreamReceiver({n: EmbeddedLogReader(tmp_path, n) for n in range(2)}, intake, 2)
    receiver.take(0)
    receiver.enough_bytes = receiver.pending_bytes // 2
    left = receiver.behind.messages
    receiver.take(0)
    assert (receiver.behind.messages, receiver.has_enough) == (left, False)
    for number in range(100):
        write(writer, pulse_entries(number), partition=1)
    receiver.take(0)
    assert receiver.has_enough
    assert 0 < receiver.intake.partitions[1].pending_bytes < receiver.enough_bytes
    intake.cut(intake.reached.time_ns)
    receiver.enough_bytes = 1 << 40
    for _ in range(20):
        receiver.take(0)
    assert receiver.behind.messages == 0, "all is read in the end"
    writer.close()


class CountedClock:
    """A clock that goes on a little whenever it is looked at."""

    now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 2e-4
        return self.now_s


CLOCK = CountedClock()


class TimedEngine(NativeEngine):
    """An engine that takes a microsecond of `CLOCK` for an event, in steps; it notes how many."""

    waiting, ticks = 0, list[int]()

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        super().accumulate(pixel_id, tof_ns, pulse_time_ns)
        self.waiting += tof_ns.size

    def advance(self, seconds: float) -> bool:
        if self.waiting:
            self.ticks.append(self.waiting)
        counted = min(self.waiting, round(seconds / SECONDS_PER_EVENT))
        self.waiting -= counted
        CLOCK.now_s += counted * SECONDS_PER_EVENT
        return super().advance(600) and not self.waiting


def all_pulses() -> list[bytes]:
    """Messages of all pulses, which are in the log before anything is read."""
    events: Any = np.full(EVENTS, 5, np.int32), np.full(EVENTS, 20_000_000, np.int32)
    return [
        message
        for number in range(PULSES)
        for message in (
            encode_chunk(Chunk("bank", number, pulse_ns(number), *events)),
            encode_pulse_mark(number, pulse_ns(number), number + 1),
        )
    ]


def test_events_of_a_tick_are_counted_within_a_fraction_of_a_second() -> None:
    messages: list[bytes] = []
    readers = {0: ListedLogReader(messages)}
    rank = OneRank(pulse_ns(PULSES), TimedEngine, readers=readers, tick_rate_hz=14, now_s=CLOCK)
    order = RanksOrder(revision=1, reductions=(ReductionOrder(0, settings(Units.TOF, BINS)),))
    pulses = all_pulses()
    messages += pulses[:2]
    rank.reported(order)
    messages += pulses[2:]
    began_s, TimedEngine.ticks[:] = CLOCK.now_s, []
    totals = list[int]()

    def wanted(report: RanksReport) -> bool:
        totals.append(report.stream.event_total)
        return totals[-1] == PULSES * EVENTS

    rank.reported(order, wanted)
    most = 2 * TAKING_S / SECONDS_PER_EVENT
    assert max(np.diff(np.unique(totals))) < 4 * most, "results go on"
    assert max(TimedEngine.ticks[len(TimedEngine.ticks) // 2 :]) < most
    work_s = PULSES * EVENTS * SECONDS_PER_EVENT
    assert CLOCK.now_s - began_s < 1.5 * work_s, "and the rank is hardly ever idle"


def test_reading_rests_while_too_many_events_are_not_prepared() -> None:
    budget = IntakeBudget()
    backlog = 100 * budget.enough_bytes
    for size_bytes, unprepared, rests in (
        (backlog, MOST_UNPREPARED_UNDER_OVERLOAD, False),
        (backlog, MOST_UNPREPARED_UNDER_OVERLOAD + 1, True),
        (budget.enough_bytes, MOST_UNPREPARED, False),
        (budget.enough_bytes, MOST_UNPREPARED + 1, True),
    ):
        budget.note_backlog(size_bytes, unprepared)
        assert budget.rests == rests


class UnpreparedEngine(NativeEngine):
    """An engine that takes its time to prepare events."""

    calls = 0

    def prepare(self, seconds: float) -> bool:
        self.calls += 1
        return super().prepare(seconds)

    @property
    def unprepared(self) -> int:
        return self.calls % 50


def test_under_overload_all_events_are_counted_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_budget, "MOST_UNPREPARED_UNDER_OVERLOAD", 1)
    monkeypatch.setattr(intake_budget, "OVERLOAD_S", 0.0)
    messages: list[bytes] = []
    readers = {0: ListedLogReader(messages)}
    rank = OneRank(pulse_ns(PULSES), UnpreparedEngine, readers=readers)
    order = RanksOrder(revision=1, reductions=(ReductionOrder(0, settings(Units.TOF, BINS)),))
    pulses = all_pulses()
    messages += pulses[:2]
    rank.reported(order)
    messages += pulses[2:]
    done = rank.reported(order, lambda report: report.stream.event_total == PULSES * EVENTS)
    assert done.stream.event_total == PULSES * EVENTS
