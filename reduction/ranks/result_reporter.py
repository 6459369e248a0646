"""Sums the results of all ranks on rank 0, which reports them to the IOC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reduction.control.channel import OrderReceiver
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.reports import RanksReport, References
from reduction.parameters.acquisition import AcquisitionStatus
from reduction.parameters.reduction import TIME_LOG
from reduction.ranks.accounting import EventAccount
from reduction.ranks.accumulation import Accumulation
from reduction.ranks.collectives import Collectives
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.progress import Progress
from reduction.ranks.receiver import StreamReceiver
from reduction.ranks.reports import RanksSums, ReductionSums, preset_count, ranks_report
from reduction.ranks.result_tick import RankFigures, ResultTick, ResultTicks
from reduction.stream import pulse_ranges

MOST_INCOMPLETE = 2**62
"""Largest number of incomplete pulses that a rank sends: the sum over partitions may overflow."""

Control = OrderReceiver[RanksOrder, RanksReport]


class ResultReporter:
    """Sums figures and cells over ranks, and reports them on the rank that has ``control``."""

    def __init__(
        self,
        together: Collectives,
        pipeline: Pipeline,
        accumulation: Accumulation,
        receiver: StreamReceiver,
        control: Control | None,
    ) -> None:
        self._together, self._pipeline, self._control = together, pipeline, control
        self._accumulation, self._receiver = accumulation, receiver
        self._intake = receiver.intake
        self.progress = Progress(together, receiver.intake.clock_ns)
        self.account = EventAccount(pipeline)
        self._revision = NO_REVISION

    def report(self, caught_up: bool, message: str, references: Sequence[References]) -> bool:
        """Report how things are, with results if all ranks have caught up; whether they have.

        ``message`` is what is wrong with the last order. ``references``, one a reduction, are
        needed on rank 0 alone.
        """
        engine = self._pipeline.engine
        ticks = ResultTicks.of(self._together.exchange(self._tick(caught_up).vector()))
        messages = self._together.texts(self._own_message) if ticks.any_message else [""]
        self.progress.note_missing(ticks.incomplete_pulses, self._intake.incomplete)
        cells: list[NDArray[np.int64]] = []
        faded: list[NDArray[np.float64]] = []
        if ticks.caught_up:
            self._revision = self._pipeline.order.revision
            self.progress.note_result(self._accumulation.coverage.cut_ns)
            now_ns = self._accumulation.coverage.now_ns
            cells = [self._together.total(engine.cells(n)) for n in self._numbers]
            faded = [self._together.total(engine.faded(n, now_ns)) for n in self._numbers]
        if self._control is not None:
            reductions = self._reductions(ticks.displaced, cells, faded, references)
            message = message or next(filter(None, messages), "")
            self._control.report(self._report(ticks.figures, reductions, message))
        return ticks.caught_up

    @property
    def _own_message(self) -> str:
        """What the engine of this rank has to say, and what is wrong with its stream and log."""
        every = self._pipeline.engine.message, self._intake.notices.message, self._receiver.message
        return "; ".join(filter(None, every))

    @property
    def _numbers(self) -> range:
        """The numbers of the reductions."""
        return range(len(self._pipeline.order.reductions))

    def _tick(self, caught_up: bool) -> ResultTick:
        """The result tick of this rank."""
        engine = self._pipeline.engine
        return ResultTick(
            caught_up=caught_up,
            incomplete_pulses=min(pulse_ranges.size(self._intake.incomplete), MOST_INCOMPLETE),
            has_message=bool(self._own_message),
            figures=RankFigures.now(self._pipeline, self._receiver, self.account.unaccounted()),
            displaced=tuple(engine.displaced(number) for number in self._numbers),
        )

    def _reductions(
        self,
        displaced: Sequence[int],
        cells: Sequence[NDArray[np.int64]],
        faded: Sequence[NDArray[np.float64]],
        references: Sequence[References],
    ) -> list[ReductionSums]:
        """The sums of each reduction over all ranks; empty if there are no ``cells``."""
        if not cells:
            return []
        accumulation, tally = self._accumulation, self._pipeline.engine.tally
        sums = self._pipeline.pulse_sums(
            accumulation.times_ns, accumulation.seconds, accumulation.coverage.now_ns
        )
        return [
            ReductionSums(
                order=order,
                tally=tally(number, cells[number]),
                displaced=displaced[number],
                pulses=sums[number],
                closed=accumulation.closed,
                faded=[tally(number, each) for each in faded[number]],
                references=references[number],
            )
            for number, order in enumerate(self._pipeline.order.reductions)
        ]

    def _report(
        self, figures: RankFigures, reductions: list[ReductionSums], message: str
    ) -> RanksReport:
        """The report of all ranks; without reductions it repeats the stream's last readings."""
        accumulation, acquisition = self._accumulation, self._accumulation.acquisition
        coverage = accumulation.coverage
        report = ranks_report(
            RanksSums(
                revision=self._revision,
                engine=self._pipeline.engine.name,
                ranks=self._together.size,
                figures=figures,
                last_pulse_ns=coverage.last_ns,
                stream=self.progress.status(figures, coverage, result=bool(reductions)),
                acquisition=acquisition.status,
                reductions=reductions,
                logs=tuple(sorted({*self._intake.logs.names, TIME_LOG})),
                message=message,
            )
        )
        if report.results:
            count = preset_count(report.results[0], acquisition.settings)
            acquisition.counted(count.total, count.error)
        return replace(
            report,
            acquisition=self._acquisition_status(),
            newest_pulse_ns=self.progress.newest_ns,
        )

    def _acquisition_status(self) -> AcquisitionStatus:
        """How far the acquisition has come, counts of this report included."""
        series = self._pipeline.timeline.series
        status = replace(self._accumulation.acquisition.status, series=series)
        if self._accumulation.running:
            return status
        # Stopped before its preset, it has no time to go.
        return replace(status, acquiring=False, time_remaining=0.0)
