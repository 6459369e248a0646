"""All values of process variables that slice pulses of the accumulation, for ranks that start."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ioc.pv_logs.log_store import LogStore
from ioc.pv_logs.log_times import DatedValue
from ioc.pv_logs.records import StoredPart
from reduction.control.pv_log_values import PvLogValues
from reduction.stream.log_values.logs import Log

MOST_VALUES = 20_000_000
"""Most values that are kept, of all logs: 320 MB in memory."""


class PvLogHistory:
    """The values of logs since the accumulation began, and of each the last one before.

    Values of a log that is no longer followed stay until `forget_before`: a filter that is put back
    slices old pulses right. If there are more than ``most_values``, every second value of the older
    half of the longest log is dropped, again and again. ``store`` has what an earlier process kept.
    """

    def __init__(self, store: LogStore | None = None, most_values: int = MOST_VALUES) -> None:
        self._store, self._most_values = store or LogStore(), most_values
        self._logs: dict[str, Log] = {}
        self._last: dict[str, DatedValue] = {}
        self._thinned: set[str] = set()
        self._size = 0
        for part in self._store.earlier_parts():
            self._restore(part)

    def _restore(self, part: StoredPart) -> None:
        """Take what was written to the file before this process started."""
        if part.reset_ns is not None:
            self._forget(part.reset_ns)
        for name, stored in part.logs.items():
            log = self._logs.setdefault(name, Log())
            self._size -= len(log)
            log.extend(stored.times_ns, stored.values)
            self._size += len(log)
            self._last[name] = stored.last
        self._limit()

    @property
    def size(self) -> int:
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
        self._store.add(name, value)
        self._limit()
        self._tidy()

    def _limit(self) -> None:
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
        self._forget(time_ns)
        self._store.reset(time_ns)
        self._tidy()

    def _forget(self, time_ns: int) -> None:
        for log in self._logs.values():
            log.forget(time_ns)
        self._size = sum(map(len, self._logs.values()))

    def _tidy(self) -> None:
        """Rewrite the file if it holds much more than is kept, or lacks something."""
        if self._store.has_to_rewrite(self.size):
            self._store.rewrite(list(self.logs()), dict(self._last))

    def note_newest(self, pulse_ns: int) -> None:
        """Keep the time of the newest pulse, in ns since the Unix epoch."""
        self._store.note_newest(pulse_ns)
        self._tidy()

    async def written(self) -> None:
        """Wait until all values are in the file, unless its disk does not answer."""
        await self._store.written()

    @property
    def newest_before_ns(self) -> int:
        """The newest pulse when this process started, as an earlier one has kept it."""
        return self._store.newest_before_ns

    async def rewritten(self) -> None:
        """Wait until the file is rewritten, if it is being rewritten."""
        await self._store.rewritten()

    async def close(self) -> None:
        """Close the file."""
        await self._store.close()

    def logs(self) -> Iterator[PvLogValues]:
        """All values that are kept."""
        for name, log in self._logs.items():
            yield PvLogValues(name, log.times_ns, log.values)

    @property
    def news(self) -> str:
        """What was wrong with the file at the start, as a sentence; empty if nothing was."""
        return self._store.news

    @property
    def problem(self) -> str:
        """Which logs have lost values, and why they are not in the file; empty if all is well."""
        thinned = (
            f"log {name}: it has too many values since the reset, every other old one is dropped"
            for name in sorted(self._thinned)
        )
        return "; ".join(filter(None, (*thinned, self._store.problem)))
