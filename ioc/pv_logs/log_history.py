"""All values of process variables that slice pulses of the accumulation, for ranks that start."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ioc.pv_logs.log_times import DatedValue
from reduction.control.pv_log_values import PvLogValues
from reduction.stream.logs import Log

MOST_VALUES = 20_000_000
"""Most values that are kept, of all logs: 320 MB in memory."""


class PvLogHistory:
    """The values of logs since the accumulation began, and of each the last one before.

    Values of a log that is no longer followed stay until `forget_before`: a filter that is put back
    slices old pulses right. If there are more than ``most_values``, every second value of the older
    half of the longest log is dropped, again and again.
    """

    def __init__(self, most_values: int = MOST_VALUES) -> None:
        self._most_values = most_values
        self._logs: dict[str, Log] = {}
        self._last: dict[str, DatedValue] = {}
        self._thinned: set[str] = set()
        self._size = 0

    def __len__(self) -> int:
        """How many values are kept, of all logs."""
        return self._size

    @property
    def names(self) -> Collection[str]:
        """The names of all logs that have values."""
        return self._logs.keys()

    def last(self, name: str) -> DatedValue | None:
        """The value of a log that came last; None if there is none."""
        return self._last.get(name)

    def add(self, name: str, value: DatedValue) -> None:
        """Keep a value."""
        log = self._logs.setdefault(name, Log())
        before = len(log)
        log.add(value.time_ns, value.value)
        self._last[name] = value
        self._size += len(log) - before
        while self._size > self._most_values:
            self._thin()

    def _thin(self) -> None:
        longest = max(self._logs, key=lambda name: len(self._logs[name]))
        before = len(self._logs[longest])
        self._logs[longest].thin()
        self._thinned.add(longest)
        self._size -= before - len(self._logs[longest])

    def forget_before(self, time_ns: int, needed: Collection[str]) -> None:
        """Drop the values that do not hold at ``time_ns`` or later, and logs not ``needed``."""
        self._thinned.clear()
        for name in self._logs.keys() - set(needed):
            del self._logs[name], self._last[name]
        for log in self._logs.values():
            log.forget(time_ns)
        self._size = sum(map(len, self._logs.values()))

    def logs(self) -> Iterator[PvLogValues]:
        """All values that are kept."""
        for name, log in self._logs.items():
            yield PvLogValues(name, log.times_ns, log.values)

    @property
    def problem(self) -> str:
        """Which logs have lost values, in words; empty if none has."""
        return "; ".join(
            f"log {name}: it has too many values since the reset, every other old one is dropped"
            for name in sorted(self._thinned)
        )
