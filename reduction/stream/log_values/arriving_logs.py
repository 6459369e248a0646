"""Which of the values of logs that arrive are noted, and from which times on they hold."""

from __future__ import annotations

from collections.abc import Callable

from reduction.messages.log_layouts import LogNumber
from reduction.stream.log_values.log_times import LogTimes
from reduction.stream.log_values.logs import LONGEST_LOG_NAME, MOST_STREAM_LOGS, Logs
from reduction.stream.notices import Notices

SHOWN_OF_NAME = 40
"""So much of the name of a log that is ignored is shown."""


class ArrivingLogs:
    """Notes the values that arrive in ``logs``; notices tell what is wrong with them.

    ``clock_ns`` tells the time, ns since the Unix epoch.
    """

    def __init__(self, logs: Logs, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._logs, self._notices = logs, notices
        self._times = LogTimes(clock_ns, notices)

    def take(self, log: LogNumber, newest_ns: Callable[[], int]) -> bool:
        """Note a value, however old it is; False if it is ignored, as one log too many is.

        A value whose time cannot be is taken as of its arrival, after the pulse at ``newest_ns``.
        """
        name, time_ns, number = log
        if not self._logs.takes(name):
            self._notices.give(
                "logs",
                f"log {name[:SHOWN_OF_NAME]} is ignored: names have at most"
                f" {LONGEST_LOG_NAME} characters, and there are at most {MOST_STREAM_LOGS} logs",
            )
            return False
        if not self._times.possible(time_ns):
            time_ns = self._times.of(name, time_ns, newest_ns())
        self._logs.add(name, time_ns, number)
        return True
