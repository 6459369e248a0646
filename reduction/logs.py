"""Log values over time, as they come, in order or late."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Log:
    """One log: its last value at or before a time."""

    def __init__(self) -> None:
        self._times_ns = np.empty(64, np.int64)
        self._values = np.empty(64)
        self._size = 0

    def add(self, time_ns: int, value: float) -> bool:
        """Note a value from a time on; whether it changes the value of any time."""
        times_ns = self._times_ns[: self._size]
        place = int(np.searchsorted(times_ns, time_ns, side="right"))
        before = self._values[place - 1] if place else math.nan
        if place and times_ns[place - 1] == time_ns:
            self._values[place - 1] = value
        else:
            self._insert(place, time_ns, value)
        return bool(before != value)

    def _insert(self, place: int, time_ns: int, value: float) -> None:
        if self._size == self._times_ns.size:
            self._times_ns = np.resize(self._times_ns, 2 * self._size)
            self._values = np.resize(self._values, 2 * self._size)
        for column, new in ((self._times_ns, time_ns), (self._values, value)):
            column[place + 1 : self._size + 1] = column[place : self._size].copy()
            column[place] = new
        self._size += 1

    def at(self, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values at times (n,), ns since 1970; NaN before the first."""
        if not self._size:
            return np.full(times_ns.size, np.nan)
        place = np.searchsorted(self._times_ns[: self._size], times_ns, side="right") - 1
        return np.where(place < 0, np.nan, self._values[np.maximum(place, 0)])


class Logs:
    """The logs by name, and since when each has said something new."""

    def __init__(self) -> None:
        self._logs: dict[str, Log] = {}
        self._news: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._logs))

    def add(self, name: str, time_ns: int, value: float) -> None:
        """Note the value of a log from a time on."""
        if self._logs.setdefault(name, Log()).add(time_ns, value):
            self._news[name] = min(time_ns, self._news.get(name, time_ns))

    def news(self) -> dict[str, int]:
        """For each log with news the earliest time of them, ns since 1970; asked once."""
        news, self._news = self._news, {}
        return news

    def at(self, name: str, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values of a log at times (n,); NaN where there is none."""
        log = self._logs.get(name)
        return np.full(times_ns.size, np.nan) if log is None else log.at(times_ns)
