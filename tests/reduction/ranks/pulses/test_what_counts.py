"""Counts, pulses and charge of a result come from the same pulses, whatever the stream does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.ranks.one_rank import FedRank, counts_and_charges, pulse_ns

PLAIN = ReductionSettings(Units.TOF, "1000,59000,60000")
BY_FURNACE = replace(PLAIN, filter=FilterSettings("furnace", 0, 10, 20))


@pytest.mark.parametrize("pulses_after", [0, 10])
@pytest.mark.parametrize("closes", [0, 1])
def test_a_log_value_that_comes_after_the_end_slices_counts_and_charge_alike(
    pulses_after: int, closes: int
) -> None:
    fed = FedRank(BY_FURNACE)
    fed.log("furnace", 0, 5.0)
    fed.pulses(range(10))
    assert counts_and_charges(fed.report()) == [(100, 10.0), (0, 0.0)]
    stopped = fed.report(acquiring=False)
    assert counts_and_charges(stopped) == [(100, 10.0), (0, 0.0)]
    fed.log("furnace", 6, 15.0)
    fed.pulses(range(10, 10 + pulses_after))
    report = fed.report()
    assert counts_and_charges(report) == [(60, 6.0), (40, 4.0)]
    fed.log("furnace", 3, 25.0)
    assert counts_and_charges(fed.report(closes=closes)) == (
        [(0, 0.0), (0, 0.0)] if closes else [(30, 3.0), (40, 4.0)]
    )


def test_a_late_log_value_slices_closed_series_alike() -> None:
    fed = FedRank(BY_FURNACE)
    fed.log("furnace", 0, 5.0)
    fed.pulses(range(10))
    fed.report()
    fed.report(closes=1)
    fed.pulses(range(10, 15))
    fed.report(acquiring=False)
    fed.log("furnace", 4, 99.0)
    fed.log("furnace", 12, 15.0)
    report = fed.report()
    (series,) = report.results[0].series
    assert (series.counts.sum(), series.charge_uc) == (40, 4.0)
    assert counts_and_charges(report) == [(0, 0.0), (30, 3.0)]


def test_a_report_tells_the_newest_pulse_of_which_anything_has_come() -> None:
    fed = FedRank(PLAIN)
    assert fed.report().newest_pulse_ns == -1
    fed.pulses(range(3))
    assert fed.report().newest_pulse_ns == pulse_ns(2)
    fed.events(3)
    assert fed.report().newest_pulse_ns == pulse_ns(3)


@pytest.mark.parametrize("offset_s", [0, -2, -5, -3600, 3600, 86_400, -(10**9), 7])
def test_the_clock_of_a_process_variables_host_neither_moves_nor_drops_events(
    offset_s: int,
) -> None:
    fed = FedRank(BY_FURNACE, clock_ns=pulse_ns(28))
    offset_ns = offset_s * 10**9
    fed.process_variable("furnace", pulse_ns(0) + offset_ns, 5.0)
    fed.pulses(range(10))
    assert counts_and_charges(fed.report()) == [(100, 10.0), (0, 0.0)]
    fed.process_variable("furnace", pulse_ns(10) + offset_ns, 15.0)
    fed.pulses(range(10, 20))
    report = fed.report()
    assert report.message == ""
    if offset_s == -2:  # a value may come that late, and then it is believed
        assert fed.recorder.problem == ""
        return
    assert counts_and_charges(report) == [(100, 10.0), (100, 10.0)]
    if offset_s == 0:
        assert fed.recorder.problem == ""
    else:
        assert "log furnace: its time is" in fed.recorder.problem
        assert ("ahead" in fed.recorder.problem) == (offset_s > 0)
    fed.process_variable("furnace", pulse_ns(20) + offset_ns, 25.0)
    fed.pulses(range(20, 30))
    assert counts_and_charges(fed.report()) == [(100, 10.0), (100, 10.0)]


def test_a_process_variable_that_is_sent_again_holds_since_its_first_time() -> None:
    fed = FedRank(BY_FURNACE, clock_ns=pulse_ns(500))
    fed.process_variable("furnace", pulse_ns(-10_000), 5.0)
    fed.pulses(range(10))
    fed.process_variable("furnace", pulse_ns(-10_000), 5.0)
    report = fed.report()
    assert counts_and_charges(report) == [(100, 10.0), (0, 0.0)]
    assert fed.recorder.problem == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_process_variable_that_is_no_number_keeps_its_last_one(value: float) -> None:
    fed = FedRank(BY_FURNACE)
    fed.process_variable("furnace", pulse_ns(0), 5.0)
    fed.process_variable("furnace", pulse_ns(1), value)
    fed.pulses(range(10))
    assert counts_and_charges(fed.report()) == [(100, 10.0), (0, 0.0)]


@pytest.mark.parametrize("offset_s", [50, 5, 0.3, 40, -0.3, -50, 3000, -3000, -(10**8)])
@pytest.mark.parametrize("with_events", [False, True])
@pytest.mark.parametrize("at", [2, 9, 18])
def test_one_mark_at_a_time_that_cannot_be_costs_one_pulse_and_nothing_after_it(
    offset_s: float, with_events: bool, at: int
) -> None:
    fed = FedRank(PLAIN, clock_ns=pulse_ns(2000))
    wrong_ns = pulse_ns(at) + int(offset_s * 10**9)
    fed.pulses(range(at))
    fed.report()
    fed.log("proton_charge", at, 1.0)
    fed.events(at, wrong_ns if with_events else None)
    fed.mark(at, wrong_ns)
    fed.report()
    fed.pulses(range(at + 1, 25))
    report = fed.report()
    assert counts_and_charges(report) == [(240, 24.0)]
    assert report.acquisition.pulses == 24
    assert report.stream.event_total == 240
    assert report.stream.messages_bad_time >= 1
    assert report.stream.pulses_missing == 1
    assert report.unaccounted == 0
    direction = "ahead" if offset_s > 0 else "behind"
    assert direction in report.message


@pytest.mark.parametrize("offset_s", [0.5, 3, 4.9, 6, 3600, -0.5, -3600])
def test_a_first_mark_at_a_time_that_cannot_be_costs_one_pulse(offset_s: float) -> None:
    fed = FedRank(PLAIN, clock_ns=pulse_ns(0))
    fed.events(0)
    fed.mark(0, pulse_ns(0) + int(offset_s * 10**9))
    fed.report()
    fed.pulses(range(1, 20))
    report = fed.report()
    assert counts_and_charges(report)[0][0] >= 180
    assert report.stream.pulse_last == 19
    assert report.unaccounted == 0


def test_a_mark_too_many_at_a_time_that_cannot_be_costs_nothing() -> None:
    fed = FedRank(PLAIN)
    fed.pulses(range(10))
    fed.mark(10, pulse_ns(9) + 50 * 10**9)
    fed.pulses(range(10, 20))
    report = fed.report()
    assert counts_and_charges(report) == [(200, 20.0)]
    assert (report.acquisition.pulses, report.stream.messages_bad_time) == (20, 1)


@pytest.mark.parametrize("pause", [2, 14, 700, 10_000])
@pytest.mark.parametrize("numbers_go_on", [False, True])
def test_pulses_after_a_pause_of_the_source_are_all_taken(pause: int, numbers_go_on: bool) -> None:
    fed = FedRank(PLAIN, clock_ns=pulse_ns(20_000))
    fed.pulses(range(10))
    fed.report()
    for pulse in range(10 + pause, 20 + pause):
        fed.log("proton_charge", pulse, 1.0)
        fed.events(pulse)
        fed.mark(pulse - pause if numbers_go_on else pulse, pulse_ns(pulse))
    report = fed.report()
    assert counts_and_charges(report) == [(200, 20.0)]
    assert report.acquisition.pulses == 20
    assert report.stream.messages_bad_time == 0
    assert report.stream.pulses_missing == (0 if numbers_go_on else pause)


@pytest.mark.parametrize("back", [0, 11, 5000, 10**6])
@pytest.mark.parametrize("ids_again", [False, True])
def test_pulses_that_come_again_are_told_and_a_reset_starts_afresh_with_them(
    back: int, ids_again: bool
) -> None:
    first = 2 * 10**6
    again = first - back
    fed = FedRank(BY_FURNACE, clock_ns=pulse_ns(first + 2000))

    def play(first: int) -> None:
        fed.log("furnace", first, 5.0)
        fed.log("furnace", first + 6, 15.0)
        fed.pulses(range(first, first + 10))

    def start_again() -> None:
        fed.chunks = 0 if ids_again else fed.chunks

    play(first)
    once = [(60, 6.0), (40, 4.0)]
    assert counts_and_charges(fed.report()) == once
    start_again()
    fed.pulses(range(again, again + 10))
    report = fed.report()
    assert counts_and_charges(report) == once
    assert report.acquisition.pulses == 10
    assert "pulses come again" in report.message
    assert "Reset" in report.message
    fed.report(resets=1)
    start_again()
    play(again)
    report = fed.report()
    assert counts_and_charges(report) == once
    assert report.stream.pulse_first == again
    assert report.unaccounted == 0
    assert "pulses come again" not in report.message


def test_a_reset_before_the_pulses_come_again_does_as_well() -> None:
    fed = FedRank(PLAIN)
    for resets in range(3):
        fed.report(resets=resets)
        fed.pulses(range(10))
        report = fed.report()
        assert counts_and_charges(report) == [(100, 10.0)]
        assert report.stream.pulse_last == 9


def test_events_of_no_pulse_do_not_count_and_are_told() -> None:
    fed = FedRank(PLAIN)
    fed.pulses(range(5))
    fed.events(5, pulse_ns(5) + 1000)
    fed.pulses(range(5, 10))
    report = fed.report()
    assert counts_and_charges(report) == [(100, 10.0)]
    assert report.stream.messages_bad_time == 1
    assert report.stream.event_total == 100
    assert report.message


def test_a_late_chunk_counts_with_its_pulse_also_in_a_pause_and_not_with_a_paused_one() -> None:
    fed = FedRank(PLAIN)
    fed.pulses(range(4))
    fed.chunks += 1  # is lost
    fed.mark(4)
    fed.report(control=RunControl(pause=True))
    fed.pulses(range(5, 8))
    fed.chunks += 1  # so is this one
    fed.mark(8)
    fed.report()
    lost, fed.chunks = fed.chunks, 4
    fed.events(4)
    report = fed.report()
    assert counts_and_charges(report)[0][0] == 50
    fed.report(control=RunControl())
    fed.chunks = lost - 1
    fed.events(8)
    report = fed.report()
    assert counts_and_charges(report)[0][0] == 50
    assert report.results[0].status.events_filtered == 40
    assert (report.acquisition.pulses, report.unaccounted) == (5, 0)
