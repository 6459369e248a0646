"""Values of logs over time, whether they come in order or late."""

from __future__ import annotations

import bisect
import math
from array import array

import numpy as np
from numpy.typing import NDArray


class Log:
    """One log, which has at each time the last value at or before it. A value takes 16 bytes."""

    def __init__(self) -> None:
        self._times_ns = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, time_ns: int, value: float) -> bool:
        """Note the value from a time on; whether that changes the value at any time."""
        place = bisect.bisect_right(self._times_ns, time_ns)
        before = self._values[place - 1] if place else math.nan
        if place and self._times_ns[place - 1] == time_ns:
            self._values[place - 1] = value
        else:
            self._times_ns.insert(place, time_ns)
            self._values.insert(place, value)
        return before != value

    def forget(self, time_ns: int) -> None:
        """Drop the values that do not hold at ``time_ns`` or later."""
        last = bisect.bisect_right(self._times_ns, time_ns) - 1
        if last > 0:
            del self._times_ns[:last], self._values[:last]

    def at(self, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values (n,) at times (n,), ns since the Unix epoch; NaN before the first value."""
        if not self._values:
            return np.full(times_ns.size, np.nan)
        place = np.searchsorted(np.asarray(self._times_ns), times_ns, side="right") - 1
        return np.where(place < 0, np.nan, np.asarray(self._values)[np.maximum(place, 0)])


class Logs:
    """All logs by name, and for each the earliest time at which its value has changed."""

    def __init__(self) -> None:
        self._logs: dict[str, Log] = {}
        self._changed: dict[str, int] = {}
        self._since_ns = 0

    def __len__(self) -> int:
        """How many values are kept, of all logs."""
        return sum(len(log) for log in self._logs.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all logs, sorted."""
        return tuple(sorted(self._logs))

    def add(self, name: str, time_ns: int, value: float) -> None:
        """Note the value that a log has from a time on."""
        log = self._logs.setdefault(name, Log())
        if log.add(time_ns, value):
            self._changed[name] = min(time_ns, self._changed.get(name, time_ns))
        log.forget(self._since_ns)

    def forget(self, time_ns: int) -> None:
        """Drop values that are not needed any more if no time before ``time_ns`` is asked for."""
        self._since_ns = time_ns
        for log in self._logs.values():
            log.forget(time_ns)

    def changed(self) -> dict[str, int]:
        """The logs that have changed since the last call, and from which time on.

        Times are ns since the Unix epoch.
        """
        changed, self._changed = self._changed, {}
        return changed

    def at(self, name: str, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values (n,) of a log at times (n,); NaN where it has none."""
        log = self._logs.get(name)
        return np.full(times_ns.size, np.nan) if log is None else log.at(times_ns)
