"""How the stream of all ranks comes along: how fast, how late, and what is missing of it."""

from __future__ import annotations

import dataclasses
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.run_readings import StreamStatus
from reduction.ranks.accumulation import Cut
from reduction.ranks.collectives import Collectives
from reduction.ranks.reports import RankFigures
from reduction.stream import pulse_ranges
from reduction.stream.partitions import NO_PULSE

RATE_WINDOW_S = 2.0


class Rates:
    """Events and pulses per second over the last two seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def clear(self) -> None:
        self._seen.clear()

    def update(self, now_s: float, events: int, pulse: int) -> tuple[float, float]:
        """The rates, given the events and the pulse number reached by now."""
        self._seen.append((now_s, events, pulse))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - RATE_WINDOW_S:
            self._seen.popleft()
        then_s, events_then, pulse_then = self._seen[0]
        elapsed = now_s - then_s
        if elapsed <= 0 or pulse_then == NO_PULSE:
            return 0.0, 0.0
        return (events - events_then) / elapsed, (pulse - pulse_then) / elapsed


class Progress:
    """What is known of the stream on every rank.

    ``newest_ns`` is the time of the newest pulse of which any rank has something.
    """

    def __init__(self, together: Collectives) -> None:
        self.newest_ns = self._shown_ns = NO_PULSE
        self._together = together
        self._rates = Rates()
        self._lag_s = 0.0
        self._missing_sizes = np.zeros(together.size, np.int64)
        self._missing: list[pulse_ranges.PulseRange] = []
        self._status = StreamStatus()

    def clear(self) -> None:
        """Rates begin anew."""
        self._rates.clear()

    def note_missing(self, sizes: NDArray[np.int64], mine: list[pulse_ranges.PulseRange]) -> None:
        """Gather the runs of incomplete pulses whenever any rank's have changed in size."""
        if not np.array_equal(sizes, self._missing_sizes):
            everyone = self._together.gather(np.array(mine, np.int64).reshape(-1, 2))
            self._missing = pulse_ranges.union((int(a), int(b)) for a, b in everyone)
            self._missing_sizes = sizes

    def shown(self, time_ns: int) -> None:
        """Note how old a result up to a pulse is: it ages while there are pulses that it lacks."""
        if time_ns > self._shown_ns or self.newest_ns > time_ns:
            self._lag_s = time.time() - time_ns / 1e9 if time_ns != NO_PULSE else 0.0
        self._shown_ns = time_ns

    def status(self, figures: RankFigures, cut: Cut, *, result: bool) -> StreamStatus:
        """The stream's readings; without a ``result`` they are of the one before, but for rates."""
        rates = self._rates.update(time.monotonic(), figures.received, cut.reached)
        if result:
            self._status = stream_status(figures, cut, pulse_ranges.size(self._missing))
        else:
            self.shown(self._shown_ns)
        event_rate, pulse_rate = rates
        return dataclasses.replace(
            self._status, lag=self._lag_s, event_rate=event_rate, pulse_rate=pulse_rate
        )


def stream_status(figures: RankFigures, cut: Cut, missing: int) -> StreamStatus:
    """The stream's readings but for rates and lag; ``missing`` counts pulses."""
    faults = {f"messages_{name}": n for name, n in dataclasses.asdict(figures.faults).items()}
    return StreamStatus(
        event_total=figures.received,
        pulse_first=cut.first,
        pulse_last=cut.last,
        pulses_missing=missing,
        **faults,
    )
