from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.stream.pulses import NEVER_NS
from tests.support.ranks.counted_acquisition import CountedAcquisition

S = 1_000_000_000


def acquisition(preset: Preset, **values: Any) -> CountedAcquisition:
    return CountedAcquisition(AcquisitionSettings(preset=preset, **values))


@given(st.integers(1, 30), st.lists(st.integers(0, 7), max_size=20))
def test_preset_pulses_ends_at_exactly_that_pulse_however_they_come(
    wanted: int, portions: list[int]
) -> None:
    running, time_ns = acquisition(Preset.PULSES, preset_pulses=wanted), 0
    for portion in portions:
        marks = [time_ns + n + 1 for n in range(portion)]
        limit_ns = running.limit_ns(marks)
        running.accumulated([each for each in marks if each <= limit_ns])
        time_ns += portion
        assert (limit_ns == NEVER_NS) == (time_ns < wanted)
        if limit_ns != NEVER_NS:
            assert running.pulses == wanted
            assert limit_ns == wanted
            return


def test_preset_time_counts_the_pulses_within_it() -> None:
    running = acquisition(Preset.TIME, acquire_time=1.0)
    marks = [10 * S + n * S // 4 for n in range(4)]
    assert running.limit_ns(marks) == NEVER_NS
    running.accumulated(marks)
    assert running.limit_ns([11 * S - 2000]) == NEVER_NS
    for within_a_millionth in (11 * S - 500, 11 * S):
        assert running.limit_ns([within_a_millionth]) == marks[-1]


@pytest.mark.parametrize(
    ("preset", "values", "total", "error"),
    [
        (Preset.COUNTS, {"preset_counts": 100}, 100, 10),
        (Preset.REL_ERROR, {"preset_rel_error": 0.01}, 10_000, 100),
    ],
)
def test_counts_and_errors_reach_their_presets(
    preset: Preset, values: dict[str, Any], total: float, error: float
) -> None:
    running = acquisition(preset, **values)
    running.counted(total / 2, error / 2**0.5)
    assert not running.reached
    assert running.status.progress == pytest.approx(50)
    running.counted(total, error)
    assert running.reached


def test_nothing_ends_without_a_preset() -> None:
    running = acquisition(Preset.NONE)
    assert running.limit_ns(range(1000)) == NEVER_NS
    running.counted(1e9, 1)
    assert not running.reached
    assert running.status.acquiring


def test_nothing_counted_is_no_progress() -> None:
    running = acquisition(Preset.REL_ERROR)
    running.counted(0, 0)
    assert not running.reached
    assert running.status.progress == 0
