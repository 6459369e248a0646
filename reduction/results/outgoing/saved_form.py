"""A result in the form in which it is saved: counts, intensities, peaks and regions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from reduction.control.reports import RanksReport, ReductionResult
from reduction.files.saved_parts import (
    SavedIntensity,
    SavedPicture,
    SavedRun,
    SavedSeries,
    SavedWindow,
    SliceTotals,
    ValuesAndErrors,
    WindowReadings,
)
from reduction.files.saved_result import SavedResult
from reduction.instrument.selection import group_names
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.specs import Refused
from reduction.parameters.windows import WindowSettings
from reduction.results.families import FAMILIES, SpectrumFamily, analyse_spectrum
from reduction.results.intensity_labels import intensity_name, intensity_units
from reduction.results.spectra import MeasuredSpectrum, sum_spectrum

MOST_FITS = 500
"""Most peaks that are fitted for a file in all slices, groups and series: some ms each."""


@dataclass(frozen=True)
class SavingLabels:
    """What a saved result says of itself besides what the ranks report.

    - ``title``: its title, if the run has none
    - ``parameters``: every accepted setting, by the name of its process variable
    - ``program``: name and version of the program
    - ``slice_log_units``: the unit of the log of the slices; empty: not known
    - ``pictures``: detector image and map, if they are made
    """

    title: str
    parameters: dict[str, Any]
    program: str
    slice_log_units: str = ""
    pictures: tuple[SavedPicture, ...] = ()


def saved_form(  # more than 40 lines: one for each field of what is saved
    report: RanksReport, result: ReductionResult, labels: SavingLabels
) -> SavedResult:
    """The result of one reduction of ``report``, ready to be saved; takes up to some seconds.

    Raises `Refused` if the result has no histogram, ValueError if its parts do not fit together.
    """
    if result.edges is None or result.counts is None:
        raise Refused("Write", labels.title, "the result has no histogram")
    settings, stream, run = result.order.settings, report.stream, report.run.facility_run
    counts, variances = (
        (result.counts.astype(np.float64),) * 2 if result.faded is None else result.faded
    )
    span_ns = round(report.acquisition.real_time_elapsed * 1e9)
    return SavedResult(
        title=run.title or labels.title,
        units=settings.units,
        edges=result.edges,
        counts=counts,
        variances=np.maximum(variances, 0),
        slice_log=settings.filter.log,
        slice_bounds=settings.filter.bounds,
        group_names=group_names(settings.detectors),
        first_pulse=stream.pulse_first,
        last_pulse=stream.pulse_last,
        start_time_ns=report.pulse_time_ns - span_ns,
        end_time_ns=report.pulse_time_ns,
        collection_time_s=sum(result.seconds),
        proton_charge_uc=sum(result.charges_uc),
        monitor_counts=float(sum(result.monitor_counts)),
        accounting=_accounting(report, result),
        parameters=labels.parameters,
        program=labels.program,
        series=_series(result),
        run=SavedRun(run.name, run.title, run.start_ns),
        intensity=_intensity(result),
        slice_totals=_slice_totals(result),
        slice_log_units=labels.slice_log_units,
        outside=bool(settings.filter.log and settings.filter.invert),
        peaks=tuple(_windows(result, "peaks", settings.peaks)),
        regions=tuple(_windows(result, "regions", settings.regions)),
        pictures=labels.pictures,
    )


def _accounting(report: RanksReport, result: ReductionResult) -> dict[str, int]:
    """The number of events in each class of the accounting, and of missing pulses."""
    status, stream = result.status, report.stream
    return {
        "received": stream.event_total,
        "binned": status.events_binned,
        "out_of_range": status.events_out_of_range,
        "masked": status.events_masked,
        "filtered": status.events_filtered,
        "invalid": status.events_invalid,
        "pulses_missing": stream.pulses_missing,
    }


def _series(result: ReductionResult) -> tuple[SavedSeries, ...]:
    return tuple(
        SavedSeries(
            each.counts.astype(np.float64),
            each.status.pulse_first,
            each.status.pulse_last,
            each.charge_uc,
            each.seconds,
            float(each.monitor_counts),
        )
        for each in result.series
    )


def _slice_totals(result: ReductionResult) -> tuple[SliceTotals, ...]:
    """Charge, monitor counts and time of each slice; empty if the report lacks them."""
    assert result.counts is not None
    columns = result.charges_uc, result.monitor_counts, result.seconds
    if any(len(each) != len(result.counts) for each in columns):
        return ()
    return tuple(SliceTotals(*map(float, row)) for row in zip(*columns, strict=True))


def _intensity(result: ReductionResult) -> SavedIntensity | None:
    """The intensities that clients see; None if they are just counts per unit of the axis."""
    settings = result.order.settings
    corrections = settings.corrections
    if corrections == CorrectionSettings():
        return None
    slices, groups, series = (
        _spectra(result, [family.sample(result, n) for n in range(family.count(result))])
        for family in FAMILIES
    )
    total = _spectra(result, [sum_spectrum(result)])
    return SavedIntensity(
        intensity_name(settings.units, corrections),
        intensity_units(settings.units, corrections),
        not corrections.vanadium,
        ValuesAndErrors(total.values[0], total.errors[0]),
        slices,
        groups,
        series,
    )


def _spectra(result: ReductionResult, samples: Sequence[MeasuredSpectrum]) -> ValuesAndErrors:
    """The intensities of spectra, (spectra, n)."""
    assert result.edges is not None
    by = result.order.settings.corrections.normalisation
    found = [sample.intensity(by) for sample in samples]
    shape = len(samples), result.edges.size - 1
    values, variances = (
        np.array([each[part] for each in found], np.float64).reshape(shape) for part in (0, 1)
    )
    return ValuesAndErrors(values, np.sqrt(variances))


def _windows(
    result: ReductionResult, field: str, windows: Sequence[WindowSettings]
) -> Iterator[SavedWindow]:
    """What was found in each window that is set; ``field`` is ``peaks`` or ``regions``."""
    of_sum = getattr(result, field)
    used = {n: window for n, window in enumerate(windows) if window.used and n < len(of_sum)}
    found: dict[int, dict[str, Any]] = {n: {"sum": (of_sum[n],)} for n in used}
    for family in FAMILIES if used else ():
        for n, readings in _in_family(result, family, field, used).items():
            found[n][family.field] = readings
    for n, window in used.items():
        every: WindowReadings = MappingProxyType(found[n])
        yield SavedWindow(n + 1, window.minimum, window.maximum, every)


def _in_family(
    result: ReductionResult, family: SpectrumFamily, field: str, used: dict[int, WindowSettings]
) -> dict[int, tuple[Any, ...]]:
    """What was found in the windows ``used`` of each spectrum of a family, by window.

    Nothing of a family of one spectrum, which is that of the sum, and nothing if there were more
    than `MOST_FITS` fits.
    """
    count = family.count(result)
    alone = count == 1 and family.field != "series"
    if not count or alone or (field == "peaks" and count * len(used) > MOST_FITS):
        return {}
    settings = result.order.settings
    if field == "peaks":
        settings = dataclasses.replace(settings, regions=())
    else:
        settings = dataclasses.replace(settings, peaks=())
    every = [
        analyse_spectrum(settings, family.sample(result, n), family.seconds(result, n))
        for n in range(count)
    ]
    found = [getattr(each, field) for each in every]
    return {n: tuple(each[n] for each in found) for n in used}
