"""Sums the results of all ranks on rank 0, which reports them to the IOC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reduction.control.order_receiver import OrderReceiver
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.reports import RanksReport, References, ViewsResult
from reduction.messages.run_messages import RunMessage
from reduction.parameters.reduction import TIME_LOG
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.counting.views import Views
from reduction.ranks.intake.catch_up import CatchUp
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.ranks.pulses.accumulation import Accumulation
from reduction.ranks.reporting.accounting import EventAccount
from reduction.ranks.reporting.progress import Progress
from reduction.ranks.reporting.reported_runs import ReportedRuns
from reduction.ranks.reporting.reports import RanksSums, ReductionSums, preset_count, ranks_report
from reduction.ranks.reporting.result_tick import RankFigures, ResultTick, ResultTicks
from reduction.stream import pulse_ranges

MOST_INCOMPLETE = 2**62
"""Largest number of incomplete pulses that a rank sends: the sum over partitions may overflow."""

LAST_PULSE_NS = 5_000_000_000
"""So long after the time of an end its last pulse may come."""


@dataclass(frozen=True, eq=False)
class SummedCells:
    """Sums over all ranks: cells and fading cells of each reduction, and views of those due.

    ``cells`` and ``faded`` are empty if no result is due.
    """

    cells: Sequence[NDArray[np.int64]]
    faded: Sequence[NDArray[np.float64]]
    views: Mapping[int, ViewsResult | None]


Control = OrderReceiver[RanksOrder, RanksReport]


@dataclass(frozen=True)
class RankParts:
    """The parts of a rank whose state is reported."""

    together: Collectives
    pipeline: Pipeline
    accumulation: Accumulation
    receiver: StreamReceiver
    catch_up: CatchUp
    views: Views


class ResultReporter:
    """Sums figures and cells over ranks, and reports them on the rank that has ``control``."""

    def __init__(self, parts: RankParts, control: Control | None) -> None:
        self._together, self._pipeline, self._control = parts.together, parts.pipeline, control
        self._accumulation, self._receiver = parts.accumulation, parts.receiver
        self._catch_up, self._views = parts.catch_up, parts.views
        self._intake = parts.receiver.intake
        self.progress = Progress(parts.together, self._intake.clock_ns)
        self.account = EventAccount(parts.pipeline)
        self._revision = NO_REVISION
        self._runs = ReportedRuns(self._intake.notices)

    def note_runs(self, messages: Sequence[RunMessage]) -> None:
        """Note messages about runs, which are reported until there are many newer ones."""
        self._runs.note(messages)

    def report(
        self, caught_up: bool, tick: int, message: str, references: Sequence[References]
    ) -> bool:
        """Report how things are, with results if all ranks have caught up; whether they have.

        ``tick`` is the number of the tick. ``message`` is what is wrong with the last order.
        ``references``, one a reduction, are needed on rank 0 alone.
        """
        engine = self._pipeline.engine
        ticks = ResultTicks.of(self._together.exchange(self._tick(caught_up).vector()))
        messages = self._together.texts(self._own_message) if ticks.any_message else [""]
        self.progress.note_missing(ticks.incomplete_pulses, self._intake.incomplete)
        cells: list[NDArray[np.int64]] = []
        faded: list[NDArray[np.float64]] = []
        views: dict[int, ViewsResult | None] = {}
        if ticks.caught_up:
            self._catch_up.made_result()
            self._revision = self._pipeline.order.revision
            self.progress.note_result(self._accumulation.coverage.cut_ns)
            now_ns = self._accumulation.coverage.now_ns
            cells = [self._together.total(engine.cells(n)) for n in self._numbers]
            faded = [self._together.total(engine.faded(n, now_ns)) for n in self._numbers]
            due = self._views.due(tick) if ticks.views_ready else {}
            views = {n: self._views.result(n, due[n], self._together, tick) for n in sorted(due)}
        if self._control is not None:
            found = SummedCells(cells, faded, views)
            reductions = self._reductions(ticks.displaced, found, references)
            message = message or next(filter(None, messages), "")
            self._control.report(self._report(ticks.figures, reductions, message))
        self._runs.note_reported()
        return ticks.caught_up

    @property
    def _own_message(self) -> str:
        """What the engine of this rank has to say, and what is wrong with its stream and log."""
        every = self._pipeline.engine.message, self._intake.notices.message, self._receiver.message
        return "; ".join(filter(None, every))

    @property
    def _ends_later(self) -> bool:
        """Whether the acquisition is to end with a pulse that has not come, but still may."""
        state, cut_ns = self._accumulation.state, self._accumulation.coverage.cut_ns
        waited_ns = self._intake.clock_ns() - state.gaps[-1].after_ns if state.gaps else 0
        return state.ends_after(cut_ns) and waited_ns < LAST_PULSE_NS

    @property
    def _numbers(self) -> range:
        """The numbers of the reductions."""
        return range(len(self._pipeline.order.reductions))

    def _tick(self, caught_up: bool) -> ResultTick:
        """The result tick of this rank."""
        engine = self._pipeline.engine
        return ResultTick(
            caught_up=caught_up,
            views_ready=caught_up and self._views.ready,
            incomplete_pulses=min(pulse_ranges.size(self._intake.incomplete), MOST_INCOMPLETE),
            has_message=bool(self._own_message),
            figures=RankFigures.now(self._pipeline, self._receiver, self.account.unaccounted()),
            displaced=tuple(engine.displaced(number) for number in self._numbers),
        )

    def _reductions(
        self,
        displaced: Sequence[int],
        summed: SummedCells,
        references: Sequence[References],
    ) -> list[ReductionSums]:
        """The sums of each reduction over all ranks; empty if there are no cells."""
        if not summed.cells:
            return []
        counted, tally = self._accumulation.counted, self._pipeline.engine.tally
        now_ns = self._accumulation.coverage.now_ns
        sums = self._pipeline.pulse_sums(counted.times_ns, counted.seconds, now_ns)
        closed = counted.closed
        return [
            ReductionSums(
                order=order,
                tally=tally(number, summed.cells[number]),
                displaced=displaced[number],
                pulses=sums[number],
                closed=closed,
                faded=[tally(number, each) for each in summed.faded[number]],
                references=references[number],
                views=summed.views.get(number),
                views_generation=self._views.generations.get(number, -1),
            )
            for number, order in enumerate(self._pipeline.order.reductions)
        ]

    def _report(
        self, figures: RankFigures, reductions: list[ReductionSums], message: str
    ) -> RanksReport:
        """The report of all ranks; without reductions it repeats the stream's last readings."""
        acquisition, state = self._accumulation.acquisition, self._accumulation.state
        coverage = self._accumulation.coverage
        report = ranks_report(
            RanksSums(
                revision=self._revision,
                engine=self._pipeline.engine.name,
                ranks=self._together.size,
                figures=figures,
                last_pulse_ns=coverage.last_ns,
                stream=self.progress.status(figures, coverage, result=bool(reductions)),
                acquisition=acquisition.status(state),
                reductions=reductions,
                logs=tuple(sorted({*self._intake.logs.names, TIME_LOG})),
                message=message,
                run=state,
                catching_up=self._catch_up.active,
                caught_up_share=self._catch_up.progress(figures.log_behind),
            )
        )
        if report.results and not self._catch_up.active:
            count = preset_count(report.results[0], acquisition.settings)
            acquisition.counted(count.total, count.error)
        status = acquisition.status(state)
        return replace(
            report,
            acquisition=replace(status, acquiring=status.acquiring or self._ends_later),
            newest_pulse_ns=self.progress.newest_ns,
            run_messages=self._runs.messages,
        )
