"""Which pulses count: those of the running series, and of the ones that were closed before it."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder
from reduction.parameters.series import SeriesStatus
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.presets import NEVER_NS, Acquisition
from reduction.ranks.series import ClosedSeries, all_times_ns
from reduction.ranks.tick import Ticks
from reduction.stream.partition_state import NO_PULSE, CompletePulse
from reduction.stream.pulse_assembler import PulseAssembler


@dataclass(frozen=True)
class PulseCoverage:
    """Which pulses are taken from the stream, and which of these are accumulated.

    Times are pulse times, ns since the Unix epoch. `NO_PULSE` stands where there is no pulse yet.

    - ``start_ns``: pulses from this time on count
    - ``cut_ns``, ``cut_number``: pulses up to this one are taken from the stream
    - ``first``, ``last``: numbers of the first and the last pulse that is accumulated
    - ``last_ns``: time of the last pulse that is accumulated, 0 if there is none
    """

    start_ns: int = NO_PULSE
    cut_ns: int = NO_PULSE
    cut_number: int = NO_PULSE
    first: int = NO_PULSE
    last: int = NO_PULSE
    last_ns: int = 0

    @property
    def now_ns(self) -> int:
        """The time at which weights are taken: the last accumulated pulse, or else the cut."""
        return self.last_ns or self.cut_ns

    def emptied(self) -> PulseCoverage:
        """The same coverage with no pulse accumulated: the next pulse is the first."""
        start_ns = NO_PULSE if self.cut_ns == NO_PULSE else self.cut_ns + 1
        return PulseCoverage(start_ns, self.cut_ns, self.cut_number)


class Accumulation:
    """Takes the events of the pulses that count, from the stream into the pipeline.

    ``coverage``, ``acquisition`` and the ``closed`` series are the same on all ranks. But whether
    counts have reached their preset is known on rank 0 alone.
    """

    def __init__(self, pipeline: Pipeline, intake: PulseAssembler) -> None:
        self._pipeline, self._intake = pipeline, intake
        self.coverage = PulseCoverage()
        self.acquisition = Acquisition(pipeline.order.acquisition)
        self.closed: list[ClosedSeries] = []

    @property
    def running(self) -> bool:
        """Whether pulses are accumulated now."""
        return self._pipeline.order.acquiring and not self.acquisition.done

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """Times of the pulses in all series, (pulses,) int64."""
        return all_times_ns(self.closed, self.acquisition.times_ns)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The measured time of each of these pulses, (pulses,) float64, in s."""
        return np.concatenate([*(each.seconds for each in self.closed), self.acquisition.seconds])

    def advance(self, ticks: Ticks, pulses: Sequence[CompletePulse]) -> None:
        """Take the events of the pulses that all ranks have reached, up to the limit of a preset.

        ``pulses`` are those that are not cut yet on any rank, in their order.
        """
        time_ns, number = ticks.slowest.reached_ns, ticks.slowest.reached_number
        if time_ns == NO_PULSE:
            return
        if self.coverage.start_ns == NO_PULSE:
            self._begin(ticks.complete_from_ns)
        since = max(self.coverage.start_ns, self.coverage.cut_ns + 1)
        pulses = [each for each in pulses if each.time_ns >= since]
        if not self.running:
            self.acquisition.passed([each.time_ns for each in pulses])
            self._intake.cut(time_ns)
            self._pipeline.follow_logs(time_ns)
        elif ticks.of_rank_0.preset_reached:
            self.acquisition.done = True
        else:
            limit_ns = self._limit_ns(pulses)
            self.acquisition.done = time_ns >= limit_ns
            if limit_ns < time_ns:
                time_ns = limit_ns
                pulses = [each for each in pulses if each.time_ns <= time_ns]
                number = pulses[-1].number if pulses else self.coverage.cut_number
            self._accumulate(max(time_ns, self.coverage.cut_ns), pulses)
        cut_ns = max(time_ns, self.coverage.cut_ns)
        self.coverage = replace(self.coverage, cut_ns=cut_ns, cut_number=number)

    def _begin(self, complete_from_ns: int) -> None:
        """Count from the first pulse of which all ranks have received everything."""
        self.coverage = replace(self.coverage, start_ns=complete_from_ns)
        self._intake.logs.forget(complete_from_ns)

    def _limit_ns(self, pulses: Sequence[CompletePulse]) -> int:
        """The time of the last pulse before a preset ends the acquisition."""
        if self._pipeline.order.control.pause:
            return NEVER_NS
        return self.acquisition.limit_ns([each.time_ns for each in pulses])

    def _accumulate(self, time_ns: int, pulses: Sequence[CompletePulse]) -> None:
        """Accumulate ``pulses``, up to ``time_ns``, and events of earlier ones that came late."""
        times_ns, before_ns = [each.time_ns for each in pulses], self.coverage.cut_ns
        if self._pipeline.order.control.pause:
            self.acquisition.passed(times_ns)
        elif pulses:
            first = self.coverage.first
            self.coverage = replace(
                self.coverage,
                first=pulses[0].number if first == NO_PULSE else first,
                last=pulses[-1].number,
                last_ns=time_ns,
            )
            self._pipeline.timeline.begin(times_ns[0])
            self.acquisition.accumulated(times_ns)
        self._take_events(time_ns, before_ns, set(times_ns))

    def _take_events(self, time_ns: int, before_ns: int, ended_ns: set[int]) -> None:
        """Take the events up to a time: of pulses that have just ended, and late ones before."""
        counting, filtered = [], 0
        for chunk in self._intake.cut(time_ns):
            at_ns = chunk.pulse_time_ns
            if self._counts(at_ns):
                counting.append(chunk)
            elif self.coverage.start_ns <= at_ns <= before_ns or at_ns in ended_ns:
                filtered += chunk.tof_ns.size
            elif at_ns > max(before_ns, self.coverage.start_ns):
                self._intake.refuse(chunk)
        self._pipeline.accumulate(counting, time_ns, filtered=filtered)

    def _counts(self, time_ns: int) -> bool:
        """Whether the pulse at a time is one of the running series or of a closed one."""
        return _has(self.acquisition.times_ns, time_ns) or any(
            _has(each.times_ns, time_ns) for each in self.closed
        )

    def obey(self, order: RanksOrder) -> None:
        """Drop, close or start what ``order`` says; to be called before the pipeline obeys it."""
        if self._pipeline.resets(order):
            self._intake.restart(self.coverage.cut_ns + 1)
            self.closed.clear()
            self.coverage = PulseCoverage()
            self.acquisition = self.acquisition.restarted()
        if self._pipeline.closes(order):
            self.closed.append(self._closed_series())
            self._start_empty()
        if order.starts not in (0, self._pipeline.order.starts):
            self.acquisition = self.acquisition.started(order.acquisition)

    def _closed_series(self) -> ClosedSeries:
        """The accumulated pulses as a closed series."""
        status, coverage = self.acquisition.status, self.coverage
        return ClosedSeries(
            SeriesStatus(status.pulses, coverage.first, coverage.last, status.time_elapsed),
            coverage.start_ns,
            coverage.last_ns,
            np.array(self.acquisition.times_ns, np.int64),
            self.acquisition.seconds,
        )

    def _start_empty(self) -> None:
        """Make the next pulse the first that is accumulated."""
        self.coverage = self.coverage.emptied()
        self.acquisition = self.acquisition.restarted()


def _has(times_ns: Sequence[int] | NDArray[np.int64], time_ns: int) -> bool:
    """Whether ascending times hold a time."""
    place = bisect.bisect_left(times_ns, time_ns)
    return place < len(times_ns) and bool(times_ns[place] == time_ns)
