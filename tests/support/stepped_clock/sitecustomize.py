"""A process that has this folder on its PYTHONPATH has a time of day that a test may step.

The file that the environment variable STEPPED_CLOCK names holds the offset from the clock of the
host, 8 bytes, ns. ``time.time`` and ``time.time_ns`` follow it. Monotonic clocks do not, nor
does what is compiled.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable


def follow(path: str) -> None:
    """Have the time of day of this process differ from that of the host as a file says."""
    with open(path, "rb") as file:
        offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    host_s: Callable[[], float] = time.time
    host_ns: Callable[[], int] = time.time_ns

    def offset_ns() -> int:
        return int.from_bytes(offset[:8], "little", signed=True)

    time.time = lambda: host_s() + offset_ns() / 1e9
    time.time_ns = lambda: host_ns() + offset_ns()


if "STEPPED_CLOCK" in os.environ:
    follow(os.environ["STEPPED_CLOCK"])
