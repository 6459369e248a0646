"""A complete pulse, and the times and numbers that stand for no pulse."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

NO_PULSE = -1
"""Time and number of a pulse where there is none yet."""

NEVER_NS = 2**63 - 1
"""A time later than that of any pulse."""

PulseTimeNs = Annotated[int, msgspec.Meta(ge=NO_PULSE, le=NEVER_NS)]
"""The time of a pulse in a message of the program, `NO_PULSE` or `NEVER_NS`."""


class CompletePulse(NamedTuple):
    """A pulse that is complete in a partition: its time, ns since the Unix epoch, and number."""

    time_ns: int
    number: int
