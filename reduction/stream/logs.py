"""Log values over time, as they come, in order or late."""

from __future__ import annotations

import bisect
import math
from array import array

import numpy as np
from numpy.typing import NDArray


class Log:
    """One log: its last value at or before a time. A value takes 16 bytes."""

    def __init__(self) -> None:
        self._times_ns = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, time_ns: int, value: float) -> bool:
        """Note a value from a time on; whether it changes the value of any time."""
        place = bisect.bisect_right(self._times_ns, time_ns)
        before = self._values[place - 1] if place else math.nan
        if place and self._times_ns[place - 1] == time_ns:
            self._values[place - 1] = value
        else:
            self._times_ns.insert(place, time_ns)
            self._values.insert(place, value)
        return before != value

    def forget(self, time_ns: int) -> None:
        """Drop what no time from ``time_ns`` on has: all before the last value until then."""
        last = bisect.bisect_right(self._times_ns, time_ns) - 1
        if last > 0:
            del self._times_ns[:last], self._values[:last]

    def at(self, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values at times (n,), ns since 1970; NaN before the first."""
        if not self._values:
            return np.full(times_ns.size, np.nan)
        place = np.searchsorted(np.asarray(self._times_ns), times_ns, side="right") - 1
        return np.where(place < 0, np.nan, np.asarray(self._values)[np.maximum(place, 0)])


class Logs:
    """The logs by name, and since when each has said something new."""

    def __init__(self) -> None:
        self._logs: dict[str, Log] = {}
        self._news: dict[str, int] = {}
        self._since_ns = 0

    def __len__(self) -> int:
        """Values kept, of all logs."""
        return sum(len(log) for log in self._logs.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._logs))

    def add(self, name: str, time_ns: int, value: float) -> None:
        """Note the value of a log from a time on."""
        log = self._logs.setdefault(name, Log())
        if log.add(time_ns, value):
            self._news[name] = min(time_ns, self._news.get(name, time_ns))
        log.forget(self._since_ns)

    def forget(self, time_ns: int) -> None:
        """No time before ``time_ns`` is asked for any more: keep what the times from it on have."""
        self._since_ns = time_ns
        for log in self._logs.values():
            log.forget(time_ns)

    def news(self) -> dict[str, int]:
        """For each log with news the earliest time of them, ns since 1970; asked once."""
        news, self._news = self._news, {}
        return news

    def at(self, name: str, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values of a log at times (n,); NaN where there is none."""
        log = self._logs.get(name)
        return np.full(times_ns.size, np.nan) if log is None else log.at(times_ns)
