"""The readings of the stream: rates, lag, and missing pulses."""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reduction.parameters.all_reductions.readings import StreamStatus
from reduction.ranks.collectives import Collectives
from reduction.ranks.pulses.coverage import PulseCoverage
from reduction.ranks.reporting.result_tick import RankFigures
from reduction.stream import pulse_ranges
from reduction.stream.pulses import NO_PULSE

RATE_WINDOW_S = 2.0
"""Time over which rates are averaged."""

OF_EVENT_LOG = frozenset({"late", "unnumbered"})
"""Counts of `reduction.stream.faults.Faults` that are readings of the event log."""


class RateSample(NamedTuple):
    """Events received and pulse number reached at a time of the monotonic clock."""

    at_s: float
    events: int
    pulse: int


class Rates:
    """Events and pulses per second over the last `RATE_WINDOW_S`."""

    def __init__(self) -> None:
        self._samples: deque[RateSample] = deque()

    def clear(self) -> None:
        """Forget all samples."""
        self._samples.clear()

    def update(self, now_s: float, events: int, pulse: int) -> tuple[float, float]:
        """The rates, given the events and the pulse number reached by now."""
        if self._samples and self._samples[0].pulse == NO_PULSE:
            self._samples.clear()
        self._samples.append(RateSample(now_s, events, pulse))
        while len(self._samples) > 2 and self._samples[1].at_s <= now_s - RATE_WINDOW_S:
            self._samples.popleft()
        then = self._samples[0]
        elapsed = now_s - then.at_s
        if elapsed <= 0 or then.pulse == NO_PULSE:
            return 0.0, 0.0
        return (events - then.events) / elapsed, (pulse - then.pulse) / elapsed


class Progress:
    """The progress of the stream over all ranks, the same on every rank.

    ``newest_ns`` is the time of the newest pulse of which any rank has received anything.
    ``clock_ns`` tells the time, ns since the Unix epoch, without steps.
    """

    def __init__(self, together: Collectives, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self.newest_ns = self._result_ns = NO_PULSE
        self._together = together
        self._rates = Rates()
        self._lag_s = 0.0
        self._incomplete_pulses = (0,) * together.size
        self._missing: list[pulse_ranges.PulseRange] = []
        self._status = StreamStatus()

    def clear(self) -> None:
        """Forget the rates, because the number of received events starts from 0 again."""
        self._rates.clear()

    def note_missing(
        self, incomplete_pulses: tuple[int, ...], own: list[pulse_ranges.PulseRange]
    ) -> None:
        """Gather the ranges of incomplete pulses whenever a rank's number of them has changed.

        ``incomplete_pulses`` has the number of each rank, ``own`` are the ranges of this one.
        """
        if incomplete_pulses != self._incomplete_pulses:
            everyone = self._together.gather(np.array(own, np.int64).reshape(-1, 2))
            self._missing = pulse_ranges.union((int(a), int(b)) for a, b in everyone)
            self._incomplete_pulses = incomplete_pulses

    def note_result(self, time_ns: int) -> None:
        """Note the age of a result with the pulses up to ``time_ns``.

        It ages only while pulses have arrived that it does not have.
        """
        if time_ns > self._result_ns or self.newest_ns > time_ns:
            self._lag_s = (self._clock_ns() - time_ns) / 1e9 if time_ns != NO_PULSE else 0.0
        self._result_ns = time_ns

    def status(
        self, figures: RankFigures, coverage: PulseCoverage, *, result: bool
    ) -> StreamStatus:
        """The readings of the stream; without a ``result`` all but rates and lag stay."""
        rates = self._rates.update(time.monotonic(), figures.received, coverage.cut_number)
        if result:
            self._status = stream_status(figures, coverage, pulse_ranges.size(self._missing))
        else:
            self.note_result(self._result_ns)
        event_rate, pulse_rate = rates
        return dataclasses.replace(
            self._status, lag=self._lag_s, event_rate=event_rate, pulse_rate=pulse_rate
        )


def stream_status(figures: RankFigures, coverage: PulseCoverage, missing: int) -> StreamStatus:
    """The readings of the stream without rates and lag; ``missing`` is a number of pulses."""
    counted = dataclasses.asdict(figures.faults).items()
    faults = {f"messages_{name}": n for name, n in counted if name not in OF_EVENT_LOG}
    return StreamStatus(
        event_total=figures.received,
        pulse_first=coverage.first,
        pulse_last=coverage.last,
        pulses_missing=missing,
        **faults,
    )
