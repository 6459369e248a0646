"""Events that come faster than ranks can work: results go on, and orders are obeyed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.engines.native.engine import NativeEngine
from reduction.event_log.protocol import MESSAGES_AT_ONCE, LogMessage
from reduction.messages.contents import Chunk, encode_chunk, encode_pulse_mark
from reduction.parameters.units import Units
from tests.support.ranks.arc_pulses import settings
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.ranks.one_rank import OneRank, pulse_ns

EVENTS, STEPS = 10, 4
BINS = "1000,1,60000", "1000,100,60000", "1000,-0.01,60000"
"""Bins of time of flight that hold all events."""

MOST_STEPS = 20_000
"""Steps of the engine in which all must be done: those of seconds."""


class EndlessLog(ListedLogReader):
    """A partition in which another pulse has come whenever it is read."""

    def __init__(self) -> None:
        self._pulses: list[bytes] = []
        super().__init__(self._pulses)

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        pulse = len(self._pulses) // 2
        pixels = np.full(EVENTS, 5, np.int32)
        chunk = Chunk("bank", pulse, pulse_ns(pulse), pixels, pixels * 4_000_000)
        self._pulses += [encode_chunk(chunk), encode_pulse_mark(pulse, pulse_ns(pulse), pulse + 1)]
        return super().read(most)


class SlowEngine(NativeEngine):
    """An engine that needs several steps for the events of a tick, which is more than one has."""

    steps_left, steps = 0, 0

    def accumulate(self, *events: Any) -> None:
        super().accumulate(*events)
        self.steps_left = STEPS

    def configure(self, *recipe: Any) -> None:
        super().configure(*recipe)
        self.steps_left = STEPS

    def advance(self, seconds: float) -> bool:
        self.steps_left, self.steps = self.steps_left - 1, self.steps + 1
        assert self.steps < MOST_STEPS, "there is no result"
        return super().advance(seconds) and self.steps_left <= 0


@pytest.fixture(name="overloaded")
def _overloaded() -> OneRank:
    return OneRank(pulse_ns(1_000_000), SlowEngine, readers={0: EndlessLog()})


def test_there_are_results_while_more_events_come_than_can_be_counted(overloaded: OneRank) -> None:
    order = RanksOrder(revision=1, reductions=(ReductionOrder(0, settings(Units.TOF, BINS[0])),))
    wanted = partial(has_all_events, BINS[0])
    report = overloaded.reported(order, wanted)
    for _ in range(3):
        pulses = report.stream.pulse_last
        report = overloaded.reported(order, wanted)
        assert report.stream.pulse_last > pulses


def test_bins_change_while_more_events_come_than_can_be_counted(overloaded: OneRank) -> None:
    for revision, bins in enumerate(BINS, 1):
        reduction = ReductionOrder(revision, settings(Units.TOF, bins))
        order = RanksOrder(revision, reductions=(reduction,))
        assert overloaded.reported(order, partial(has_all_events, bins)).revision == revision


def has_all_events(bins: str, report: RanksReport) -> bool:
    """Whether there is a result in these bins, which must have all events that are reported.

    It has to be asked while the ranks report: they go on counting into the same cells.
    """
    if not report.results or report.results[0].order.settings.bin_params != bins:
        return False
    counts = report.results[0].counts
    assert counts is not None
    assert counts.sum() == report.stream.event_total
    return report.stream.event_total > 0
