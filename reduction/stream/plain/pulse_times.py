"""Which pulse times of a partition without marks are believed: those that follow from others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reduction.stream.pulses import NO_PULSE
from reduction.stream.times_in_doubt import (
    ALONE_AHEAD_NS,
    CONFIRMING,
    FIRST_AHEAD_NS,
    FIRST_PERIOD_NS,
    WAIT_NS,
)

REPLAY_NS = 10_000_000_000
"""Pulses that are this much earlier than those before are played again."""

RECENT_PERIODS = 16
"""The usual time between pulses is the median of this number of recent times."""


class PulseTimes:
    """The latest pulse time that is believed, and those in doubt. Times are ns since 1970.

    A time is believed at once unless it is ahead of the latest one by more than two usual periods,
    and by more than a second. One that is further ahead is in doubt. As soon as `CONFIRMING` times
    in doubt have come, each later than the one before, they are believed, as after a pause of the
    source. If as many later times follow from the latest one instead, those in doubt are wrong.

    After a `restart`, times up to the last one before it are in doubt. Those that are more than
    `REPLAY_NS` earlier are believed in the same way, since the source plays a recording again.
    Others may have come late, and are believed only if no later time comes for `WAIT_NS`.

    The decision follows from the times and their order alone, so that the same messages, read again
    at another speed, give the same pulses. A clock only decides on the first time of all, and when
    nothing else comes for `WAIT_NS`.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self.newest_ns = NO_PULSE
        self._clock_ns = clock_ns
        self._passed_ns = NO_PULSE
        self._periods: deque[int] = deque(maxlen=RECENT_PERIODS)
        self._rising: list[int] = []
        self._in_doubt = False
        self._contradictions = 0
        self._doubted_since_ns = 0
        self._late_since_ns = NO_PULSE
        """When the first time came that may be late, since a restart; `NO_PULSE`: none has."""

    def restart(self, passed_ns: int) -> None:
        """Forget the latest time. Times up to ``passed_ns`` are in doubt, since they have been."""
        self.newest_ns, self._passed_ns = NO_PULSE, passed_ns
        self._late_since_ns = NO_PULSE
        self._periods.clear()
        self.settle()

    def settle(self) -> None:
        """Note that no time is in doubt any more."""
        self._rising.clear()
        self._in_doubt, self._contradictions = False, 0

    @property
    def refuted(self) -> bool:
        """Whether later times show that those in doubt are wrong."""
        return self._contradictions >= CONFIRMING

    def believes(self, time_ns: int) -> bool:
        """Whether a time follows from the latest one, or is at or before it."""
        if self.newest_ns == NO_PULSE:
            return self._passed_ns < time_ns <= self._clock_ns() + FIRST_AHEAD_NS
        return time_ns <= self.newest_ns + self._longest_ns

    def take(self, time_ns: int) -> bool:
        """Note the time of a chunk; whether it is believed."""
        if not self.believes(time_ns):
            return self._doubt(time_ns)
        if time_ns > self.newest_ns:
            if self.newest_ns != NO_PULSE:
                self._periods.append(time_ns - self.newest_ns)
            self.newest_ns = time_ns
            self._contradictions += self._in_doubt
            self._rising.clear()
        return True

    def waited(self) -> bool:
        """Believe times in doubt that nothing has contradicted for a while; whether there are."""
        late = self._rising and self._may_be_late(self._rising[-1])
        since_ns = self._late_since_ns if late else self._doubted_since_ns
        due = self._clock_ns() >= since_ns + WAIT_NS
        return due and self.in_doubt and self._believe_rising()

    @property
    def in_doubt(self) -> bool:
        """Whether there are times that will be believed unless others contradict them soon."""
        return bool(self._rising) and self._rising[-1] <= self._clock_ns() + ALONE_AHEAD_NS

    @property
    def _longest_ns(self) -> int:
        """The longest time between pulses that is believed at once."""
        usual_ns = sorted(self._periods)[len(self._periods) // 2] if self._periods else 0
        return max(2 * usual_ns, FIRST_PERIOD_NS)

    def _doubt(self, time_ns: int) -> bool:
        """Put a time in doubt; whether it is believed now, with others that it confirms."""
        if time_ns in self._rising:
            return False
        self._in_doubt = True
        self._rising = [*(each for each in self._rising if each < time_ns), time_ns]
        self._doubted_since_ns = self._clock_ns()
        if self._may_be_late(time_ns):
            if self._late_since_ns == NO_PULSE:
                self._late_since_ns = self._doubted_since_ns
            return False
        return len(self._rising) >= CONFIRMING and self._believe_rising()

    def _may_be_late(self, time_ns: int) -> bool:
        """Whether a pulse may have been sent before a restart, and come late."""
        passed_ns = self._passed_ns
        return self.newest_ns == NO_PULSE and passed_ns - REPLAY_NS < time_ns <= passed_ns

    def _believe_rising(self) -> bool:
        self.newest_ns, self._passed_ns = self._rising[-1], NO_PULSE
        self._periods.clear()
        pairs = zip(self._rising, self._rising[1:], strict=False)
        self._periods.extend(later - earlier for earlier, later in pairs)
        self._rising.clear()
        self._contradictions = 0
        return True
