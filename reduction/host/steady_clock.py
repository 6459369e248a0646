"""A clock that tells the time of day and never steps."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that nobody sets; on Linux it goes on while the host is suspended."""


def steady_clock(
    wall_ns: Callable[[], int] = time.time_ns, elapsed_ns: Callable[[], int] | None = None
) -> Callable[[], int]:
    """A clock of ns since the Unix epoch: the time of day at the call, plus the time elapsed since.

    It does not step when the clock of the host is set, forward or back. Time in which the host was
    suspended counts as elapsed, if the system measures it.
    """
    elapsed = elapsed_ns or functools.partial(time.clock_gettime_ns, SINCE_BOOT)
    offset_ns = wall_ns() - elapsed()
    return lambda: elapsed() + offset_ns
