"""The log ``time``: seconds since the first pulse of the accumulation, which is always there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from reduction.control.reports import RanksReport
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.ranks.counting.pipeline import PulseSlicing
from reduction.ranks.counting.series import SeriesTimeline
from reduction.stream.log_values.logs import Logs
from tests.support.ranks.arc_pulses import events_of, expected, order, settings
from tests.support.ranks.one_rank import OneRank

START_NS = 1_767_225_600_000_000_000
STEP = FilterSettings("time", minimum=0, step=2, maximum=8)
"""Slices of two seconds; a pulse comes each second."""


class Stream:
    """A rank, and pulses for it, one a second, each with the events of the arc."""

    def __init__(self) -> None:
        self.rank, self.revision = OneRank(START_NS + 10**15), 0
        self.order = order(0, sliced(STEP))

    def pulses(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            time_ns = START_NS + number * 10**9
            pixel_id, tof_ns = events_of(number)
            self.rank.intake.take(0, encode_log("time", time_ns, -1.0))
            chunk = Chunk("test", number, time_ns, pixel_id, tof_ns)
            self.rank.intake.take(0, encode_chunk(chunk))
            self.rank.intake.take(0, encode_pulse_mark(number, time_ns, number + 1))

    def obeyed(self, **changes: object) -> RanksReport:
        """The result once all pulses so far are in, and then the order with changes is obeyed."""
        for change in ({}, {}, changes):
            self.revision += 1
            self.order = replace(self.order, revision=self.revision, **change)  # type: ignore[arg-type]
            report = self.rank.obeyed(self.order)
        return report


def sliced(by: FilterSettings) -> ReductionSettings:
    return replace(settings(), filter=by)


def check(report: RanksReport, *slices: Iterable[int]) -> None:
    """Each slice has the exact histogram of its pulses, and their time; others have nothing."""
    (result,) = report.results
    assert result.counts is not None
    for number, counts in enumerate(result.counts):
        pulses = list(slices[number]) if number < len(slices) else []
        np.testing.assert_array_equal(counts[0], expected(sliced(STEP), pulses))
        assert result.seconds[number] == pytest.approx(len(pulses))
    assert report.unaccounted == 0


def test_pulses_are_sliced_by_the_seconds_since_the_first_of_them() -> None:
    stream = Stream()
    stream.obeyed()
    stream.pulses(range(6))
    report = stream.obeyed()
    check(report, [0, 1], [2, 3], [4, 5])
    assert "time" in report.logs


def test_time_goes_on_in_a_pause_and_starts_anew_at_a_reset() -> None:
    stream = Stream()
    stream.obeyed()
    stream.pulses(range(3))
    stream.obeyed(control=RunControl(pause=True))
    stream.pulses(range(3, 5))
    stream.obeyed(control=RunControl())
    stream.pulses(range(5, 8))
    check(stream.obeyed(), [0, 1], [2], [5], [6, 7])
    stream.obeyed(resets=1)
    stream.pulses(range(8, 11))
    check(stream.obeyed(), [8, 9], [10])


def test_each_series_has_its_own_time_and_is_cut_anew_with_the_others() -> None:
    stream = Stream()
    stream.obeyed()
    stream.pulses(range(3))
    stream.obeyed(closes=1)
    stream.pulses(range(3, 8))
    report = stream.obeyed()
    check(report, [3, 4], [5, 6], [7])
    first = ReductionSettings(
        bin_params=settings().bin_params, filter=FilterSettings("time", 0, 1, 2)
    )
    (reduction,) = stream.order.reductions
    report = stream.obeyed(reductions=(replace(reduction, generation=1, settings=first),))
    (result,) = report.results
    assert result.counts is not None
    np.testing.assert_array_equal(result.counts[:, 0], [expected(first, [n]) for n in (3, 4)])
    np.testing.assert_array_equal(result.series[0].counts, expected(first, [0, 1]))
    assert result.series[0].seconds == pytest.approx(2)


def test_a_window_slides_and_time_goes_on() -> None:
    stream = Stream()
    window = RunControl(accumulation=AccumulationMode.WINDOW, window_time=3)
    stream.obeyed(control=window)
    stream.pulses(range(7))
    check(stream.obeyed(), [], [3], [4, 5], [6])


def test_a_log_of_that_name_in_the_stream_is_not_used() -> None:
    stream = Stream()
    stream.obeyed()
    stream.pulses(range(2))
    check(stream.obeyed(), [0, 1])


def test_twelve_hours_are_cut_into_slices_of_five_minutes() -> None:
    five_minutes = FilterSettings("time", minimum=0, step=300, maximum=43_200)
    times_ns = START_NS + np.arange(0, 43_200 * 14, 7) * 10**9 // 14
    timeline = SeriesTimeline()
    timeline.begin(0, START_NS)
    slices = PulseSlicing(Logs(), five_minutes, timeline)(times_ns)
    assert five_minutes.count == 144
    assert np.bincount(slices).tolist() == [600] * 144
    later = PulseSlicing(Logs(), five_minutes, timeline)(np.array([START_NS + 43_200 * 10**9]))
    assert later.tolist() == [-1]


def test_before_the_first_pulse_there_is_no_time() -> None:
    timeline = SeriesTimeline()
    assert np.isnan(timeline.seconds_since_begin(np.array([START_NS]))).all()
    timeline.end((START_NS,))
    timeline.begin(1, START_NS + 10**9)
    seconds = timeline.seconds_since_begin(START_NS + 10**9 * np.arange(3))
    assert np.isnan(seconds[0])
    assert seconds[1:].tolist() == [0, 1]
