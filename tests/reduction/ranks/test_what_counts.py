"""Counts, pulses and charge of a result come from the same pulses, whatever the stream does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.one_rank import FedRank, counts_and_charges

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
