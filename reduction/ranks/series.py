"""The series that each pulse belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.series import SeriesStatus


@dataclass(frozen=True, eq=False)
class ClosedSeries:
    """The pulses of a closed series.

    They lie from ``start_ns`` to ``last_ns``; ``times_ns`` (pulses,) int64 has the time of each, ns
    since the Unix epoch, and ``seconds`` (pulses,) float64 its measured time in s.
    """

    status: SeriesStatus
    start_ns: int
    last_ns: int
    times_ns: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def has(self, time_ns: int) -> bool:
        """Whether the pulse at a time is in the series."""
        return self.start_ns <= time_ns <= self.last_ns


@dataclass
class SeriesTimeline:
    """The series of each pulse: pulses count from ``start_ns`` on, and ``ends_ns`` end series.

    ``begins_ns`` has the first pulse of each series. All are pulse times, ns since the Unix epoch.
    """

    start_ns: int = 0
    ends_ns: list[int] = field(default_factory=list)
    begins_ns: list[int] = field(default_factory=list)

    def begin(self, time_ns: int) -> None:
        """Note a pulse that is accumulated: it begins the running series if none has before."""
        if len(self.begins_ns) < self.series:
            self.begins_ns.append(time_ns)

    def close(self, time_ns: int) -> None:
        """End the running series, which may have no pulses, at a pulse time."""
        self.begin(time_ns)
        self.ends_ns.append(time_ns)

    def clear(self) -> None:
        """Forget all series: the running one is the first one, and has no pulse yet."""
        self.ends_ns.clear()
        self.begins_ns.clear()

    def seconds_since_begin(self, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The log ``time`` at ``times_ns`` (n,): seconds since the first pulse of the series, (n,).

        NaN before the first pulse of the running series.
        """
        begins_ns = np.array([*self.begins_ns, *times_ns[:0]], np.int64)
        series = np.searchsorted(self.ends_ns, times_ns)
        begun = series < begins_ns.size
        seconds = np.full(times_ns.size, np.nan)
        seconds[begun] = (times_ns[begun] - begins_ns[series[begun]]) / 1e9
        return seconds

    @property
    def series(self) -> int:
        """How many series there are, the running one included."""
        return len(self.ends_ns) + 1

    @property
    def last_end_ns(self) -> int:
        """The end of the last closed series; pulses after it are of the running one."""
        return self.ends_ns[-1] if self.ends_ns else -1

    def place(
        self, slices: NDArray[np.int32], count: int, times_ns: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Slices (n,) of pulses at ``times_ns`` (n,), numbered on from series to series.

        Each series has ``count`` slices. The slice is -1 for pulses that do not count, and stays
        -1 where ``slices`` have it.
        """
        series = np.searchsorted(self.ends_ns, times_ns).astype(np.int32)
        counts = (slices >= 0) & (times_ns >= self.start_ns)
        return np.where(counts, series * count + slices, np.int32(-1))


def all_times_ns(closed: Iterable[ClosedSeries], running: Iterable[int]) -> NDArray[np.int64]:
    """The times of the pulses of all series, (pulses,) int64, those of the running one last."""
    return np.concatenate([*(each.times_ns for each in closed), np.array(running, np.int64)])
