"""What is posted agrees with itself, is never stale, and says when nobody is there."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import numpy as np

from ioc.ca.channels.alarms import ABSENT_ALARM, DISCONNECTED_ALARM, NO_ALARM
from ioc.model.ioc_parameters import DetectorState
from ioc.model.paths import Part
from ioc.posting.health import MINOR, UNACCOUNTED, Health
from ioc.posting.publisher import BINS_UNDEFINED, Publisher
from reduction.control.facility_run import FacilityRun
from reduction.control.orders import ReductionOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.parameters.all_reductions.readings import EventLogStatus
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import FilterSettings
from reduction.parameters.units import Units
from simulator.orders import SimulatorReport
from simulator.status import SimulatorStatus
from tests.support.ioc.publisher_bench import PublisherBench, at_once, reduction, report, stamp


def test_a_whole_report_is_posted_without_a_pause(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    assert bench.get("Red1:Spec:X") == [1.5, 2.5, 3.5]
    assert bench.get("Red1:Spec:XE") == [1, 2, 3, 4]
    assert bench.get("Red1:Spec:YC") == bench.get("Red1:Spec:Y") == [4, 4, 4]
    assert bench.get("Red1:Spec:E") == [2, 2, 2]
    assert bench.get("Red1:Spec:Total_RBV") == 12
    assert bench.get("Red1:EventsBinned_RBV") == bench.get("EventTotal_RBV") == 4
    assert bench.database.channels["P:Red1:Spec:XE"].units == "Ang"


def test_reports_that_come_too_soon_are_held_and_the_newest_wins(bench: PublisherBench) -> None:
    for after_s, count, shown in ((0, 1, 1), (0.02, 2, 1), (0.02, 3, 1), (0.16, 4, 4)):
        bench.now_s += after_s
        at_once(bench.publisher.ranks(report(bench.order, count)))
        assert bench.get("Red1:Spec:YC") == [shown] * 3
        assert bench.get("EventTotal_RBV") == shown


def test_counts_that_were_held_go_out_though_no_more_counts_come(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order, 1)))
    at_once(bench.publisher.ranks(report(bench.order, 2)))
    bench.now_s += 1
    at_once(bench.publisher.ranks(report(bench.order, 3, results=())))
    assert bench.get("Red1:Spec:YC") == [2, 2, 2]
    assert bench.get("EventTotal_RBV") == 2


def test_reports_as_frequent_as_the_limit_all_go_out_in_spite_of_jitter(
    bench: PublisherBench,
) -> None:
    for count in range(1, 50):
        bench.now_s = 1000 + 0.2 * count + (0.01 if count % 2 else -0.01)
        at_once(bench.publisher.ranks(report(bench.order, count)))
        assert bench.get("EventTotal_RBV") == count


async def test_the_first_result_of_a_new_revision_is_posted_at_once_and_none_older(
    bench: PublisherBench,
) -> None:
    before = bench.order
    await bench.publisher.ranks(report(before, 1))
    put = asyncio.create_task(bench.put("Red1:BinParams", "1,1,3"))
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


SLICED = dataclasses.replace(
    reduction("1,1,4"),
    filter=FilterSettings("temperature", 280.0, 10.0, 300.0),
    detectors=DetectorSettings(groups="0:9;10:19;20:29"),
)
CELLS = np.arange(18).reshape(2, 3, 3)
"""Two slices, three groups, three bins."""


def sliced(bench: PublisherBench, number: int = 0, **more: Any) -> RanksReport:
    """A report whose reduction of this number has these cells."""
    said = report(bench.order)
    results = list(said.results)
    results[number] = dataclasses.replace(results[number], counts=CELLS)
    return dataclasses.replace(said, results=tuple(results), pulse_time_ns=10**18 + 7, **more)


def test_slices_and_groups_are_the_sums_over_each_other() -> None:
    bench = PublisherBench(SLICED)
    at_once(bench.publisher.ranks(sliced(bench)))
    assert (bench.get("Red1:NumSlices_RBV"), bench.get("Red1:NumGroups_RBV")) == (2, 3)
    assert bench.get("Red1:Slice2:YC") == CELLS[1].sum(axis=0).tolist()
    assert bench.get("Red1:Slice2:Total_RBV") == CELLS[1].sum()
    assert (bench.get("Red1:Slice2:Low_RBV"), bench.get("Red1:Slice2:High_RBV")) == (290, 300)
    assert bench.get("Red1:Group3:YC") == CELLS[:, 2].sum(axis=0).tolist()
    assert bench.get("Red1:Group3:E") == np.sqrt(CELLS[:, 2].sum(axis=0)).tolist()
    assert bench.get("Red1:Group3:Pixels_RBV") == "20:29"
    assert bench.get("Red1:Spec:YC") == CELLS.sum(axis=(0, 1)).tolist()
    times = {stamp(bench, f"Red1:{name}:YC") for name in ("Spec", "Slice1", "Group1")}
    assert times == {10**18 + 7}


def test_those_that_there_are_not_are_empty_and_undefined_until_there_are() -> None:
    bench = PublisherBench(SLICED)
    at_once(bench.publisher.ranks(sliced(bench)))
    for name in ("Red1:Slice3:YC", "Red1:Group4:E"):
        assert (bench.get(name), bench.alarm(name)) == ([], ABSENT_ALARM)
    assert bench.get("Red1:Slice3:Total_RBV") == 0
    assert bench.alarm("Red1:Slice2:YC") == NO_ALARM
    more = np.ones((4, 4, 3), np.int64)
    bench.now_s += 1
    result = dataclasses.replace(report(bench.order).results[0], counts=more)
    four = dataclasses.replace(SLICED, detectors=DetectorSettings(groups="0;1;2;3"))
    four = dataclasses.replace(four, filter=FilterSettings("temperature", 0.0, 1.0, 4.0))
    result = dataclasses.replace(result, order=ReductionOrder(0, four))
    at_once(bench.publisher.ranks(report(bench.order, results=(result,))))
    for name in ("Red1:Slice3:YC", "Red1:Group4:YC"):
        assert (bench.get(name), bench.alarm(name)) == ([4, 4, 4], NO_ALARM)
    bench.now_s += 1
    at_once(bench.publisher.ranks(sliced(bench)))
    assert (bench.get("Red1:Slice3:YC"), bench.alarm("Red1:Slice3:YC")) == ([], ABSENT_ALARM)


def test_without_a_log_there_is_one_slice_of_all(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    assert bench.get("Red1:NumSlices_RBV") == bench.get("Red1:NumGroups_RBV") == 1
    assert bench.get("Red1:Slice1:YC") == bench.get("Red1:Group1:YC") == [4, 4, 4]
    assert (bench.get("Red1:Slice1:Low_RBV"), bench.get("Red1:Slice1:High_RBV")) == (
        -np.inf,
        np.inf,
    )
    assert bench.get("Red1:Group1:Pixels_RBV") == "all"


def test_a_channel_that_is_asked_for_late_shows_what_the_others_do() -> None:
    bench = PublisherBench(SLICED)
    assert bench.alarm("Red1:Slice1:YC") == DISCONNECTED_ALARM, "nobody has reported"
    at_once(bench.publisher.ranks(sliced(bench)))
    assert bench.get("Red1:Slice1:YC") == CELLS[0].sum(axis=0).tolist()
    bench.now_s += 1
    at_once(bench.publisher.ranks(sliced(bench)))
    at_once(bench.publisher.disconnected(Part.RANKS, "it died"))
    for name in ("Red1:Slice1:YC", "Red1:Slice2:YC", "Red1:Slice3:YC"):
        assert bench.alarm(name) == DISCONNECTED_ALARM
    assert stamp(bench, "Red1:Slice2:YC") == 10**18 + 7


def test_reductions_are_posted_side_by_side() -> None:
    bench = PublisherBench(reduction("1,1,3"), SLICED)
    at_once(bench.publisher.ranks(sliced(bench, number=1)))
    assert bench.get("Red1:Spec:YC") == [1, 1]
    assert bench.get("Red2:Slice1:YC") == CELLS[0].sum(axis=0).tolist()
    assert bench.get("Red2:Filter:Log") == bench.get("Red2:Filter:Log_RBV") == "temperature"
    assert bench.get("Red1:NumSlices_RBV") == 1


def test_what_the_ioc_has_to_say_stands_beside_what_the_ranks_say(bench: PublisherBench) -> None:
    bench.publisher = Publisher(
        bench.database, bench.orders, health=Health(ioc_problems=lambda: "a log is lost")
    )
    at_once(bench.publisher.ranks(report(bench.order, message="half heard")))
    assert bench.get("StatusMessage_RBV") == "half heard; a log is lost"


async def test_the_unit_of_the_axis_follows_the_reduction(bench: PublisherBench) -> None:
    egu = bench.database.channels["P:Red1:Spec:XE"].get_field("EGU")
    put = asyncio.create_task(bench.put("Red1:Units", Units.TOF))
    await asyncio.sleep(0)
    await bench.publisher.ranks(report(bench.order))
    await put
    assert egu.value == bench.database.channels["P:Red1:Spec:X"].units == "us"


def test_who_is_gone_leaves_invalid_values_until_it_reports_again(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    at_once(bench.publisher.disconnected(Part.RANKS, "it died"))
    readings = (
        "EventTotal_RBV",
        "Ranks_RBV",
        "Red1:EventsBinned_RBV",
        "Red1:Spec:X",
        "Red1:Spec:YC",
    )
    assert {bench.alarm(name) for name in readings} == {DISCONNECTED_ALARM}
    assert bench.get("Red1:Spec:YC") == [4, 4, 4]
    assert bench.get("DetectorState_RBV") == "Disconnected"
    assert bench.get("StatusMessage_RBV") == "it died"
    assert bench.alarm("Red1:BinParams_RBV") == NO_ALARM
    at_once(bench.publisher.ranks(report(bench.order, 4)))
    assert {bench.alarm(name) for name in readings} == {NO_ALARM}
    assert bench.get("DetectorState_RBV") == "Acquire"
    assert bench.get("StatusMessage_RBV") == ""


def test_ranks_that_have_not_taken_the_settings_show_no_result(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(dataclasses.replace(bench.order, revision=-1), 4)))
    assert bench.get("DetectorState_RBV") == "Initializing"
    assert bench.alarm("EventTotal_RBV") == DISCONNECTED_ALARM
    assert bench.alarm("Red1:Spec:YC") == bench.alarm("Red1:Generation_RBV") == DISCONNECTED_ALARM


def test_ranks_that_read_the_event_log_again_show_what_they_have_so_far(
    bench: PublisherBench,
) -> None:
    partial = report(bench.order, 4, catching_up=True, event_log=EventLogStatus(catch_up=12.5))
    at_once(bench.publisher.ranks(partial))
    assert bench.get("DetectorState_RBV") == "Readout"
    assert bench.get("CatchUp_RBV") == 12.5
    assert bench.get("Red1:Spec:YC") == [4, 4, 4]
    assert "12 %" in bench.get("StatusMessage_RBV")
    assert bench.alarm("Status_RBV") == MINOR
    bench.now_s += 1
    at_once(bench.publisher.ranks(report(bench.order, 9)))
    assert bench.get("DetectorState_RBV") == "Acquire"
    assert bench.alarm("Status_RBV") == NO_ALARM


def test_the_simulator_is_told_apart(bench: PublisherBench) -> None:
    at_once(bench.publisher.simulator(SimulatorReport(0, SimulatorStatus(pulse=5))))
    assert (bench.get("Sim:Pulse_RBV"), bench.alarm("Sim:Pulse_RBV")) == (5, NO_ALARM)
    at_once(bench.publisher.disconnected(Part.SIMULATOR, "it died"))
    assert (bench.get("Sim:Pulse_RBV"), bench.alarm("Sim:Pulse_RBV")) == (5, DISCONNECTED_ALARM)
    assert bench.get("Sim:StatusMessage_RBV") == "it died"
    assert bench.get("StatusMessage_RBV") == "waiting for the ranks to report"


def test_bins_without_a_value_are_a_minor_alarm_and_no_other(bench: PublisherBench) -> None:
    said = report(bench.order)
    status = dataclasses.replace(
        said.results[0].status, bins_undefined=2, normalisation_message="2 of 3 bins"
    )
    result = dataclasses.replace(said.results[0], status=status)
    at_once(bench.publisher.ranks(dataclasses.replace(said, results=(result,))))
    assert (bench.get("Red1:BinsUndefined_RBV"), bench.alarm("Red1:BinsUndefined_RBV")) == (
        2,
        BINS_UNDEFINED,
    )
    assert bench.get("Red1:NormalisationMessage_RBV") == "2 of 3 bins"
    assert bench.alarm("Red1:Spec:Y") == bench.alarm("Red1:EventsBinned_RBV") == NO_ALARM
    bench.now_s += 1
    at_once(bench.publisher.ranks(report(bench.order)))
    assert bench.alarm("Red1:BinsUndefined_RBV") == NO_ALARM


def test_events_in_no_count_and_messages_are_alarms(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order, unaccounted=3, message="half heard")))
    assert bench.alarm("EventTotal_RBV") == UNACCOUNTED
    assert bench.get("StatusMessage_RBV") == "3 events are not accounted for; half heard"


async def test_an_alarm_of_a_refused_put_outlasts_reports(bench: PublisherBench) -> None:
    pause = bench.database.channels["P:Pause"]
    await pause.publish_alarm(UNACCOUNTED)
    await bench.publisher.ranks(report(bench.order))
    assert bench.alarm("Pause") == UNACCOUNTED
    assert bench.get("DetectorState_RBV") == DetectorState.ACQUIRE


def test_the_run_of_the_facility_is_shown_and_how_late_it_was_seen(bench: PublisherBench) -> None:
    run = FacilityRun().started("job", "1234", "Ice", 1_767_225_600_250_000_000)
    at_once(bench.publisher.ranks(report(bench.order, run=RunState(facility_run=run))))
    assert bench.get("RunName_RBV") == "1234"
    assert bench.get("RunTitle_RBV") == "Ice"
    assert bench.get("RunStart_RBV") == "2026-01-01T00:00:00.250Z"
    assert bench.get("RunState_RBV") == "Running"
    assert bench.get("RunMessage_RBV") == ""
    assert bench.publisher.posted[0].run == run
    late = dataclasses.replace(run.stopped(), late_ns=1_500_000_000, start_ns=0)
    bench.now_s += 1
    at_once(bench.publisher.ranks(report(bench.order, run=RunState(facility_run=late))))
    assert bench.get("RunState_RBV") == "Stopped"
    assert bench.get("RunStart_RBV") == ""
    assert "1.500 s before" in bench.get("RunMessage_RBV")


def test_the_first_result_that_has_a_pulse_is_posted_at_once_and_later_ones_as_they_are_due() -> (
    None
):
    bench = PublisherBench()
    at_once(bench.publisher.ranks(report(bench.order, 0)))
    at_once(bench.publisher.ranks(report(bench.order, 5, pulse_time_ns=10**18)))
    assert bench.get("Red1:Spec:Total_RBV") == 15
    at_once(bench.publisher.ranks(report(bench.order, 6, pulse_time_ns=10**18 + 1)))
    assert bench.get("Red1:Spec:Total_RBV") == 15
