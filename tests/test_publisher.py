"""What is posted agrees with itself, is never stale, and says when nobody is there."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any

import numpy as np

from ioc.channels import NO_ALARM
from ioc.database import Access, Database
from ioc.desk import Desk
from ioc.publisher import GONE, UNACCOUNTED, Part, Publisher
from ioc.readings import DetectorState, IocStatus
from reduction.messages import RanksOrder, RanksReport, ReductionOrder, ReductionResult
from reduction.parameters import BackendStatus, RunControl, StreamStatus
from reduction.settings import ReductionSettings, ReductionStatus, Spectrum
from reduction.units import Units
from simulator.messages import SimulatorOrder, SimulatorReport
from simulator.parameters import SimulatorStatus


class Bench:
    """A publisher whose clock stands still, and the newest order of its desk."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.order = RanksOrder(reductions=(ReductionOrder(settings=reduction("1,1,4")),))
        self.desk = Desk(self.order, SimulatorOrder(), self._ranks, self._simulator)
        self.database = Database("P:", self.desk.put)
        self.publisher = Publisher(self.database, self.desk, 5.0, lambda: self.now_s)
        at_once(self.publisher.start())

    async def _ranks(self, order: RanksOrder) -> None:
        self.order = order

    async def _simulator(self, order: SimulatorOrder) -> None:
        return None

    def get(self, name: str) -> Any:
        value = self.database.channels[f"P:{name}"].value
        return value.tolist() if isinstance(value, np.ndarray) else value

    def alarm(self, name: str) -> tuple[int, int]:
        alarm = self.database.channels[f"P:{name}"].alarm
        return alarm.status, alarm.severity


def reduction(bin_params: str) -> ReductionSettings:
    return ReductionSettings(Units.D_SPACING, bin_params)


def at_once(posting: Coroutine[Any, Any, None]) -> None:
    """Run to the end without a turn of any loop: so nobody can read what is half posted."""
    try:
        posting.send(None)
    except StopIteration:
        return
    raise AssertionError("it suspended")


def report(order: RanksOrder, count: int = 1, **more: Any) -> RanksReport:
    results = tuple(
        ReductionResult(
            each,
            ReductionStatus(generation=each.generation, events_binned=count),
            each.settings.edges,
            np.full((1, 1, len(each.settings.edges) - 1), count),
        )
        for each in order.reductions
    )
    stream = StreamStatus(event_total=count)
    said = RanksReport(order.revision, 0, stream, BackendStatus(), results)
    return dataclasses.replace(said, **more)


def test_a_whole_report_is_posted_without_a_pause() -> None:
    bench = Bench()
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    assert bench.get("Red1:Spec:X") == [1.5, 2.5, 3.5]
    assert bench.get("Red1:Spec:XE") == [1, 2, 3, 4]
    assert bench.get("Red1:Spec:YC") == bench.get("Red1:Spec:Y") == [4, 4, 4]
    assert bench.get("Red1:Spec:E") == [2, 2, 2]
    assert bench.get("Red1:Spec:Total_RBV") == 12
    assert bench.get("Red1:EventsBinned_RBV") == bench.get("EventTotal_RBV") == 4
    assert bench.database.of(Spectrum)["xe"].units == "Ang"


def test_reports_that_come_too_soon_are_held_and_the_newest_wins() -> None:
    bench = Bench()
    for after_s, count, shown in ((0, 1, 1), (0.02, 2, 1), (0.02, 3, 1), (0.16, 4, 4)):
        bench.now_s += after_s
        at_once(bench.publisher.ranks(report(bench.order, count)))
        assert bench.get("Red1:Spec:YC") == [shown] * 3
        assert bench.get("EventTotal_RBV") == shown


def test_counts_that_were_held_go_out_though_no_more_counts_come() -> None:
    bench = Bench()
    at_once(bench.publisher.ranks(report(bench.order, 1)))
    at_once(bench.publisher.ranks(report(bench.order, 2)))
    bench.now_s += 1
    at_once(bench.publisher.ranks(report(bench.order, 3, results=())))
    assert bench.get("Red1:Spec:YC") == [2, 2, 2]
    assert bench.get("EventTotal_RBV") == 2


def test_reports_as_frequent_as_the_limit_all_go_out_in_spite_of_jitter() -> None:
    bench = Bench()
    for count in range(1, 50):
        bench.now_s = 1000 + 0.2 * count + (0.01 if count % 2 else -0.01)
        at_once(bench.publisher.ranks(report(bench.order, count)))
        assert bench.get("EventTotal_RBV") == count


