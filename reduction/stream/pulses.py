"""A complete pulse, and the times and numbers that stand for no pulse."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

NO_PULSE = -1
"""Time and number of a pulse where there is none yet."""

NEVER_NS = 2**63 - 1
"""A time later than that of any pulse."""

LATEST_NS = 2**62
"""No pulse is later: this is in the year 2116, and later times would not fit all sums of them."""

PulseTimeNs = Annotated[int, msgspec.Meta(ge=NO_PULSE, le=NEVER_NS)]
"""The time of a pulse in a message of the program, `NO_PULSE` or `NEVER_NS`."""


class CompletePulse(NamedTuple):
    """A pulse that is complete in a partition: its time, ns since the Unix epoch, and number."""

    time_ns: int
    number: int


def may_be_pulse(time_ns: int) -> bool:
    """Whether there may be a pulse at a time, ns since the Unix epoch."""
    return 0 < time_ns <= LATEST_NS
