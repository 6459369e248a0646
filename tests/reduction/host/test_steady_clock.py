from __future__ import annotations

import time

import pytest

from reduction.host.steady_clock import steady_clock

HOUR_NS = 3600 * 10**9


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_a_step_of_the_clock_of_the_host_does_not_show(step_ns: int) -> None:
    now = {"wall": 10**18, "elapsed": 5}
    clock = steady_clock(lambda: now["wall"], lambda: now["elapsed"])
    assert clock() == 10**18
    now["wall"] += step_ns
    now["elapsed"] += 7
    assert clock() == 10**18 + 7


def test_it_tells_the_time_of_day() -> None:
    assert abs(steady_clock()() - time.time_ns()) < 10**9
