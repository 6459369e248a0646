"""EPICS timestamps from and to nanoseconds since 1970, without loss."""

from __future__ import annotations

from caproto import TimeStamp

EPICS_EPOCH_S = 631_152_000
"""1990-01-01, from which EPICS counts, in s since 1970 (Unix time)."""


def timestamp(time_ns: int) -> TimeStamp:
    """The EPICS timestamp of a time in ns since 1970; times before 1990 become 1990."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return TimeStamp(max(seconds - EPICS_EPOCH_S, 0), nanoseconds)


def nanoseconds(stamp: TimeStamp) -> int:
    """The time of an EPICS timestamp in ns since 1970."""
    return (int(stamp.secondsSinceEpoch) + EPICS_EPOCH_S) * 1_000_000_000 + int(stamp.nanoSeconds)
