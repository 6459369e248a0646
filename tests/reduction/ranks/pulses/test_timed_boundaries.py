"""Accumulations that begin and end at the pulse of a time, as runs of a facility have them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_data_types.run_start_pl72 import serialise_pl72

from reduction.control.facility_run import FacilityRun
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from tests.reduction.ranks.test_plain_recovery import PlainRecordedStream
from tests.reduction.ranks.test_recovery import BY_TIME, Ranks, RecordedStream, facts
from tests.support.ranks.one_rank import PERIOD_NS, FedRank, pulse_ns

PLAIN = ReductionSettings(Units.TOF, "1000,59000,60000")
BEFORE, AFTER = 10, 10

offsets = st.integers(-PERIOD_NS * (BEFORE + 2), PERIOD_NS * (AFTER + 2))
"""Boundaries around the last pulse before the order."""


def counted(report: RanksReport) -> list[int]:
    """Events of each series, the running one last."""
    (result,) = report.results
    assert result.counts is not None
    assert report.unaccounted == 0
    return [*(int(each.counts.sum()) for each in result.series), int(result.counts.sum())]


def first_counted(boundary_ns: int) -> int:
    """The number of the first pulse at the boundary or later, and not before the order."""
    ahead = -(-(boundary_ns - pulse_ns(0)) // PERIOD_NS)
    return min(max(ahead, BEFORE), BEFORE + AFTER)


def exact_first(boundary_ns: int) -> int:
    """The number of the first pulse at the boundary or later."""
    return min(max(-(-(boundary_ns - pulse_ns(0)) // PERIOD_NS), 0), BEFORE + AFTER)


@settings(max_examples=25)
@given(offsets)
def test_an_acquisition_begins_with_the_first_pulse_at_its_time_or_with_the_next_one(
    offset_ns: int,
) -> None:
    fed, boundary_ns = FedRank(PLAIN), pulse_ns(BEFORE) + offset_ns
    fed.pulses(range(BEFORE))
    run = FacilityRun().started("job", "1234", "", boundary_ns)
    fed.report()
    fed.report(resets=1, starts=1, begins_ns=boundary_ns, facility_run=run)
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    report, first = fed.report(), first_counted(boundary_ns)
    assert counted(report) == [10 * (BEFORE + AFTER - first)]
    if first < BEFORE + AFTER:
        assert report.stream.pulse_first == report.run.first == first
        assert report.acquisition.time_elapsed == pytest.approx(
            (BEFORE + AFTER - first) * PERIOD_NS / 1e9
        )
    late_ns = pulse_ns(BEFORE - 1) + 1 - boundary_ns
    assert report.run.facility_run.late_ns == max(late_ns, 0)


@settings(max_examples=25)
@given(offsets)
def test_a_series_begins_with_the_first_pulse_at_its_time_though_that_was_counted_before(
    offset_ns: int,
) -> None:
    fed, boundary_ns = FedRank(PLAIN), pulse_ns(BEFORE) + offset_ns
    fed.pulses(range(BEFORE))
    fed.report()
    fed.report(closes=1, starts=1, begins_ns=boundary_ns)
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    known = boundary_ns > pulse_ns(0)
    first = exact_first(boundary_ns) if known else first_counted(boundary_ns)
    report = fed.report()
    assert counted(report) == [10 * first, 10 * (BEFORE + AFTER - first)]
    assert report.results[0].series[0].charge_uc == first
    assert report.results[0].series[0].status.pulse_last == first - 1
    if first < BEFORE + AFTER:
        assert report.stream.pulse_first == first


@settings(max_examples=25)
@given(offsets)
def test_an_acquisition_ends_with_the_last_pulse_before_its_time_or_at_once(offset_ns: int) -> None:
    fed, boundary_ns = FedRank(PLAIN), pulse_ns(BEFORE) + offset_ns
    fed.pulses(range(BEFORE))
    fed.report()
    fed.report(acquiring=False, ends_ns=boundary_ns)
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    report = fed.report()
    assert counted(report) == [10 * first_counted(boundary_ns)]
    assert not report.acquisition.acquiring  # or its time is long over by the clock


def test_until_its_last_pulse_has_come_an_acquisition_goes_on() -> None:
    fed = FedRank(PLAIN, clock_ns=pulse_ns(BEFORE))
    fed.pulses(range(BEFORE))
    fed.report()
    waiting = fed.report(acquiring=False, ends_ns=pulse_ns(BEFORE + 2))
    assert waiting.acquisition.acquiring
    fed.pulses(range(BEFORE, BEFORE + 5))
    done = fed.report()
    assert not done.acquisition.acquiring
    assert counted(done) == [10 * (BEFORE + 2)]


def test_what_is_put_after_a_start_that_is_to_come_takes_effect_too() -> None:
    fed = FedRank(PLAIN)
    fed.pulses(range(BEFORE))
    fed.report()
    fed.report(resets=1, starts=1, begins_ns=pulse_ns(BEFORE + 3))
    fed.report(closes=2, starts=2, begins_ns=-1)  # NextSeries: from the next pulse on
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    assert counted(fed.report()) == [0, 10 * (AFTER - 3)]


KILLS = st.sampled_from(["before", "waiting", "after"])
CHANGES = st.sampled_from([{"resets": 1, "starts": 1}, {"closes": 1, "starts": 1}])


@settings(max_examples=15)
@given(offsets, st.lists(KILLS, max_size=3), CHANGES)
def test_after_a_death_a_boundary_is_where_it_was(
    offset_ns: int, kills: list[str], changes: dict[str, Any]
) -> None:
    def measured(kills: list[str]) -> Any:
        stream = RecordedStream()
        reduction = ReductionOrder(0, PLAIN)
        ranks = Ranks(stream, RanksOrder(revision=0, reductions=(reduction,)))
        ranks.report()
        stream.pulses(BEFORE)
        ranks.report()
        for step in ("before", "waiting", "after"):
            if step == "waiting":
                ranks.report(**changes, begins_ns=pulse_ns(BEFORE) + offset_ns)
            if step == "after":
                stream.pulses(AFTER)
                ranks.report()
            for _ in range(kills.count(step)):
                ranks.kill()
                ranks.report()
        report = ranks.report()
        return counted(report), report.acquisition, report.run

    assert measured(kills) == measured([])


def test_a_run_that_nobody_saw_start_begins_at_its_pulse_when_the_log_is_read_again() -> None:
    stream = RecordedStream()
    ranks = Ranks(stream, RanksOrder(revision=0, reductions=(ReductionOrder(0, PLAIN),)))
    ranks.report()
    stream.pulses(60)
    ranks.report()
    ranks.kill()
    for reader in ranks.readers.values():
        reader.last = 60
    ranks.rank.reported(ranks.next_order(), lambda report: report.acquisition.pulses > 0)
    timed = ranks.next_order(closes=1, starts=1, begins_ns=pulse_ns(50))
    told = ranks.rank.reported(timed, lambda report: report.revision == timed.revision)
    assert told.run.series_ends_ns == (pulse_ns(50) - 1,)
    for reader in ranks.readers.values():
        reader.last = None
    report = ranks.report()
    assert report.results[0].series[0].status.pulse_last == 49
    assert report.acquisition.pulses == 10


def test_messages_about_runs_are_reported_once_each_and_again_and_again() -> None:
    fed = FedRank(PLAIN)
    for job in ("a", "b", "a"):
        fed.take(serialise_pl72(job, "file.nxs", pulse_ns(0) // 10**6, run_name=job))
    for _ in range(2):
        report = fed.report()
        assert [each.job for each in report.run_messages] == ["a", "b"]


def test_a_run_without_a_key_changes_nothing_of_the_one_before() -> None:
    fed = FedRank(PLAIN)
    run = FacilityRun().started("job", "1234", "Ice", pulse_ns(0))
    assert fed.report(facility_run=run).run.facility_run == run
    assert fed.report(facility_run=FacilityRun()).run.facility_run == run
    stopped = replace(run, running=False)
    assert fed.report(facility_run=stopped, resets=3).run.facility_run == stopped


@pytest.mark.parametrize(("ahead_s", "first"), [(0.5, BEFORE + 7), (59.0, None), (61.0, BEFORE)])
@pytest.mark.parametrize("begins", ["resets", "closes"])
def test_a_boundary_far_ahead_of_the_pulses_is_of_a_wrong_clock(
    ahead_s: float, first: int | None, begins: str
) -> None:
    fed = FedRank(PLAIN, clock_ns=pulse_ns(0) + 3600 * 10**9)
    fed.pulses(range(BEFORE))
    fed.report()
    boundary_ns = pulse_ns(BEFORE - 1) + int(ahead_s * 1e9)
    fed.report(**{begins: 1}, starts=1, begins_ns=boundary_ns)
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    report = fed.report()
    assert report.acquisition.pulses == (0 if first is None else BEFORE + AFTER - first)


def test_an_end_far_ahead_of_the_pulses_is_now() -> None:
    fed = FedRank(PLAIN)
    fed.pulses(range(BEFORE))
    fed.report()
    fed.report(acquiring=False, ends_ns=pulse_ns(BEFORE) + 3600 * 10**9)
    fed.pulses(range(BEFORE, BEFORE + AFTER))
    assert counted(fed.report()) == [10 * BEFORE]


def without_places(report: RanksReport, *, numbered: bool) -> RanksReport:
    """A report without places in the log; its pulses count from 0 if they have no numbers there.

    Pulses that pass while a start is waited for get no numbers.
    """
    run, stream = replace(report.run, places=(), before_ns=()), report.stream
    if not numbered and not report.run.series_ends_ns:
        first, last = (n - run.first for n in (stream.pulse_first, stream.pulse_last))
        stream, run = replace(stream, pulse_first=first, pulse_last=last), replace(run, first=0)
    return replace(report, run=run, stream=stream)


@pytest.mark.parametrize("made", [RecordedStream, PlainRecordedStream])
@settings(max_examples=25)
@given(st.integers(1, PERIOD_NS * BEFORE), CHANGES, st.booleans())
def test_a_start_that_is_told_late_gives_what_it_would_have_given_in_time(
    made: type[RecordedStream], before_ns: int, changes: dict[str, Any], killed: bool
) -> None:
    def measured(*, late: bool) -> Any:
        stream = made()
        reductions = (ReductionOrder(0, PLAIN), ReductionOrder(0, BY_TIME))
        ranks = Ranks(stream, RanksOrder(revision=0, reductions=reductions))
        ranks.report()
        stream.pulses(BEFORE)
        ranks.report()
        timed = {**changes, "begins_ns": pulse_ns(2 * BEFORE) - before_ns}
        if not late:
            ranks.report(**timed)
        stream.pulses(BEFORE)
        ranks.report()
        if late:
            ranks.report(**timed)
        if killed:
            ranks.kill()
        stream.pulses(AFTER)
        report = ranks.report()
        assert report.run.facility_run.late_ns == 0
        return list(facts(without_places(report, numbered=made is RecordedStream)))

    assert measured(late=True) == measured(late=False)


@pytest.mark.parametrize("changes", [{"resets": 1, "starts": 1}, {"closes": 1, "starts": 1}])
def test_pulses_wait_for_the_order_about_a_run_that_begins_with_them(
    changes: dict[str, Any],
) -> None:
    stream = RecordedStream()
    ranks = Ranks(stream, RanksOrder(revision=0, reductions=(ReductionOrder(0, PLAIN),)))
    ranks.report()
    stream.pulses(BEFORE)
    ranks.report()
    boundary_ns = pulse_ns(BEFORE + 2) // 10**6 * 10**6
    start = serialise_pl72("job", "file.nxs", boundary_ns // 10**6, run_name="1234")
    stream.partitions[1].append(start)
    stream.pulses(AFTER)
    told = ranks.rank.reported(ranks.next_order(), lambda report: bool(report.run_messages))
    assert told.stream.pulse_last <= BEFORE + 1
    run = FacilityRun().started("job", "1234", "", boundary_ns)
    report = ranks.report(**changes, begins_ns=boundary_ns, facility_run=run)
    assert report.stream.pulse_first == BEFORE + 2
    assert report.acquisition.pulses == AFTER - 2
    assert report.run.facility_run.late_ns == 0


def test_pulses_do_not_wait_long_for_an_order_that_does_not_come() -> None:
    fed = FedRank(PLAIN)
    fed.take(serialise_pl72("job", "file.nxs", pulse_ns(3) // 10**6, run_name="1234"))
    fed.pulses(range(BEFORE))
    fed.rank.reported(fed.next_order(), lambda report: report.acquisition.pulses == BEFORE)
