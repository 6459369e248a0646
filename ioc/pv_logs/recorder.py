"""Takes the values of process variables that are logs: dates, keeps and sends them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from ioc.ca.client.pv_monitors import PvValue
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_times import HostClocks, PvLogTimes

SendLogValue = Callable[[str, int, float], Awaitable[None]]
"""Sends a value to the ranks: (log, time in ns since 1970, value)."""


class PvLogRecorder:
    """Decides from which time a value holds, adds it to ``history``, and then sends it."""

    def __init__(
        self, history: PvLogHistory, send: SendLogValue, clocks: HostClocks | None = None
    ) -> None:
        self._history, self._send = history, send
        self.names = set(history.names)
        """The logs that have ever had a value: the ranks may report them too."""
        self._times = PvLogTimes(clocks or HostClocks.of_this_host(), history.newest_before_ns)
        self._missed_since_ns = dict.fromkeys(history.names, history.newest_before_ns)
        """For each log that is not monitored now, the newest pulse when it was last."""

    def reported(self, newest_pulse_ns: int) -> None:
        """Take the newest pulse that the ranks report, in ns since the Unix epoch."""
        self._times.pulses.reported(newest_pulse_ns)
        self._history.note_newest(self._times.pulses.reported_ns)

    async def take(self, name: str, value: PvValue) -> None:
        """Take a value of a process variable."""
        before = self._history.last(name)
        missed_since_ns = self._missed_since_ns.pop(name, None)
        dated = self._times.dated(name, value, before, missed_since_ns)
        if dated != before:
            self.names.add(name)
            self._history.add(name, dated)
            await self._history.written()
            await self._send(name, dated.time_ns, dated.value)

    def missed(self, name: str) -> None:
        """Note that changes of a process variable may be missed, until its next value comes."""
        self._missed_since_ns.setdefault(name, self._times.pulses.time_ns)

    def forget_before(self, time_ns: int, needed: Collection[str]) -> None:
        """Drop values that no pulse from ``time_ns`` on needs, and logs that are not ``needed``."""
        self._history.forget_before(time_ns, needed)
        self._times.pulses.restart()

    async def close(self) -> None:
        """Close the file that keeps the values."""
        await self._history.close()

    @property
    def problem(self) -> str:
        """What is wrong with times and values, in words; empty if nothing is."""
        return "; ".join(filter(None, (self._times.notices, self._history.problem)))
