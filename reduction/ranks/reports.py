"""What rank 0 reports, made of the figures and cells of all ranks."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder
from reduction.control.reports import RanksReport, ReductionResult, References, SeriesResult
from reduction.engines.protocol import Cells, EventTally
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.run_readings import BackendStatus, StreamStatus
from reduction.ranks.accumulation import Cut
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.series import ClosedSeries
from reduction.results.analysis import peaks, regions
from reduction.results.normalisation import shortfall
from reduction.results.spectra import sum_spectrum
from reduction.stream.partitions import Faults, PulseAssembler


@dataclass(frozen=True)
class RankFigures:
    """A rank's figures, which add up over ranks; ``unaccounted`` as `RanksReport` has it.

    ``ailing`` is 1 if the engine has a message.
    """

    received: int
    filtered: int
    retained: int
    folded: int
    resident_bytes: int
    unaccounted: int
    ailing: int
    faults: Faults

    @classmethod
    def of(cls, pipeline: Pipeline, intake: PulseAssembler, unaccounted: int) -> Self:
        engine = pipeline.engine
        own = pipeline.received, pipeline.filtered, engine.retained, engine.folded
        ailing = int(bool(engine.message))
        return cls(*own, _resident_bytes(), unaccounted, ailing, intake.faults)

    def vector(self) -> NDArray[np.int64]:
        """The figures as (k,) int64."""
        *own, faults = (getattr(self, each.name) for each in dataclasses.fields(self))
        return np.array([*own, *dataclasses.astuple(faults)])

    @classmethod
    def total(cls, vectors: NDArray[np.int64]) -> Self:
        """The sum of vectors (ranks, k)."""
        received, filtered, retained, folded, resident, unaccounted, ailing, *faults = (
            int(n) for n in vectors.sum(axis=0)
        )
        own = received, filtered, retained, folded, resident, unaccounted, ailing
        return cls(*own, Faults(*faults))


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class ResultContext(NamedTuple):
    """What is known of a reduction beside its cells.

    ``astray`` events are right to a fine bin only; ``charges_uc`` (series, slices) is the proton
    charge of the pulses, µC; ``closed`` are the series before the running one; ``faded`` tells, if
    events fade, the sums of their weights and of the squares; ``references`` are background and
    vanadium.
    """

    astray: int
    charges_uc: NDArray[np.float64]
    closed: Sequence[ClosedSeries]
    faded: Sequence[EventTally]
    references: References


def report(
    pipeline: Pipeline,
    revision: int,
    figures: RankFigures,
    cut: Cut,
    stream: StreamStatus,
    acquisition: AcquisitionStatus,
    tallies: Sequence[EventTally],
    beside: Sequence[ResultContext],
    seconds: float,
    ranks: int,
    logs: tuple[str, ...],
    message: str,
) -> RanksReport:
    """The report of all ranks; ``tallies``, one a reduction, are empty while no result is due.

    ``beside`` is what else is known of each reduction. Rates are per ``seconds`` of counting.
    """
    orders = pipeline.order.reductions
    accounted = [figures.filtered + tally.events for tally in tallies]
    return RanksReport(
        revision=revision,
        pulse_time_ns=cut.last_ns,
        stream=stream,
        acquisition=acquisition,
        backend=BackendStatus(
            engine=pipeline.engine.name,
            ranks=ranks,
            retained_events=figures.retained,
            folded_events=figures.folded,
            retained_fraction=1 - figures.folded / max(figures.retained + figures.folded, 1),
            memory_use=figures.resident_bytes,
        ),
        results=tuple(
            _result(order, tally, figures.filtered, more, seconds)
            for order, tally, more in zip(orders, tallies, beside, strict=bool(tallies))
        ),
        unaccounted=max(figures.unaccounted, *(abs(figures.received - n) for n in accounted), 0),
        logs=logs,
        message=message,
    )


def _result(
    order: ReductionOrder, tally: EventTally, filtered: int, beside: ResultContext, seconds: float
) -> ReductionResult:
    status = ReductionStatus(
        generation=order.generation,
        events_binned=tally.binned,
        events_out_of_range=tally.out_of_range,
        events_masked=tally.masked,
        monitor_counts=int(tally.monitor_counts.sum()),
        events_filtered=filtered + tally.filtered,
        events_invalid=tally.bad_pixel + tally.bad_time,
        events_displaced=beside.astray,
        events_bad_pixel=tally.bad_pixel,
        events_bad_time=tally.bad_time,
    )
    *closed, counts = _by_series(order, tally.counts)
    *closed_monitors, monitors = _by_series(order, tally.monitor_counts)
    *charges, charge = beside.charges_uc
    faded = None
    if beside.faded:
        faded = np.array([_by_series(order, each.counts)[-1] for each in beside.faded])
        monitors = _by_series(order, beside.faded[0].monitor_counts)[-1]
    return _analysed(
        ReductionResult(
            order=order,
            status=status,
            edges=order.settings.edges,
            counts=counts,
            faded=faded,
            charges_uc=tuple(charge.tolist()),
            series=tuple(
                SeriesResult(one.status, part.sum(axis=(0, 1)), float(uc.sum()), float(m.sum()))
                for one, part, uc, m in zip(
                    beside.closed, closed, charges, closed_monitors, strict=True
                )
            ),
            monitor_counts=tuple(monitors.tolist()),
            references=beside.references,
        ),
        seconds,
    )


def _by_series(order: ReductionOrder, cells: Cells) -> Cells:
    """Cells (series · slices, ...) as (series, slices, ...)."""
    return cells.reshape(-1, order.settings.filter.count, *cells.shape[1:])


def _analysed(result: ReductionResult, seconds: float) -> ReductionResult:
    """``result`` with what regions and peaks hold in it, and what is not there to be shown."""
    settings, sample = result.order.settings, sum_spectrum(result)
    by, measured = settings.corrections.normalisation, sample.measured
    y, variances = shown = sample.intensity(by)
    undefined, why = shortfall(measured, by, result.references, shown)
    return dataclasses.replace(
        result,
        status=dataclasses.replace(
            result.status, bins_undefined=undefined, normalisation_message=why
        ),
        regions=regions(
            settings.regions, settings.edges, measured.counts, measured.variances, seconds
        ),
        peaks=peaks(settings.peaks, settings.edges, y, np.sqrt(variances)),
    )


def counted(result: ReductionResult, settings: AcquisitionSettings) -> tuple[float, float]:
    """The counts that presets go by, and their standard error; none in a region without a sum."""
    if not settings.preset_region:
        total = 0.0 if result.counts is None else float(result.counts.sum())
        return total, math.sqrt(total)
    region = result.regions[settings.preset_region - 1]
    return (0.0, 0.0) if math.isnan(region.total) else (region.total, region.error)
