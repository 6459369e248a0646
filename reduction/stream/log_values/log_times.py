"""The time from which a log value holds: its timestamp, or its arrival if that is impossible."""

from __future__ import annotations

from collections.abc import Callable

from reduction.stream.notices import Notices, offset_words
from reduction.stream.pulses import NO_PULSE

LOG_AHEAD_NS = 5_000_000_000
"""A log value that is further ahead of both the clock and the pulses holds from its arrival on."""

FIRST_LOG_NS = 631_238_400_000_000_000
"""So does a value from before 1990-01-02: a clock that is not set begins in 1970 or 1990."""


class LogTimes:
    """The times from which values hold; a notice is given of each that is not the value's own.

    A value holds from its arrival on if it holds for the pulses after the newest one.
    """

    def __init__(self, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._clock_ns, self._notices = clock_ns, notices
        self._latest_ns = 0
        """The latest time that was possible when the clock was asked. Later ones are asked for."""

    def possible(self, time_ns: int) -> bool:
        """Whether a time is possible whatever the newest pulse is: then it is the value's own."""
        if time_ns > self._latest_ns:
            self._latest_ns = self._clock_ns() + LOG_AHEAD_NS
        return FIRST_LOG_NS <= time_ns <= self._latest_ns

    def of(self, name: str, time_ns: int, newest_ns: int) -> int:
        """The time from which a value of a log holds: ``time_ns``, however old, unless impossible.

        ``newest_ns`` is the time of the newest pulse. Times are ns since the Unix epoch.
        """
        latest_ns = max(newest_ns, self._clock_ns()) + LOG_AHEAD_NS
        if FIRST_LOG_NS <= time_ns <= latest_ns:
            return time_ns
        return self.of_arrival(name, time_ns, newest_ns)

    def of_arrival(self, name: str, time_ns: int, newest_ns: int) -> int:
        """The time of arrival of a value whose ``time_ns`` is not used, which a notice tells."""
        reference_ns = newest_ns if newest_ns != NO_PULSE else self._clock_ns()
        offset = offset_words(time_ns - reference_ns)
        self._notices.give(
            f"log {name}",
            f"log {name}: its time is {offset} the pulses, so it holds from its arrival on",
        )
        return newest_ns + 1 if newest_ns != NO_PULSE else FIRST_LOG_NS
