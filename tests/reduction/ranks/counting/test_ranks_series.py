"""Series and fading on the ranks: accumulations side by side, and weights by age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reduction.control.reports import RanksReport
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.ranks.arc_pulses import check, counts_of, events_of, expected, order, settings
from tests.support.ranks.back_end import PERIOD_NS, back_end


def test_series_are_closed_between_pulses_and_cut_anew_with_the_running_one(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=3) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        closed: list[range] = []
        for revision, pulses in enumerate((range(4), range(4, 5), range(5, 9)), start=2):
            for pulse in pulses:
                feed.pulse(pulse, *events_of(pulse))
            report = running.results(revision - 1, pulses[-1])
            check_series(report, bins, closed, pulses)
            report = running.obeyed(replace(order(revision, bins), closes=revision))
            closed.append(pulses)
            check_series(report, bins, closed, [])
        for pulse in range(9, 12):
            feed.pulse(pulse, *events_of(pulse))
        check_series(running.results(4, 11), bins, closed, range(9, 12))

        bins = settings(Units.TOF, "1000,-0.003,60000")
        report = running.obeyed(replace(order(5, bins), closes=4))
        check_series(report, bins, closed, range(9, 12))
        assert [each.status.pulse_last for each in report.results[0].series] == [3, 4, 8]

        restarted = running.obeyed(order(6, bins))  # of an IOC that knows of no series
        check_series(restarted, bins, closed, range(9, 12))
        report = running.obeyed(order(7, bins, resets=1))
        check_series(report, bins, [], [])
        feed.pulse(12, *events_of(12))
        check_series(running.results(7, 12), bins, [], [12])


def check_series(
    report: RanksReport,
    settings: ReductionSettings,
    closed: Sequence[Sequence[int]],
    pulses: Sequence[int],
) -> None:
    """The closed series and the running one have the exact histograms of their pulses."""
    (result,) = report.results
    np.testing.assert_array_equal(result.counts, [[expected(settings, pulses)]])
    for series, those in zip(result.series, closed, strict=True):
        np.testing.assert_array_equal(series.counts, expected(settings, those))
        assert (series.status.pulses, series.status.pulse_first) == (len(those), those[0])
    assert report.unaccounted == 0
    assert report.acquisition.series == len(closed) + 1
    assert report.acquisition.pulses == len(pulses)


def test_a_series_ends_at_its_preset_and_the_next_has_one_of_its_own(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        preset = AcquisitionSettings(preset=Preset.PULSES, preset_pulses=3)
        running.obeyed(replace(order(1, bins), acquisition=preset, starts=1))
        closed: list[range] = []
        for number, first in enumerate((0, 10, 20)):
            for pulse in range(first, first + 6):  # after the third, pulses are of no series
                feed.pulse(pulse, *events_of(pulse))
            done = running.commander.report(
                lambda report: bool(report.results and not report.acquisition.acquiring)
            )
            check_series(done, bins, closed, range(first, first + 3))
            closed.append(range(first, first + 3))
            following = replace(order(2 + number, bins), starts=2 + number, closes=2 + number)
            report = running.obeyed(replace(following, acquisition=preset))
            assert report.acquisition.acquiring
            check_series(report, bins, closed, [])


def test_a_series_too_many_is_refused_and_all_goes_on(tmp_path: Path) -> None:
    with back_end(tmp_path, 1, partitions=1) as running:
        bins = settings(bin_params="0.4,0.000025,5")
        bins = replace(bins, filter=FilterSettings("time", 0, 1, 34))  # there is room for 3 series
        running.obeyed(order(1, bins))
        for revision in (2, 3):
            running.feed.pulse(revision, *events_of(revision))
            running.results(revision - 1, revision)
            report = running.obeyed(replace(order(revision, bins), closes=revision))
            assert not report.message
        report = running.obeyed(replace(order(4, bins), closes=4))
        assert "4 series of together 136 slices" in report.message
        (result,) = report.results
        for series, pulse in zip(result.series, (2, 3), strict=True):
            np.testing.assert_array_equal(series.counts, expected(bins, [pulse]))
        assert report.unaccounted == 0
        running.feed.pulse(4, *events_of(4))
        (result,) = running.results(4, 4).results
        np.testing.assert_array_equal(counts_of(result).sum(axis=(0, 1)), expected(bins, [4]))


def test_more_series_than_the_screens_list_are_kept(tmp_path: Path) -> None:
    with back_end(tmp_path, 1, partitions=1) as running:
        bins = settings(bin_params="0.4,0.1,5")
        running.obeyed(order(1, bins))
        for revision in range(2, 42):
            running.feed.pulse(revision, *events_of(revision))
            running.results(revision - 1, revision)
            report = running.obeyed(replace(order(revision, bins), closes=revision))
        check_series(report, bins, [[pulse] for pulse in range(2, 42)], [])


@pytest.mark.parametrize("ranks", [1, 3])
def test_with_fading_a_pulse_weighs_less_by_e_in_each_fading_time(
    ranks: int, tmp_path: Path
) -> None:
    with back_end(tmp_path, ranks, partitions=3) as running:
        feed, bins = running.feed, settings()
        fading = RunControl(accumulation=AccumulationMode.FADING, fading_time=10 * PERIOD_NS / 1e9)
        running.obeyed(replace(order(1, bins), control=fading))
        for pulse in range(12):
            feed.log("proton_charge", pulse, 2.0 + pulse)
            feed.pulse(pulse, *events_of(pulse))
        report = running.results(1, 11)
        for revision, again in ((2, settings(Units.TOF, "1000,-0.003,60000")), (3, bins)):
            check_faded(report, range(12))
            report = running.obeyed(replace(order(revision, again), control=fading))
        check_faded(report, range(12))
        plain = running.obeyed(order(4, bins))
        assert check(plain, bins, range(12)).faded is None
        running.obeyed(replace(order(5, bins), closes=5))
        nothing = running.obeyed(replace(order(6, bins), closes=5, control=fading)).results[0]
        assert nothing.faded is not None
        assert nothing.faded.sum() == 0
        assert np.isfinite(nothing.series[0].charge_uc)


def check_faded(report: RanksReport, pulses: range) -> None:
    (result,) = report.results
    assert result.faded is not None
    weights = np.exp((np.array(pulses) - pulses[-1]) / 10)
    each = np.array([expected(result.order.settings, [pulse]) for pulse in pulses])
    np.testing.assert_allclose(result.faded[0, 0, 0], weights @ each, rtol=1e-6)
    np.testing.assert_allclose(result.faded[1, 0, 0], weights**2 @ each, rtol=1e-6)
    np.testing.assert_array_equal(counts_of(result)[0, 0], each.sum(axis=0))
    np.testing.assert_allclose(result.charges_uc, [weights @ (2.0 + np.array(pulses))], rtol=1e-6)
    assert report.unaccounted == 0
