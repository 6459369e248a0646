"""Time is that of the pulses that count: neither pauses nor times without pulses are in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.stream.pulses import NEVER_NS
from tests.support.ranks.counted_acquisition import CountedAcquisition

S = 10**9


def pulses(first: int, last: int, rate_hz: float = 14) -> list[int]:
    """The times of pulses from ``first`` to ``last``, not included, of a steady source."""
    return [S * 10**6 + round(n * S / rate_hz) for n in range(first, last)]


def acquisition(seconds: float = 30) -> CountedAcquisition:
    return CountedAcquisition(AcquisitionSettings(preset=Preset.TIME, acquire_time=seconds))


def run(running: CountedAcquisition, *stretches: list[int]) -> int:
    """Take the pulses of stretches, those between which are paused, until the preset ends it."""
    for nth, stretch in enumerate(stretches):
        limit_ns = running.limit_ns(stretch)
        running.accumulated([each for each in stretch if each <= limit_ns])
        if limit_ns != NEVER_NS:
            return nth
    return len(stretches)


@pytest.mark.parametrize("rate_hz", [0.5, 10, 14, 60])
@pytest.mark.parametrize("off_s", [1, 40, 3600])
def test_a_time_without_pulses_does_not_count(rate_hz: float, off_s: int) -> None:
    per_stretch, off = 40, round(11 + off_s * rate_hz)
    running = acquisition(80 / rate_hz)
    before, after = pulses(0, 40, rate_hz), pulses(40 + off, 400 + off, rate_hz)
    assert run(running, before, after) == 1
    assert running.pulses == 2 * per_stretch
    assert running.status.time_elapsed == pytest.approx(80 / rate_hz)
    assert running.status.real_time_elapsed == pytest.approx((80 + off) / rate_hz)


@pytest.mark.parametrize("sources", [2, 3, 30])
@pytest.mark.parametrize("apart_us", [1, 13, -3])
def test_sources_whose_clocks_differ_measure_the_time_once(sources: int, apart_us: int) -> None:
    running = acquisition(1e6)
    each_us = [apart_us * number for number in range(sources)]
    running.accumulated(sorted(at + 1000 * us for at in pulses(0, 200) for us in each_us))
    assert running.status.time_elapsed == pytest.approx(200 / 14, abs=1e-3)


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=12))
def test_each_pulse_counts_the_time_since_the_one_before_it_and_no_pause(
    stretches: list[tuple[int, bool]],
) -> None:
    running, first, counted = acquisition(1e6), 0, 0
    for length, pause in stretches:
        times = pulses(first, first + length)
        if pause:
            running.passed(times)
        else:
            running.accumulated(times)
            counted += length
        first += length
    if first > 1:
        assert running.status.time_elapsed == pytest.approx(counted / 14, abs=1e-7)
        np.testing.assert_allclose(running.seconds, 1 / 14, atol=1e-8)


@pytest.mark.parametrize("pause", [1, 3, 9, 11, 600])
def test_a_pause_of_any_length_moves_the_end_by_its_length(pause: int) -> None:
    running = acquisition(10)
    running.accumulated(pulses(0, 70))
    running.passed(pulses(70, 70 + pause))
    rest = pulses(70 + pause, 300 + pause)
    assert running.limit_ns(rest) == rest[69]


@pytest.mark.parametrize("seconds", [0.5, 1, 7, 30, 59.5])
@pytest.mark.parametrize("rate_hz", [10, 14, 50, 60])
def test_a_preset_ends_with_as_many_pulses_as_its_time_has(seconds: float, rate_hz: int) -> None:
    running = acquisition(seconds)
    assert run(running, pulses(0, 4000, rate_hz)) == 0
    assert running.pulses == round(seconds * rate_hz)
    assert running.status.time_elapsed == pytest.approx(seconds)
    running.counted(1, 1)
    assert running.status.progress == pytest.approx(100)


def test_a_source_that_leaves_out_every_fifth_pulse_is_not_off() -> None:
    running = acquisition(1e6)
    running.accumulated([each for n, each in enumerate(pulses(0, 500, 50)) if n % 5])
    assert running.status.time_elapsed == pytest.approx(10, abs=0.05)


def test_a_gap_after_the_very_first_pulse_is_found_later() -> None:
    running = acquisition(1e6)
    running.accumulated(pulses(0, 1))
    running.accumulated(pulses(600, 601))
    running.accumulated(pulses(601, 700))
    assert running.status.time_elapsed == pytest.approx(101 / 14)


def test_a_source_that_becomes_slower_is_measured_after_a_few_pulses() -> None:
    running = acquisition(1e6)
    running.accumulated(pulses(0, 100, 60))
    start = running.last_ns
    running.accumulated([start + n * S for n in range(1, 101)])
    assert running.status.time_elapsed == pytest.approx(100 / 60 + 100, abs=10)


def test_what_starts_afresh_knows_how_long_its_first_pulse_is() -> None:
    running = acquisition(30)
    running.accumulated(pulses(0, 50))
    running.next_series()
    running.accumulated(pulses(50, 51))
    assert running.status.time_elapsed == pytest.approx(1 / 14)
    running.next_series(AcquisitionSettings())
    running.accumulated(pulses(51, 53))
    assert running.status.time_elapsed == pytest.approx(2 / 14)


@pytest.mark.parametrize("seconds", [3, 60, 3600])
def test_a_period_that_is_rounded_down_costs_no_pulse_more(seconds: int) -> None:
    running = acquisition(seconds)
    times = [S * 10**6 + n * (S // 14) for n in range(seconds * 14 + 20)]
    assert run(running, times) == 0
    assert running.pulses == seconds * 14
