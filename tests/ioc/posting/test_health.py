"""All that can be wrong is one status: its alarm is the worst there is, its words say why."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ioc.ca.channels.alarms import DISCONNECTED_ALARM, NO_ALARM
from ioc.model.ioc_parameters import OverallStatus, WatchSettings
from ioc.model.paths import Part
from ioc.posting.health import LAGGING, MINOR, TOLD_FOR_S, UNACCOUNTED, Health, HealthSummary
from ioc.posting.publisher import Publisher
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.parameters.all_reductions.readings import EventLogStatus, StreamStatus
from simulator.orders import SimulatorReport
from simulator.status import SimulatorStatus
from tests.support.ioc.publisher_bench import PublisherBench, at_once, report


class Ward:
    """A health whose clock, limit and remark the test sets."""

    def __init__(self) -> None:
        self.now_s, self.ioc_problems, self.watch = 0.0, "", WatchSettings()
        self.source = ""
        self.health = Health(
            lambda: self.watch,
            lambda: self.ioc_problems,
            lambda: self.now_s,
            lambda: self.source,
        )

    def reported(self, current: bool = True, **more: Any) -> HealthSummary:
        streams = {each.name for each in dataclasses.fields(StreamStatus)}
        stream = StreamStatus(**{name: more.pop(name) for name in streams & more.keys()})
        self.health.reported(report(RanksOrder(), stream=stream, **more), current)
        return self.health.summary


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_all_is_well_once_the_ranks_report_so() -> None:
    assert Ward().reported() == HealthSummary(OverallStatus.OK, NO_ALARM, "")


def test_news_of_the_start_are_told_for_a_minute() -> None:
    now_s = [7.0]
    health = Health(clock=lambda: now_s[0], news=("the file has changed",))
    health.reported(report(RanksOrder()), True)
    told = HealthSummary(OverallStatus.WARNING, MINOR, "the file has changed")
    assert health.summary == told
    now_s[0] += TOLD_FOR_S
    assert health.summary == HealthSummary(OverallStatus.OK, NO_ALARM, "")


@pytest.mark.parametrize(
    ("wrong", "status", "alarm", "words"),
    [
        ({"unaccounted": 3}, OverallStatus.ERROR, UNACCOUNTED, "3 events are not accounted for"),
        ({"message": "half heard"}, OverallStatus.WARNING, MINOR, "half heard"),
        ({"lag": 2.1}, OverallStatus.WARNING, MINOR, "results lag by more than 2 s"),
        ({"pulses_missing": 4}, OverallStatus.WARNING, MINOR, "pulses went missing"),
        (
            {"current": False},
            OverallStatus.WARNING,
            MINOR,
            "the ranks have not taken the settings yet",
        ),
        (
            {"catching_up": True, "event_log": EventLogStatus(catch_up=43.2), "lag": 900.0},
            OverallStatus.WARNING,
            MINOR,
            "the event log is read again, 43 % so far: results lack pulses",
        ),
        (
            {"run": RunState(start_ns=1_767_225_600_000_000_000, lost=7)},
            OverallStatus.WARNING,
            MINOR,
            "7 pulses since 2026-01-01 00:00:00 UTC had left the event log before they were read"
            " again: they are missing, until Reset",
        ),
    ],
)
def test_each_trouble_has_its_severity_and_its_words(
    wrong: dict[str, Any], status: OverallStatus, alarm: Any, words: str
) -> None:
    assert Ward().reported(**wrong) == HealthSummary(status, alarm, words)


def test_the_worst_alarm_stands_and_all_words_do(ward: Ward) -> None:
    ward.ioc_problems = "log T: not connected, its last value is used"
    summary = ward.reported(unaccounted=3, message="half heard", lag=5)
    assert (summary.status, summary.alarm) == (OverallStatus.ERROR, UNACCOUNTED)
    assert summary.message.split("; ") == [
        "3 events are not accounted for",
        "half heard",
        "results lag by more than 2 s",
        "log T: not connected, its last value is used",
    ]


def test_the_limit_of_the_lag_is_a_setting(ward: Ward) -> None:
    ward.watch = WatchSettings(lag_limit=10)
    assert ward.reported(lag=9.9).status is OverallStatus.OK
    assert ward.reported(lag=10.1).message == "results lag by more than 10 s"


def test_who_is_gone_outranks_everything_until_it_is_back(ward: Ward) -> None:
    ward.reported(unaccounted=3)
    ward.health.gone(Part.RANKS, "ranks ended with signal 9")
    assert ward.health.summary == HealthSummary(
        OverallStatus.ERROR, DISCONNECTED_ALARM, "ranks ended with signal 9"
    )
    assert ward.reported().status is OverallStatus.OK


def test_a_simulator_is_missed_only_if_there_was_one(ward: Ward) -> None:
    ward.reported()
    ward.health.gone(Part.SIMULATOR, "waiting")
    assert ward.health.summary.status is OverallStatus.OK
    ward.health.back(Part.SIMULATOR)
    ward.health.gone(Part.SIMULATOR, "simulator ended with signal 9")
    assert ward.health.summary.message == "simulator ended with signal 9"
    assert ward.health.summary.alarm == MINOR


def test_a_restart_and_missing_pulses_are_told_for_a_while(ward: Ward) -> None:
    ward.reported()
    ward.health.gone(Part.RANKS, "ranks ended with signal 9")
    ward.health.restarted(Part.RANKS)
    assert ward.reported().message == "ranks ended with signal 9; started again"
    ward.now_s = TOLD_FOR_S / 2
    assert "pulses went missing" in ward.reported(pulses_missing=1).message
    ward.now_s = TOLD_FOR_S
    assert ward.reported(pulses_missing=1).message == "pulses went missing"
    ward.now_s = 2 * TOLD_FOR_S
    assert ward.reported(pulses_missing=1).message == ""
    assert ward.reported(pulses_missing=0).message == "", "a reset misses nothing"


def lagging(order: RanksOrder, lag_s: float) -> RanksReport:
    return report(order, stream=StreamStatus(lag=lag_s))


def test_the_status_and_the_lag_are_in_alarm_above_the_limit_and_the_fields_tell_it() -> None:
    bench, ward = PublisherBench(), Ward()
    bench.publisher = Publisher(
        bench.database, bench.orders, 5.0, lambda: bench.now_s, health=ward.health
    )
    lag = bench.database.channels["P:Lag_RBV"]
    high, severity = lag.get_field("HIGH"), lag.get_field("HSV")
    at_once(bench.publisher.ranks(lagging(bench.order, 3)))
    assert (bench.get("Status_RBV"), bench.alarm("Status_RBV")) == ("Warning", MINOR)
    assert (bench.alarm("Lag_RBV"), high.value, severity.value) == (LAGGING, 2, LAGGING[1])
    ward.watch = WatchSettings(lag_limit=4)
    bench.now_s += 1
    at_once(bench.publisher.ranks(lagging(bench.order, 3)))
    assert (bench.get("Status_RBV"), bench.alarm("Status_RBV")) == ("OK", NO_ALARM)
    assert (bench.alarm("Lag_RBV"), high.value) == (NO_ALARM, 4)
    at_once(bench.publisher.disconnected(Part.RANKS, "it died"))
    assert (bench.get("Status_RBV"), bench.alarm("Status_RBV")) == ("Error", DISCONNECTED_ALARM)
    assert bench.get("StatusMessage_RBV") == "it died"


def test_a_simulator_that_comes_back_is_told_at_once(bench: PublisherBench) -> None:
    at_once(bench.publisher.ranks(report(bench.order)))
    for status, reason in (("OK", ""), ("Warning", "it died")):
        at_once(bench.publisher.simulator(SimulatorReport(0, SimulatorStatus())))
        if reason:
            at_once(bench.publisher.disconnected(Part.SIMULATOR, reason))
        assert (bench.get("Status_RBV"), bench.get("StatusMessage_RBV")) == (status, reason)


def test_an_event_log_that_cannot_be_written_is_told_while_the_simulator_reports_it(
    bench: PublisherBench,
) -> None:
    at_once(bench.publisher.ranks(report(bench.order)))
    full = SimulatorStatus(log_message="event log /log: No space left on device")
    for status, words in ((full, full.log_message), (SimulatorStatus(), ""), (full, "it died")):
        at_once(bench.publisher.simulator(SimulatorReport(0, status)))
        if words == "it died":
            at_once(bench.publisher.disconnected(Part.SIMULATOR, words))
        assert bench.get("StatusMessage_RBV") == words


def test_results_and_restarts_are_counted_from_the_start(bench: PublisherBench) -> None:
    counters = ("ArrayCounter_RBV", "Restarts_RBV")
    assert [(bench.get(name), bench.alarm(name)) for name in counters] == [(0, NO_ALARM)] * 2
    reported: list[dict[str, Any]] = [{}, {}, {"results": ()}]
    for each in reported:
        at_once(bench.publisher.ranks(report(bench.order, **each)))
        bench.now_s += 1
    at_once(bench.publisher.restarted(Part.RANKS, 3))
    assert [bench.get(name) for name in counters] == [2, 3]
