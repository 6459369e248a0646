"""Values of logs over time, whether they come in order or late."""

from __future__ import annotations

import bisect
import math
from array import array

import numpy as np
from numpy.typing import NDArray

MOST_STREAM_LOGS = 10_000
"""So many names of logs of the stream are known; values of others are counted and ignored."""

LONGEST_LOG_NAME = 300
"""Characters of a name; values of a log with a longer one are counted and ignored."""

FEW = 100
"""Up to so many values that come together are noted one by one."""


class Log:
    """One log, which has at each time the last value at or before it. A value takes 16 bytes.

    Up to ``few`` values that come together are noted one by one, which copies no others.
    """

    def __init__(self, few: int = FEW) -> None:
        self._few = few
        self._times_ns = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, time_ns: int, value: float) -> bool:
        """Note the value from a time on; whether that changes the value at any time."""
        if self._times_ns and time_ns > self._times_ns[-1]:  # most often
            changes = self._values[-1] != value
            self._times_ns.append(time_ns)
            self._values.append(value)
            return changes
        place = bisect.bisect_right(self._times_ns, time_ns)
        before = self._values[place - 1] if place else math.nan
        if place and self._times_ns[place - 1] == time_ns:
            self._values[place - 1] = value
        else:
            self._times_ns.insert(place, time_ns)
            self._values.insert(place, value)
        return before != value

    def extend(self, times_ns: NDArray[np.int64], values: NDArray[np.float64]) -> int | None:
        """Note values (n,) from times (n,) on, as `add` does one after the other.

        Returns the earliest time at which that may change the value; None if there is none.
        """
        if times_ns.size <= self._few:
            pairs = zip(times_ns.tolist(), values.tolist(), strict=True)
            return min(
                (time_ns for time_ns, value in pairs if self.add(time_ns, value)), default=None
            )
        if np.all(np.diff(times_ns, prepend=self._times_ns[-1:]) > 0):  # most often they follow
            before = np.append(self._values[-1:] or [math.nan], values[:-1])
            changed_ns = times_ns[before != values]
            self._times_ns.frombytes(times_ns.tobytes())
            self._values.frombytes(values.tobytes())
        else:
            changed_ns = self._merge(times_ns, values)
        return int(changed_ns[0]) if changed_ns.size else None

    def _merge(self, times_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Note values (n,) from times (n,) on in any order; returns which times change it."""
        every_ns = np.concatenate([np.asarray(self._times_ns), times_ns])
        order = np.argsort(every_ns, kind="stable")
        every_ns = every_ns[order]
        every = np.concatenate([np.asarray(self._values), values])[order]
        last = np.append(every_ns[1:] != every_ns[:-1], True)  # of equal times the last counts
        every_ns, every = every_ns[last], every[last]
        changed_ns: NDArray[np.int64] = every_ns[self.at(every_ns) != every]
        self._times_ns, self._values = array("q", every_ns.tobytes()), array("d", every.tobytes())
        return changed_ns

    def thin(self) -> None:
        """Drop every second value of the older half."""
        half = len(self) // 2
        del self._times_ns[1:half:2], self._values[1:half:2]

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """The times from which values hold, (n,) int64, ascending; a copy."""
        return np.array(self._times_ns, np.int64)

    @property
    def values(self) -> NDArray[np.float64]:
        """The values, (n,) float64; a copy."""
        return np.array(self._values, np.float64)

    def forget(self, time_ns: int) -> None:
        """Drop the values that do not hold at ``time_ns`` or later."""
        if len(self._times_ns) < 2 or self._times_ns[1] > time_ns:  # most often
            return
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

    def takes(self, name: str) -> bool:
        """Whether a log of the stream is known, or may be: memory for names is bounded."""
        if name in self._logs:
            return True
        return len(self._logs) < MOST_STREAM_LOGS and len(name) <= LONGEST_LOG_NAME

    def add(self, name: str, time_ns: int, value: float) -> None:
        """Note the value that a log has from a time on."""
        log = self._log(name)
        self._noted(name, log, time_ns if log.add(time_ns, value) else None)

    def extend(self, name: str, times_ns: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Note the values (n,) that a log has from times (n,) on, ns since the Unix epoch."""
        log = self._log(name)
        self._noted(name, log, log.extend(times_ns, values))

    def _log(self, name: str) -> Log:
        """The log of a name, which may be new."""
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = Log()
        return log

    def _noted(self, name: str, log: Log, changed_ns: int | None) -> None:
        """Note from which time on a log has changed, if it has, and drop what is not needed."""
        if changed_ns is not None:
            self._changed[name] = min(changed_ns, self._changed.get(name, changed_ns))
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
