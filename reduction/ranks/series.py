"""Numbered series as the ranks keep them: which pulses are in which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.series import SeriesStatus


@dataclass(frozen=True, eq=False)
class ClosedSeries:
    """A closed series, as the ranks keep it.

    Its pulses are those from ``start_ns`` to ``last_ns`` (ns since the Unix epoch), at
    ``times_ns`` (pulses,) int64.
    """

    status: SeriesStatus
    start_ns: int
    last_ns: int
    times_ns: NDArray[np.int64]

    def has(self, time_ns: int) -> bool:
        """Whether the pulse at a time is in the series."""
        return self.start_ns <= time_ns <= self.last_ns


@dataclass
class SeriesTimeline:
    """Which pulses count, and in which series: from ``start_ns`` on, each up to its end."""

    start_ns: int = 0
    ends_ns: list[int] = field(default_factory=list)

    @property
    def series(self) -> int:
        """The number of series, with the running one."""
        return len(self.ends_ns) + 1

    def place(
        self, slices: NDArray[np.int32], count: int, times_ns: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """Slices (n,) of pulses at times (n,), of ``count``, numbered on from series to series.

        -1 stays, and is for pulses that do not count.
        """
        series = np.searchsorted(self.ends_ns, times_ns).astype(np.int32)
        counts = (slices >= 0) & (times_ns >= self.start_ns)
        return np.where(counts, series * count + slices, np.int32(-1))


def all_times_ns(closed: Iterable[ClosedSeries], running: Iterable[int]) -> NDArray[np.int64]:
    """The times of all pulses that are accumulated, (pulses,) int64."""
    return np.concatenate([*(each.times_ns for each in closed), np.array(running, np.int64)])
