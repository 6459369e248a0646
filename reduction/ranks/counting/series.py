"""The series that each pulse belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reduction.stream.pulses import NO_PULSE


@dataclass
class SeriesTimeline:
    """The series of each pulse: pulses count from ``start_ns`` on, and ``ends_ns`` end series.

    ``begins_ns`` has the first pulse of each series, `NO_PULSE` if it has none. All are pulse
    times, ns since the Unix epoch.
    """

    start_ns: int = 0
    ends_ns: tuple[int, ...] = ()
    begins_ns: list[int] = field(default_factory=lambda: [NO_PULSE])

    def begin(self, series: int, time_ns: int) -> bool:
        """Note a pulse of a series, by its index; whether it comes before the first one so far."""
        first_ns = self.begins_ns[series]
        if first_ns == NO_PULSE or time_ns < first_ns:
            self.begins_ns[series] = time_ns
        return first_ns != NO_PULSE and time_ns < first_ns

    def end(self, ends_ns: tuple[int, ...]) -> None:
        """End series at these pulse times; the first ones are as before."""
        self.ends_ns = ends_ns
        self.begins_ns += [NO_PULSE] * (self.series - len(self.begins_ns))

    def clear(self) -> None:
        """Forget all series: the running one is the first one, and has no pulse yet."""
        self.ends_ns, self.begins_ns = (), [NO_PULSE]

    def seconds_since_begin(self, times_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The log ``time`` at ``times_ns`` (n,): seconds since the first pulse of the series, (n,).

        NaN before the first pulse of the running series.
        """
        begins_ns = np.array(self.begins_ns)[np.searchsorted(self.ends_ns, times_ns)]
        return np.where(begins_ns == NO_PULSE, np.nan, (times_ns - begins_ns) / 1e9)

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
