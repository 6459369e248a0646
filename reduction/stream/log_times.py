"""The time from which a log value holds: its timestamp, or its arrival if that is impossible."""

from __future__ import annotations

from collections.abc import Callable

from reduction.stream.messages import LogValue
from reduction.stream.notices import Notices, offset_words
from reduction.stream.partition_state import NO_PULSE

LOG_AHEAD_NS = 5_000_000_000
"""A log value that is further ahead of both the clock and the pulses holds from its arrival on."""

LOG_LATE_NS = 3_000_000_000
"""So does a change of a process variable that is further behind the pulses: PVs post at once."""

FIRST_LOG_NS = 631_238_400_000_000_000
"""So does a value from before 1990-01-02: a clock that is not set begins in 1970 or 1990."""


class LogTimes:
    """The times from which values hold; a notice is given of each that is not the value's own.

    A value holds from its arrival on if it holds for the pulses after the newest one.
    """

    def __init__(self, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._clock_ns, self._notices = clock_ns, notices
        self._changes: dict[str, LogValue] = {}

    def of_stream(self, log: LogValue, newest_ns: int) -> int:
        """The time from which a value of the stream holds, which may be as old as it likes.

        ``newest_ns`` is the time of the newest pulse. Times are ns since the Unix epoch.
        """
        latest_ns = max(newest_ns, self._clock_ns()) + LOG_AHEAD_NS
        if FIRST_LOG_NS <= log.time_ns <= latest_ns:
            return log.time_ns
        return self._arrival_ns(log, newest_ns)

    def of_process_variable(self, log: LogValue, newest_ns: int) -> int:
        """The same for a value of a process variable that is monitored.

        Only the first value that comes of it may be old: later ones are sent when it changes.
        """
        before = self._changes.get(log.name)
        self._changes[log.name] = log
        changed = before is not None and before.time_ns != log.time_ns
        if changed and newest_ns != NO_PULSE and log.time_ns < newest_ns - LOG_LATE_NS:
            return self._arrival_ns(log, newest_ns)
        return self.of_stream(log, newest_ns)

    def _arrival_ns(self, log: LogValue, newest_ns: int) -> int:
        reference_ns = newest_ns if newest_ns != NO_PULSE else self._clock_ns()
        offset = offset_words(log.time_ns - reference_ns)
        self._notices.give(
            f"log {log.name}",
            f"log {log.name}: its time is {offset} the pulses, so it holds from its arrival on",
        )
        return newest_ns + 1 if newest_ns != NO_PULSE else FIRST_LOG_NS
