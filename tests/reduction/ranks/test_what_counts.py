"""Counts, pulses and charge of a result come from the same pulses, whatever the stream does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.one_rank import FedRank, counts_and_charges, pulse_ns

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
    if offset_s == -2:  # a value may come that late, and then it is believed
        assert report.message == ""
        return
    assert counts_and_charges(report) == [(100, 10.0), (100, 10.0)]
    if offset_s == 0:
        assert report.message == ""
    else:
        assert "log furnace: its time is" in report.message
        assert ("ahead" in report.message) == (offset_s > 0)
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
    assert report.message == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_process_variable_that_is_no_number_keeps_its_last_one(value: float) -> None:
    fed = FedRank(BY_FURNACE)
    fed.process_variable("furnace", pulse_ns(0), 5.0)
    fed.process_variable("furnace", pulse_ns(1), value)
    fed.pulses(range(10))
    assert counts_and_charges(fed.report()) == [(100, 10.0), (0, 0.0)]
