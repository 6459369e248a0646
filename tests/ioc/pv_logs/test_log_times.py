"""From when a value of a process variable holds, and what is taken for the newest pulse."""

from __future__ import annotations

import pytest

from ioc.ca.client.pv_monitors import PvValue
from ioc.pv_logs.log_times import DatedValue, HostClocks, NewestPulse, PvLogTimes

NOW_NS = 1_767_225_600_000_000_000
S = 10**9


class Clock:
    """Elapsed nanoseconds, as the test says."""

    now_ns = 5 * S

    def __call__(self) -> int:
        return self.now_ns


def times(newest_ns: int = -1) -> PvLogTimes:
    return PvLogTimes(HostClocks(lambda: NOW_NS, Clock()), newest_ns)


def test_pulses_are_taken_to_go_on_for_a_minute_after_a_report() -> None:
    clock = Clock()
    pulse = NewestPulse(-1, clock)
    pulse.reported(-1)
    clock.now_ns += S
    assert pulse.time_ns == -1
    pulse.reported(NOW_NS)
    assert pulse.time_ns == NOW_NS
    for after_s, expected_s in ((1, 1), (59, 59), (60, 60), (3600, 60)):
        clock.now_ns = 6 * S + after_s * S
        assert pulse.time_ns == NOW_NS + expected_s * S


def test_ranks_that_read_old_pulses_again_do_not_set_it_back_but_a_reset_does() -> None:
    clock = Clock()
    pulse = NewestPulse(NOW_NS, clock)
    clock.now_ns += 10 * S
    pulse.reported(NOW_NS - 3600 * S)
    assert pulse.time_ns == NOW_NS + 10 * S
    pulse.restart()
    pulse.reported(-1)
    assert pulse.time_ns == NOW_NS + 10 * S
    for _ in range(2):
        pulse.reported(NOW_NS - 3600 * S)
        assert pulse.time_ns == NOW_NS - 3600 * S
    pulse.reported(NOW_NS - 3601 * S)
    assert pulse.time_ns == NOW_NS - 3600 * S


@pytest.mark.parametrize("stamp_s", [-(10**6), -3600, -4, 0, 4])
def test_the_first_value_may_be_old(stamp_s: int) -> None:
    new = PvValue(NOW_NS + stamp_s * S, 7.0)
    dated = times(NOW_NS).dated("T", new, None, None)
    assert dated == DatedValue(new.time_ns, new.time_ns, 7.0)


@pytest.mark.parametrize("stamp_s", [-(10**9), -3600, -4, 6, 3600])
def test_a_change_that_is_late_or_ahead_holds_from_its_arrival_and_is_told(stamp_s: int) -> None:
    before = DatedValue(NOW_NS - 9 * S, NOW_NS - 9 * S, 5.0)
    late = times(NOW_NS)
    dated = late.dated("T", PvValue(NOW_NS + stamp_s * S, 7.0), before, None)
    assert dated == DatedValue(NOW_NS + stamp_s * S, NOW_NS + 1, 7.0)
    assert f"log T: its time is {abs(stamp_s)}.0 s" in late.notices
    assert late.dated("T", PvValue(dated.stamp_ns, 7.0), dated, None) is dated


def test_a_clock_that_stands_still_moves_nothing() -> None:
    still = times(NOW_NS)
    first = still.dated("T", PvValue(NOW_NS - 60 * S, 5.0), None, None)
    second = still.dated("T", PvValue(NOW_NS - 60 * S, 7.0), first, None)
    assert (first.time_ns, second.time_ns) == (NOW_NS - 60 * S, NOW_NS + 1)


@pytest.mark.parametrize(("stamp_s", "holds_s"), [(-11, -11), (-10, -10), (-5, -5), (0, 0)])
def test_a_change_that_was_missed_holds_since_its_stamp(stamp_s: int, holds_s: int) -> None:
    before = DatedValue(NOW_NS - 60 * S, NOW_NS - 60 * S, 5.0)
    new = PvValue(NOW_NS + stamp_s * S, 7.0)
    dated = times(NOW_NS).dated("T", new, before, NOW_NS - 10 * S)
    assert dated.time_ns == NOW_NS + holds_s * S


@pytest.mark.parametrize("stamp_s", [-14, -3600])
def test_it_was_not_missed_if_its_stamp_is_of_a_time_when_it_was_monitored(stamp_s: int) -> None:
    before = DatedValue(NOW_NS - 9000 * S, NOW_NS - 9000 * S, 5.0)
    new = PvValue(NOW_NS + stamp_s * S, 7.0)
    assert times(NOW_NS).dated("T", new, before, NOW_NS - 10 * S).time_ns == NOW_NS + 1
