"""Regions and peaks of each slice and group: what they are, and when they are found."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Any

import numpy as np
import pytest

from ioc.ca.channels.alarms import ABSENT_ALARM, DISCONNECTED_ALARM, NO_ALARM
from ioc.model.paths import Part
from ioc.model.pvs import pv_rows
from ioc.posting.family_analysis import FamilyAnalysis
from reduction.control.reports import SeriesResult
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.fields import specs_of
from reduction.parameters.readings import SeriesReadings, SliceReadings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Float
from reduction.parameters.windows import PeakStatus, RegionStatus
from reduction.results.columns import column_specs, columns_of
from reduction.results.families import FAMILIES, SpectrumAnalysis, analyse_spectrum
from reduction.results.spectra import MeasuredSpectrum
from reduction.results.windows.peaks import fit_peak
from reduction.results.windows.regions import region_sum
from tests.support.ioc.family_bench import (
    CELLS,
    EDGES,
    PEAK,
    REGION,
    SECONDS,
    SETTINGS,
    TIME_NS,
    cells_report,
    changed,
    numbers,
    running,
    until,
)
from tests.support.ioc.publisher_bench import PublisherBench, stamp
from tests.support.no_threads import no_threads


class Spied:
    """The analysis of a spectrum: its total counts in every region; waits while it is held."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.now_s = 0.0
        self.takes_s = 0.0
        self.begun, self.released = threading.Event(), threading.Event()
        self.released.set()

    def __call__(
        self, settings: ReductionSettings, sample: MeasuredSpectrum, _seconds: float
    ) -> SpectrumAnalysis:
        total = int(sample.measured.counts.sum())
        self.seen.append(total)
        self.now_s += self.takes_s
        self.begun.set()
        assert self.released.wait(20)
        return SpectrumAnalysis([RegionStatus(total=total) for _ in settings.regions])


