"""Somebody sets the clock of the host, an hour forward or back: ticks and reports go on."""

from __future__ import annotations

import threading
import time

import pytest

from reduction.ranks.tick_clock import TickClock
from tests.support.ranks.arc_pulses import order, settings
from tests.support.ranks.one_rank import OneRank

HOUR_S = 3600
LONGEST_S = 60
"""Orders take a tenth of a second each at most; a rank that waits for its clock takes an hour."""


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_rank_ticks_and_reports_whatever_the_clock_of_the_host_does(
    step_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank = OneRank(time.time_ns())
    rank.obeyed(order(1, settings()))
    real_s, real_ns = time.time, time.time_ns
    stepping = threading.Timer(0.05, monkeypatch.setattr, (time, "time", lambda: real_s() + step_s))
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + step_s * 10**9)
    stepping.start()
    began_s = time.monotonic()
    for revision in range(2, 102):
        rank.obeyed(order(revision, settings()))
    stepping.join()
    rank.obeyed(order(102, settings()))
    assert time.monotonic() - began_s < LONGEST_S


def test_ticks_are_due_one_period_after_the_other_from_the_start() -> None:
    now_s = 1000.0
    clock = TickClock(10.0, lambda: now_s)
    assert clock.next_tick_s() == pytest.approx(1000.1)
    now_s = 1000.234
    assert clock.next_tick_s() == pytest.approx(1000.3)
    clock.start()
    assert clock.next_tick_s() == pytest.approx(1000.334)
