"""A complete pulse, and the times and numbers that stand for no pulse."""

from __future__ import annotations

from typing import NamedTuple

NO_PULSE = -1
"""Time and number of a pulse where there is none yet."""

NEVER_NS = 2**63 - 1
"""A time later than that of any pulse."""


class CompletePulse(NamedTuple):
    """A pulse that is complete in a partition: its time, ns since the Unix epoch, and number."""

    time_ns: int
    number: int
