"""Makes the report of rank 0 from the figures and cells of all ranks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder
from reduction.control.reports import (
    RanksReport,
    ReductionResult,
    References,
    SeriesResult,
    ViewsResult,
)
from reduction.control.run_state import RunState
from reduction.engines.protocol import Cells, EventTally
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.parameters.all_reductions.readings import BackendStatus, EventLogStatus, StreamStatus
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.readings import ReductionStatus
from reduction.ranks.counting.pipeline import PulseSums
from reduction.ranks.reporting.result_tick import RankFigures
from reduction.results.normalisation import undefined_bins
from reduction.results.spectra import sum_spectrum
from reduction.results.windows.analysis import peaks, regions

MANY_BYTES = 1 << 20
"""Counts that take so many bytes are sent in fewer, if they can be."""


@dataclass(frozen=True, eq=False)
class ReductionSums:
    """The results of one reduction, summed over ranks.

    - ``order``: the order that the reduction obeys
    - ``tally``: where each event was counted
    - ``displaced``: displaced events, which may be counted one bin away
    - ``pulses``: proton charge and time of the pulses
    - ``closed``: the series before the running one
    - ``faded``: if events fade, the sums of their weights and of the squares; empty if not
    - ``references``: background and vanadium
    - ``views``: image, map and picked spectrum, if they are due
    - ``views_generation``: the generation of the last of these; -1: there are none
    """

    order: ReductionOrder
    tally: EventTally
    displaced: int
    pulses: PulseSums
    closed: Sequence[SeriesStatus]
    faded: Sequence[EventTally]
    references: References
    views: ViewsResult | None = None
    views_generation: int = -1


@dataclass(frozen=True, eq=False)
class RanksSums:
    """What a report is made of.

    - ``revision``: the order that the latest results obey
    - ``engine``: name and version
    - ``ranks``: how many there are
    - ``figures``: summed over ranks
    - ``last_pulse_ns``: time of the last pulse accumulated, 0 if there is none
    - ``stream``, ``acquisition``: their readings
    - ``reductions``: one for each; empty while no result is due
    - ``logs``: names of the logs that slices can be of
    - ``message``: what is wrong, or empty
    - ``run``: which pulses count
    - ``catching_up``: whether the event log is read again
    - ``caught_up_share``: which share of it is read
    """

    revision: int
    engine: str
    ranks: int
    figures: RankFigures
    last_pulse_ns: int
    stream: StreamStatus
    acquisition: AcquisitionStatus
    reductions: Sequence[ReductionSums]
    logs: tuple[str, ...]
    message: str
    run: RunState
    catching_up: bool
    caught_up_share: float


def ranks_report(sums: RanksSums) -> RanksReport:
    """The report of all ranks."""
    figures = sums.figures
    return RanksReport(
        revision=sums.revision,
        pulse_time_ns=sums.last_pulse_ns,
        event_log=EventLogStatus(
            log_behind=figures.log_behind,
            messages_dropped=figures.log_dropped,
            messages_late=figures.faults.late,
            messages_unnumbered=figures.faults.unnumbered,
            catch_up=100 * sums.caught_up_share,
            pulses_lost=sums.run.lost,
        ),
        stream=sums.stream,
        acquisition=sums.acquisition,
        backend=BackendStatus(
            engine=sums.engine,
            ranks=sums.ranks,
            retained_events=figures.retained,
            folded_events=figures.folded,
            retained_fraction=1 - figures.folded / max(figures.retained + figures.folded, 1),
            memory_use=figures.resident_bytes,
        ),
        results=tuple(_analysed(_result(each, figures.filtered)) for each in sums.reductions),
        unaccounted=_unaccounted(sums),
        logs=sums.logs,
        message=sums.message,
        run=sums.run,
        catching_up=sums.catching_up,
    )


def _unaccounted(sums: RanksSums) -> int:
    """The largest number of events that are not accounted for, in any reduction or rank."""
    figures = sums.figures
    accounted = (figures.filtered + each.tally.events for each in sums.reductions)
    return max(figures.unaccounted, *(abs(figures.received - events) for events in accounted), 0)


def _result(sums: ReductionSums, filtered: int) -> ReductionResult:
    order, tally = sums.order, sums.tally
    *closed, counts = _by_series(order, tally.counts)
    *closed_monitors, monitors = _by_series(order, tally.monitor_counts)
    *closed_charges, charges = sums.pulses.charges_uc
    *closed_seconds, seconds = sums.pulses.seconds
    faded = None
    if sums.faded:
        faded = np.array([_by_series(order, each.counts)[-1] for each in sums.faded])
        monitors = _by_series(order, sums.faded[0].monitor_counts)[-1]
    return ReductionResult(
        order=order,
        status=_status(sums, filtered, float(charges.sum())),
        edges=order.settings.edges,
        counts=in_few_bytes(counts),
        faded=faded,
        charges_uc=tuple(charges.tolist()),
        seconds=tuple(seconds.tolist()),
        series=tuple(
            SeriesResult(
                one, cells.sum(axis=(0, 1)), float(uc.sum()), float(m.sum()), float(s.sum())
            )
            for one, cells, uc, m, s in zip(
                sums.closed, closed, closed_charges, closed_monitors, closed_seconds, strict=True
            )
        ),
        monitor_counts=tuple(monitors.tolist()),
        references=sums.references,
        views=sums.views,
        views_generation=sums.views_generation,
    )


def in_few_bytes(counts: NDArray[np.int64]) -> NDArray[np.signedinteger[Any]]:
    """``counts`` as they are, or contiguous and in the smallest type that holds all of many counts.

    41 MB would take the IOC tens of milliseconds each time to receive and to give back.
    """
    if counts.nbytes < MANY_BYTES:
        return counts
    least, most = counts.min(), counts.max()
    for kind in (np.int16, np.int32):
        limits = np.iinfo(kind)
        if limits.min <= least and most <= limits.max:
            return counts.astype(kind, order="C")
    return counts


def _status(sums: ReductionSums, filtered: int, charge_uc: float) -> ReductionStatus:
    """The readings of a reduction.

    ``filtered`` events were left out of all reductions; ``charge_uc`` is the charge of the running
    series.
    """
    tally = sums.tally
    return ReductionStatus(
        generation=sums.order.generation,
        events_binned=tally.binned,
        events_out_of_range=tally.out_of_range,
        events_masked=tally.masked,
        monitor_counts=int(tally.monitor_counts.sum()),
        proton_charge=charge_uc,
        events_filtered=filtered + tally.filtered,
        events_invalid=tally.bad_pixel + tally.bad_time,
        events_displaced=sums.displaced,
        events_bad_pixel=tally.bad_pixel,
        events_bad_time=tally.bad_time,
    )


def _by_series(order: ReductionOrder, cells: Cells) -> Cells:
    """Cells (series · slices, ...) as (series, slices, ...)."""
    return cells.reshape(-1, order.settings.filter.count, *cells.shape[1:])


def _analysed(result: ReductionResult) -> ReductionResult:
    """``result`` with its regions and peaks, and with how many bins have no value and why."""
    settings, spectrum = result.order.settings, sum_spectrum(result)
    by, measured = settings.corrections.normalisation, spectrum.measured
    intensity = spectrum.intensity(by)
    undefined, why = undefined_bins(measured, by, result.references, intensity)
    return dataclasses.replace(
        result,
        status=dataclasses.replace(
            result.status, bins_undefined=undefined, normalisation_message=why
        ),
        regions=regions(
            settings.regions,
            settings.edges,
            measured.counts,
            measured.variances,
            sum(result.seconds),
        ),
        peaks=peaks(settings.peaks, settings.edges, intensity.values, np.sqrt(intensity.variances)),
    )


@dataclass(frozen=True)
class PresetCount:
    """The counts that a preset is compared with, and their standard error."""

    total: float
    error: float


def preset_count(result: ReductionResult, settings: AcquisitionSettings) -> PresetCount:
    """The counts that a preset is compared with; 0 in a region without a sum."""
    if not settings.preset_region:
        total = 0.0 if result.counts is None else float(result.counts.sum())
        return PresetCount(total, math.sqrt(total))
    region = result.regions[settings.preset_region - 1]
    return PresetCount(region.total, region.error) if region.ok else PresetCount(0.0, 0.0)
