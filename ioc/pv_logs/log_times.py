"""The time from which a value of a process variable holds, for the pulses that are sliced by it.

It is decided here once, when the value comes. All ranks, and ranks that start later, take it as it
is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ioc.ca.client.pv_monitors import PvValue
from reduction.host.steady_clock import steady_clock
from reduction.stream.log_values.log_times import LogTimes
from reduction.stream.notices import Notices
from reduction.stream.pulses import NO_PULSE

LOG_LATE_NS = 3_000_000_000
"""A change that is further behind the pulses holds from its arrival on: PVs post at once."""

LONGEST_ESTIMATE_NS = 60_000_000_000
"""For how long after a report pulses are taken to go on as the clock does, while ranks restart."""


@dataclass(frozen=True)
class DatedValue:
    """A value with its time stamp, and the time from which it holds; ns since the Unix epoch."""

    stamp_ns: int
    time_ns: int
    value: float


class NewestPulse:
    """The time of the newest pulse, by the reports of the ranks and the time since then.

    Ranks that were restarted report the pulses that they read again. These are older than what was
    reported before, and are not taken.
    """

    def __init__(self, newest_ns: int, elapsed_ns: Callable[[], int]) -> None:
        self.reported_ns, self._elapsed_ns = newest_ns, elapsed_ns
        """The newest pulse that was reported since the last `restart`."""
        self._may_go_back = False
        self._at_ns = elapsed_ns()

    def reported(self, newest_ns: int) -> None:
        """Take the newest pulse of a report, in ns since the Unix epoch; `NO_PULSE` if none."""
        if newest_ns > self.reported_ns or (self._may_go_back and newest_ns != NO_PULSE):
            self._may_go_back = False
            self.reported_ns, self._at_ns = newest_ns, self._elapsed_ns()

    def restart(self) -> None:
        """Take the newest pulse of the next report that has one, even if it is older."""
        self._may_go_back = True

    @property
    def time_ns(self) -> int:
        """The time of the newest pulse, in ns since the Unix epoch; `NO_PULSE` if none."""
        if self.reported_ns == NO_PULSE:
            return NO_PULSE
        since_ns = self._elapsed_ns() - self._at_ns
        return self.reported_ns + min(max(since_ns, 0), LONGEST_ESTIMATE_NS)


@dataclass(frozen=True)
class HostClocks:
    """``day_ns``: the time of day in ns since the Unix epoch, without steps; ``elapsed_ns``."""

    day_ns: Callable[[], int]
    elapsed_ns: Callable[[], int]

    @classmethod
    def of_this_host(cls) -> HostClocks:
        """The clocks of this host."""
        return cls(steady_clock(), time.monotonic_ns)


class PvLogTimes:
    """Decides from which time a value of a process variable holds.

    The clock of its host may be wrong. ``newest_ns`` is the newest pulse that is known already.
    """

    def __init__(self, clocks: HostClocks, newest_ns: int = NO_PULSE) -> None:
        self.pulses = NewestPulse(newest_ns, clocks.elapsed_ns)
        self._notices = Notices(clocks.elapsed_ns)
        self._times = LogTimes(clocks.day_ns, self._notices)

    @property
    def notices(self) -> str:
        """Which stamps were not used in the last minute, and why; empty if there are none."""
        return self._notices.message

    def dated(
        self, name: str, new: PvValue, before: DatedValue | None, missed_since_ns: int | None
    ) -> DatedValue:
        """The value ``new`` of a log, with the time from which it holds.

        ``before`` is the last value; None: the new one is the first, and may be as old as it likes.
        A change holds since its stamp, unless that is more than `LOG_LATE_NS` before the newest
        pulse, or before ``missed_since_ns``: the newest pulse when the process variable was last
        heard of, None if it was monitored since ``before``. Otherwise it holds from its arrival on.
        """
        if before is not None and (before.stamp_ns, before.value) == (new.time_ns, new.value):
            return before
        newest_ns = self.pulses.time_ns
        known_ns = newest_ns if missed_since_ns is None else missed_since_ns
        late = known_ns != NO_PULSE and new.time_ns < known_ns - LOG_LATE_NS
        decide = self._times.of_arrival if before is not None and late else self._times.of
        return DatedValue(new.time_ns, decide(name, new.time_ns, newest_ns), new.value)
