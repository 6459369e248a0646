"""Which pulses count: those of the running series, and of the ones that were closed before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder
from reduction.parameters.series import SeriesStatus
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.presets import NEVER_NS, Acquisition
from reduction.ranks.series import ClosedSeries, all_times_ns
from reduction.stream.partitions import NO_PULSE, PulseAssembler


@dataclass
class Cut:
    """How far the accumulation has come: pulse times in ns and numbers, -1 where there is none.

    Pulses from ``start_ns`` on count; those up to ``time_ns``, number ``reached``, are cut; pulses
    number ``first`` to ``last`` are accumulated.
    """

    start_ns: int = NO_PULSE
    time_ns: int = NO_PULSE
    reached: int = NO_PULSE
    first: int = NO_PULSE
    last: int = NO_PULSE
    last_ns: int = 0

    @property
    def now_ns(self) -> int:
        """The time that ages are of: that of the last pulse, or else how far the cut has come."""
        return self.last_ns or self.time_ns

    def closed(self, acquisition: Acquisition) -> ClosedSeries:
        """What is accumulated, by ``acquisition``, as a closed series."""
        status = acquisition.status
        return ClosedSeries(
            SeriesStatus(status.pulses, self.first, self.last, status.time_elapsed),
            self.start_ns,
            self.last_ns,
            np.array(acquisition.times_ns, np.int64),
        )


class Accumulation:
    """Takes the events of the pulses that count, out of the intake and into the pipeline.

    ``cut``, ``acquisition`` and the series that are ``closed`` are the same on all ranks, but that
    rank 0 alone knows when a preset is reached.
    """

    def __init__(self, pipeline: Pipeline, intake: PulseAssembler) -> None:
        self._pipeline, self._intake = pipeline, intake
        self.cut = Cut()
        self.acquisition = Acquisition(pipeline.order.acquisition)
        self.closed: list[ClosedSeries] = []

    @property
    def running(self) -> bool:
        """Whether pulses count."""
        return self._pipeline.order.acquiring and not self.acquisition.done

    @property
    def limit_ns(self) -> int:
        """The pulse time at which a preset ends the acquisition, as rank 0 knows it."""
        if self._pipeline.order.control.pause or self.cut.start_ns == NO_PULSE:
            return NEVER_NS
        return self.acquisition.limit_ns(self._intake.marks(self.cut.start_ns))

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """Those of the pulses in all series, (pulses,) int64."""
        return all_times_ns(self.closed, self.acquisition.times_ns)

    @property
    def seconds(self) -> float:
        """The time that counts are of: less than went by if they fade."""
        status = self.acquisition.status
        if not self._pipeline.order.control.fade_s:
            return status.time_elapsed
        times_ns = np.array(self.acquisition.times_ns, np.int64)
        weights = self._pipeline.weights(times_ns, self.cut.now_ns)
        return status.time_elapsed * float(weights.mean()) if weights.size else 0.0

    def begin(self, complete_from_ns: int) -> None:
        """The first pulse that all ranks have wholly is at this time."""
        self.cut.start_ns = complete_from_ns
        self._intake.logs.forget(complete_from_ns)

    def advance(self, time_ns: int, number: int, limit_ns: int, reached: bool) -> None:
        """Take the events up to a pulse that every rank has reached.

        Not beyond ``limit_ns``, and none once the preset is ``reached``, as rank 0 says.
        """
        if self.running:
            self.acquisition.done = reached or time_ns >= limit_ns
            if limit_ns < time_ns:
                time_ns, number = limit_ns, self._intake.number_at(limit_ns)
            if not reached:
                self._accumulate(max(time_ns, self.cut.time_ns), number)
        else:
            self._intake.cut(time_ns)
        self.cut.time_ns, self.cut.reached = max(time_ns, self.cut.time_ns), number

    def _accumulate(self, time_ns: int, number: int) -> None:
        """Take the events of the pulses up to ``time_ns``, and what came late."""
        cut = self.cut
        pulses = [each for each in self._intake.marks(cut.start_ns) if each <= time_ns]
        if pulses and not self._pipeline.order.control.pause:
            if cut.first == NO_PULSE:
                cut.first = self._intake.number_at(cut.start_ns)
            cut.last, cut.last_ns = number, time_ns
            self.acquisition.accumulated(pulses)
        chunks = self._intake.cut(time_ns)
        current = [chunk for chunk in chunks if self._counts(chunk.pulse_time_ns)]
        self._pipeline.accumulate(current, time_ns)

    def _counts(self, time_ns: int) -> bool:
        """Whether the pulse at a time is one of those accumulated, now or in a closed series."""
        return time_ns >= self.cut.start_ns or any(each.has(time_ns) for each in self.closed)

    def obey(self, order: RanksOrder) -> None:
        """Drop, close or start what an order says, as seen from the one in force."""
        if self._pipeline.resets(order):
            self._intake.forget(self.cut.reached + 1)
            self.closed.clear()
            self._afresh()
            self._intake.logs.forget(self.cut.start_ns)
        if self._pipeline.closes(order):
            self.closed.append(self.cut.closed(self.acquisition))
            self._afresh()
        if order.starts not in (0, self._pipeline.order.starts):
            self.acquisition = Acquisition(order.acquisition)

    def _afresh(self) -> None:
        """Have the next pulse be the first that is accumulated."""
        reached_ns = self.cut.time_ns
        start_ns = NO_PULSE if reached_ns == NO_PULSE else reached_ns + 1
        self.cut = Cut(start_ns, reached_ns, self.cut.reached)
        self.acquisition = self.acquisition.restarted()
