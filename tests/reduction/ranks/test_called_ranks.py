"""An order reaches all ranks at once, and its result is in the first report if there is time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from reduction.control.reports import RanksReport
from reduction.engines.native.engine import NativeEngine
from reduction.parameters.units import Units
from reduction.ranks.collectives import Collectives
from tests.support.ranks.arc_pulses import counts_of, order, settings
from tests.support.ranks.one_rank import OneRank, pulse_ns

COUNTING_S, STEPS = 0.04, 4


def called(tick: int, *calls: int) -> bool:
    """Whether a rank that was called to these ticks finds that it is called to ``tick``.

    Its communicator takes in what has come only after it has looked, as that of Open MPI does.
    """
    sent, here = list(calls), list[int]()

    def probe(_source: int, _tag: int) -> bool:
        found = bool(here)
        if not found and sent:
            here.append(sent.pop(0))
        return found

    def receive(newest: Any, _source: int, _tag: int) -> None:
        newest[0] = here.pop(0)

    on_host = SimpleNamespace(size=2, Free=lambda: None)
    communicator: Any = SimpleNamespace(
        rank=1, size=2, Iprobe=probe, Recv=receive, Split_type=lambda _kind: on_host
    )
    return Collectives(communicator).called(tick)


def test_a_rank_notices_a_call_the_first_time_it_looks() -> None:
    assert called(7, 7)
    assert called(7, 5, 6, 7), "calls to earlier ticks are passed over"
    assert not called(7, 6)
    assert not called(7)


class CountingEngine(NativeEngine):
    """An engine that counts anew in one step of `COUNTING_S`, or in several shorter ones."""

    steps_left = 0

    def configure(self, *recipe: Any) -> None:
        super().configure(*recipe)
        self.steps_left = STEPS

    def advance(self, seconds: float) -> bool:
        self.steps_left = 0 if seconds >= COUNTING_S else self.steps_left - 1
        return super().advance(seconds) and self.steps_left <= 0


def test_the_first_report_of_an_order_has_its_result_if_that_takes_less_than_a_period() -> None:
    rank = OneRank(pulse_ns(1), CountingEngine)
    rank.obeyed(order(1, settings(Units.TOF, "1000,100,60000")))
    reports = list[RanksReport]()

    def obeys(report: RanksReport) -> bool:
        reports.append(report)
        return report.revision == 2

    report = rank.reported(order(2, settings(Units.TOF, "1000,1000,60000")), obeys)
    assert all(each.results for each in reports), "one without results came before"
    assert counts_of(report.results[0]).shape[-1] == 59
