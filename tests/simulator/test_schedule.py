"""The times at which pulses are due."""

from __future__ import annotations

import pytest

from simulator.schedule import SECOND_NS, Schedule
from tests.support.stream.stream_bench import PERIOD_NS, START_NS


def test_pulses_keep_to_the_schedule_until_it_is_a_second_behind() -> None:
    schedule = Schedule(START_NS)
    times = [schedule.take(START_NS + SECOND_NS // 2, 10) - START_NS for _ in range(3)]
    assert times == [0, PERIOD_NS, 2 * PERIOD_NS]
    late = START_NS + 5 * SECOND_NS
    assert schedule.take(late, 10) == late
    assert schedule.next_ns == late + PERIOD_NS


def test_a_source_that_skips_pulses_once_is_not_called_slow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schedule, now_ns = Schedule(START_NS), START_NS
    for _ in range(3):  # it was stopped for a minute, three times
        now_ns += 60 * SECOND_NS
        schedule.take(now_ns, 10)
    assert caplog.text == ""
    for _ in range(4):  # each pulse takes two seconds
        now_ns += 2 * SECOND_NS
        schedule.take(now_ns, 10)
    assert caplog.text.count("pulses are made more slowly than the 10 Hz asked for") == 1


def test_a_clock_that_is_set_back_does_not_stop_the_pulses() -> None:
    schedule = Schedule(START_NS)
    schedule.take(START_NS, 10)
    assert not schedule.due(START_NS)
    assert schedule.due(START_NS - 3600 * SECOND_NS)