def test_the_first_result_of_a_new_revision_is_posted_at_once_and_none_older_after_it() -> None:
    async def story() -> None:
        bench = Bench()
        before = bench.order
        await bench.publisher.ranks(report(before, 1))
        put = asyncio.create_task(bench.desk.put(ReductionSettings, "bin_params", "1,1,3"))
        await asyncio.sleep(0)
        await bench.publisher.ranks(report(bench.order, 2))
        assert bench.get("Red1:Spec:YC") == [2, 2]
        assert bench.get("Red1:BinParams") == bench.get("Red1:BinParams_RBV") == "1,1,3"
        assert bench.get("Red1:BinMax_RBV") == 3
        assert bench.get("Red1:Generation_RBV") == 1
        assert await put == "1,1,3"
        bench.now_s += 1
        await bench.publisher.ranks(report(before, 9))
        assert bench.get("Red1:Spec:YC") == [2, 2]

    asyncio.run(story())


def test_the_unit_of_the_axis_follows_the_reduction() -> None:
    async def story() -> None:
        bench = Bench()
        egu = bench.database.channels["P:Red1:Spec:XE"].get_field("EGU")
        put = asyncio.create_task(bench.desk.put(ReductionSettings, "units", Units.TOF))
        await asyncio.sleep(0)
        await bench.publisher.ranks(report(bench.order))
        await put
        assert egu.value == bench.database.of(Spectrum)["x"].units == "us"

    asyncio.run(story())


def test_who_is_gone_leaves_invalid_values_until_it_reports_again() -> None:
    bench = Bench()
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    at_once(bench.publisher.disconnected(Part.RANKS, "it died"))
    readings = (
        "EventTotal_RBV",
        "Ranks_RBV",
        "Red1:EventsBinned_RBV",
        "Red1:Spec:X",
        "Red1:Spec:YC",
    )
    assert {bench.alarm(name) for name in readings} == {GONE}
    assert bench.get("Red1:Spec:YC") == [4, 4, 4]
    assert bench.get("DetectorState_RBV") == "Disconnected"
    assert bench.get("StatusMessage_RBV") == "it died"
    assert bench.alarm("Red1:BinParams_RBV") == NO_ALARM
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    assert {bench.alarm(name) for name in readings} == {NO_ALARM}
    assert bench.get("DetectorState_RBV") == "Acquire"
    assert bench.get("StatusMessage_RBV") == ""


def test_ranks_that_have_not_taken_the_settings_show_no_result() -> None:
    bench = Bench()
    at_once(bench.publisher.ranks(report(dataclasses.replace(bench.order, revision=-1), 4)))
    assert bench.get("DetectorState_RBV") == "Initializing"
    assert bench.alarm("EventTotal_RBV") == NO_ALARM
    assert bench.alarm("Red1:Spec:YC") == bench.alarm("Red1:Generation_RBV") == GONE


def test_the_simulator_is_told_apart() -> None:
    bench = Bench()
    at_once(bench.publisher.simulator(SimulatorReport(0, SimulatorStatus(pulse=5))))
    assert (bench.get("Sim:Pulse_RBV"), bench.alarm("Sim:Pulse_RBV")) == (5, NO_ALARM)
    at_once(bench.publisher.disconnected(Part.SIMULATOR, "it died"))
    assert (bench.get("Sim:Pulse_RBV"), bench.alarm("Sim:Pulse_RBV")) == (5, GONE)
    assert bench.get("Sim:StatusMessage_RBV") == "it died"
    assert bench.get("StatusMessage_RBV") == "waiting for the back end to report"


def test_events_in_no_count_and_messages_are_alarms() -> None:
    bench = Bench()
    at_once(bench.publisher.ranks(report(bench.order, unaccounted=3, message="half heard")))
    assert bench.alarm("EventTotal_RBV") == UNACCOUNTED
    assert bench.get("StatusMessage_RBV") == "3 events are in no count; half heard"


def test_an_alarm_of_a_refused_put_outlasts_reports() -> None:
    async def story() -> None:
        bench = Bench()
        pause = bench.database.of(RunControl, Access.SETPOINT)["pause"]
        await pause.publish_alarm(UNACCOUNTED)
        await bench.publisher.ranks(report(bench.order))
        assert bench.alarm("Pause") == UNACCOUNTED
        assert bench.database.of(IocStatus)["state"].value == DetectorState.ACQUIRE

    asyncio.run(story())
