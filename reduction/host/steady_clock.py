"""A clock that tells the time of day and never steps."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock(
    wall_ns: Callable[[], int] = time.time_ns, elapsed_ns: Callable[[], int] | None = None
) -> Callable[[], int]:
    """A clock that tells ns since the Unix epoch: the time of day now, and what has elapsed since.

    It goes on steadily when somebody sets the clock of the host, forward or back. The time in which
    the host was suspended counts as elapsed, where the system can tell.
    """
    elapsed = elapsed_ns or _since_boot_ns
    offset_ns = wall_ns() - elapsed()
    return lambda: elapsed() + offset_ns


def _since_boot_ns() -> int:
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