class SpiedBench(PublisherBench):
    """A bench whose analysis is spied on; reports come with the same count in all cells."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.spied = Spied()
        self.families = FamilyAnalysis(self.database, self.spied, lambda: self.spied.now_s)

    async def posted(self, count: int, resets: int = 0) -> None:
        cells = np.full((1, 1, 4), count)
        await self.families.posted(cells_report(self, cells), resets)

    async def turns(self) -> None:
        """Time for what is waiting in the loop to begin."""
        for _ in range(10):
            await asyncio.sleep(0)


async def test_arrays_hold_what_each_slice_and_each_group_shows_alone() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    async with running(bench.publisher.families):
        times = {"Slices": SECONDS, "Groups": (sum(SECONDS),) * 2}
        for family, spectra in (("Slices", CELLS.sum(axis=1)), ("Groups", CELLS.sum(axis=0))):
            await until(bench, f"Red1:ROI1:{family}:Net_RBV", numbers)
            await until(bench, f"Red1:Peak1:{family}:Centre_RBV", numbers)
            shown_of_each = zip(spectra, times[family], *arrays(bench, family), strict=True)
            for counts, seconds, *shown in shown_of_each:
                width = np.diff(EDGES)
                fit = fit_peak(EDGES, counts / width, np.sqrt(counts) / width, 1.8, 2.4)
                inside = region_sum(EDGES, counts, counts, 1.8, 2.4, seconds)
                alone = (fit.centre, fit.fwhm_error, fit.chi2, inside.net_error, inside.rate)
                np.testing.assert_allclose(shown, alone, rtol=1e-12)


async def test_arrays_are_filled_while_no_thread_can_be_started() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    with no_threads():
        async with running(bench.publisher.families):
            await until(bench, "Red1:ROI1:Slices:Net_RBV", numbers)
            await until(bench, "Red1:Peak1:Groups:Centre_RBV", numbers)


async def test_a_series_has_a_rate_by_its_own_time() -> None:
    bench = PublisherBench(SETTINGS)
    said = cells_report(bench)
    parts = [(CELLS[n].sum(axis=0), 2.0 + n) for n in range(2)]
    series = tuple(SeriesResult(SeriesStatus(), each, 0.0, 0.0, s) for each, s in parts)
    results = tuple(dataclasses.replace(each, series=series) for each in said.results)
    await bench.publisher.ranks(dataclasses.replace(said, results=results))
    async with running(bench.publisher.families):
        rates = await until(bench, "Red1:ROI1:Series:Rate_RBV", numbers)
        totals = await until(bench, "Red1:ROI1:Series:Total_RBV", numbers)
        centres = await until(bench, "Red1:Peak1:Series:Centre_RBV", numbers)
    np.testing.assert_allclose(rates, np.array(totals) / [2.0, 3.0])
    np.testing.assert_allclose(centres, 2.1, atol=0.002)
    assert bench.get("Red1:Series:Total_RBV") == [counts.sum() for counts, _ in parts]


def arrays(bench: PublisherBench, family: str) -> list[list[float]]:
    peak = [f"Peak1:{family}:{name}_RBV" for name in ("Centre", "FWHMErr", "Chi2")]
    region = [f"ROI1:{family}:{name}_RBV" for name in ("NetError", "Rate")]
    return [bench.get(f"Red1:{name}") for name in (*peak, *region)]


async def test_a_fit_that_fails_and_a_window_not_used_have_no_number() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    async with running(bench.publisher.families):
        centres = await until(bench, PEAK, numbers)
        assert np.isnan(centres).tolist() == [False, False, True]
        assert np.isnan(bench.get("Red1:Peak2:Slices:Centre_RBV")).tolist() == [True] * 3
        assert (stamp(bench, PEAK), bench.alarm(PEAK)) == (TIME_NS, NO_ALARM)


def test_an_array_has_the_words_and_the_length_of_its_family_and_texts_have_none() -> None:
    slices, groups, series = FAMILIES
    numbers_of_a_peak = [spec.pv for _, spec in specs_of(PeakStatus) if isinstance(spec, Float)]
    assert [spec.pv for _, spec in column_specs(PeakStatus, slices.most)] == numbers_of_a_peak
    single = dict(specs_of(RegionStatus))
    for field, many in column_specs(RegionStatus, slices.most):
        one = single[field]
        assert isinstance(one, Float)
        assert (one.pv, one.description, one.units) == (many.pv, many.description, many.units)
    bench = PublisherBench(SETTINGS)
    assert bench.database.channels["P:Red1:Slices:Total_RBV"].max_length == slices.most == 1000
    assert [spec.pv for _, spec in column_specs(groups.of, groups.most)] == ["Total_RBV"]
    assert bench.database.channels["P:Red1:Peak1:Series:Chi2_RBV"].max_length == series.most == 1000


async def test_the_slices_themselves_are_arrays_at_once() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    assert bench.get("Red1:Slices:Total_RBV") == CELLS.sum(axis=(1, 2)).tolist()
    assert bench.get("Red1:Slices:Low_RBV") == [0, 1, 2]
    assert bench.get("Red1:Slices:High_RBV") == [1, 2, 3]
    assert bench.get("Red1:Slices:Middle_RBV") == [0.5, 1.5, 2.5]
    assert bench.get("Red1:Slice3:Middle_RBV") == 2.5
    assert bench.get("Red1:Groups:Total_RBV") == CELLS.sum(axis=(0, 2)).tolist()


def test_the_middle_of_a_slice_without_bounds_is_no_number() -> None:
    whole = SliceReadings(low=-np.inf, high=np.inf, middle=np.nan)
    of_one = columns_of(SliceReadings, [whole])
    assert (of_one["low"].tolist(), of_one["total"].tolist()) == ([-np.inf], [0])
    assert np.isnan(of_one["middle"])


@pytest.mark.parametrize("kind", [RegionStatus, PeakStatus, SliceReadings, SeriesReadings])
def test_every_number_of_a_reading_has_a_column_and_process_variables_for_both(
    kind: Any,
) -> None:
    declared = {name for name, spec in specs_of(kind) if isinstance(spec, Float)}
    assert declared == set(columns_of(kind, [kind()])) == set(columns_of(kind, []))
    served = {(row.group.of, bool(row.group.columns), row.field) for row in pv_rows("P:")}
    assert {(kind, columns, field) for columns in (False, True) for field in declared} <= served


def test_a_column_cannot_be_replaced() -> None:
    columns: Any = columns_of(RegionStatus, [RegionStatus()])
    with pytest.raises(TypeError):
        columns["total"] = np.zeros(1)


async def test_nothing_is_analysed_while_nobody_asks_and_nothing_twice() -> None:
    bench = SpiedBench()
    async with running(bench.families):
        await bench.posted(1)
        await bench.posted(2)
        _ = bench.database.channels["P:Red1:Slices:Total_RBV"]
        await bench.turns()
        assert bench.spied.seen == []
        assert await until(bench, REGION, numbers) == [8]
        assert bench.spied.seen == [8]
        _ = bench.database.channels["P:Red1:ROI1:Slices:Net_RBV"]
        await bench.turns()
        await bench.posted(3)
        await until(bench, REGION, lambda values: values == 12)
        assert bench.spied.seen == [8, 12]


async def test_only_those_regions_and_peaks_are_sought_that_are_asked_for() -> None:
    bench = PublisherBench(SETTINGS)
    asked: list[ReductionSettings] = []

    def noted(settings: ReductionSettings, *more: Any) -> SpectrumAnalysis:
        asked.append(settings)
        return analyse_spectrum(settings, *more)

    families = FamilyAnalysis(bench.database, noted)
    await families.posted(cells_report(bench), 0)
    async with running(families):
        await until(bench, REGION, numbers)
    assert {each.used for settings in asked for each in settings.peaks} == {False}
    assert {settings.regions for settings in asked} == {SETTINGS.regions}


async def test_numbers_of_an_older_generation_go_with_the_first_result_of_a_newer_one() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    async with running(bench.publisher.families):
        before = await until(bench, REGION, numbers)
        changed(bench, maximum=2.2)
        await bench.publisher.families.posted(cells_report(bench, CELLS[:2], TIME_NS + 1), 0)
        assert np.isnan(bench.get(REGION)).tolist() == [True, True]
        assert stamp(bench, REGION) == TIME_NS + 1
        after = await until(bench, REGION, numbers)
        assert np.less(after, before[:2]).all()


async def test_what_is_found_too_late_for_its_generation_is_never_shown() -> None:
    bench = SpiedBench()
    shown: list[Any] = []
    channel = bench.database.channels[f"P:{REGION}"]
    channel.watchers.add(lambda: shown.append(channel.value.tolist()))
    bench.spied.released.clear()
    async with running(bench.families):
        await bench.posted(1)
        await asyncio.to_thread(bench.spied.begun.wait, 20)
        changed(bench, maximum=2.2)
        await bench.posted(2)
        bench.spied.released.set()
        assert await until(bench, REGION, numbers) == [8]
    assert bench.spied.seen == [4, 8]
    assert [4] not in shown


async def test_after_a_reset_numbers_of_what_was_dropped_are_gone() -> None:
    bench = SpiedBench()
    async with running(bench.families):
        await bench.posted(1)
        await until(bench, REGION, numbers)
        await bench.posted(2, resets=1)
        assert np.isnan(bench.get(REGION)).all()
        assert await until(bench, REGION, numbers) == [8]


async def test_long_work_is_followed_by_a_rest_that_a_change_of_settings_ends() -> None:
    bench = SpiedBench()
    bench.spied.takes_s = 1000.0
    async with running(bench.families):
        await bench.posted(1)
        await until(bench, REGION, numbers)
        await bench.posted(2)
        await bench.turns()
        assert bench.get(REGION) == [4], "numbers of the same settings stay while it rests"
        changed(bench, maximum=2.2)
        await bench.posted(3)
        assert await until(bench, REGION, numbers) == [12]
    assert bench.spied.seen == [4, 12]


async def test_after_a_short_rest_the_latest_result_is_next() -> None:
    bench = SpiedBench()
    async with running(bench.families):
        await bench.posted(1)
        await until(bench, REGION, numbers)
        bench.spied.begun.clear()
        bench.spied.released.clear()
        await bench.posted(2)
        await asyncio.to_thread(bench.spied.begun.wait, 20)
        await bench.posted(3)
        await bench.posted(4)
        bench.spied.released.set()
        await until(bench, REGION, lambda values: values == 16)
    assert bench.spied.seen == [4, 8, 16]


async def test_numbers_of_ranks_that_died_are_invalid_and_are_gone_when_new_ones_report() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    async with running(bench.publisher.families):
        before = await until(bench, REGION, numbers)
        await bench.publisher.disconnected(Part.RANKS, "it died")
        assert (bench.get(REGION), bench.alarm(REGION)) == (before, DISCONNECTED_ALARM)
    await bench.publisher.ranks(cells_report(bench))
    assert np.isnan(bench.get(REGION)).all()
    assert bench.alarm(REGION) == ABSENT_ALARM  # not computed yet
