"""The result that the page shows, in the form in which results are saved.

A snapshot has the sum over slices and groups, with the settings that it obeys. What else files have
is read from the readings and spectra that are posted with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ioc.model.addresses import RANKS, STREAM, reduction_at
from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.options.program import DISTRIBUTION
from reduction.files.saved_parts import (
    CountsAndVariances,
    SavedIntensity,
    SavedRun,
    ValuesAndErrors,
)
from reduction.files.saved_result import SavedResult
from reduction.files.saved_result import time_ns as saved_time_ns
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.units import Units
from reduction.results.intensity_labels import intensity_name, intensity_units
from web.values.names import WebNames
from web.values.pv_value import WebValue
from web.values.result_spectra import GROUPS, SERIES, SLICES, ResultSpectra, SpectrumValues

ACCOUNTED = {
    "received": STREAM / "event_total",
    "pulses_missing": STREAM / "pulses_missing",
}
"""The address of each number of the accounting that all reductions share."""

ACCOUNTED_BY_REDUCTION = ("binned", "out_of_range", "masked", "filtered", "invalid")
"""The numbers of the accounting that a reduction has, in fields ``events_…`` of its status."""

SHAPE = ("slices", "groups", "series")
"""The readings that tell how many spectra a result has."""

ALL_PIXELS = ("all",)

OUTSIDE = "Outside"
"""The state of Invert with which what is outside the bounds counts."""


class NoResult(ValueError):
    """There is no result to save; the text says why."""


@dataclass(frozen=True, eq=False)
class TakenResult:
    """What was read of one result.

    - ``snapshot``, ``readings``: the sum, and numbers by what they are in a file
    - ``spectra``, ``values``: which further spectra a file has, and their values by name
    - ``left_out``: which spectra are left out, and why, in words; or empty
    """

    snapshot: WebValue
    readings: Mapping[str, float]
    spectra: ResultSpectra
    values: SpectrumValues
    left_out: str = ""


@dataclass(frozen=True, eq=False)
class SnapshotSettings:
    """The settings that a snapshot obeys, by the names of their process variables; its arrays."""

    parameters: dict[str, str]
    units: Units
    corrections: CorrectionSettings
    arrays: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class ResultSource:
    """The names of the process variables that a saved result is made of."""

    names: WebNames
    reduction: int
    version: str

    @property
    def snapshot(self) -> str:
        """The name of the snapshot."""
        return self.names.snapshots[self.reduction]

    @property
    def readings(self) -> Mapping[str, str]:
        """The names of the readings, by what they are in a file."""
        status = reduction_at(self.reduction) / "status"
        places = ACCOUNTED | {each: status / f"events_{each}" for each in ACCOUNTED_BY_REDUCTION}
        shape = reduction_at(self.reduction) / "shape"
        places |= {each: shape / each for each in SHAPE}
        places |= {
            "proton_charge": status / "proton_charge",
            "monitor_counts": status / "monitor_counts",
            "time_elapsed": RANKS / "acquisition" / "time_elapsed",
            "real_time_elapsed": RANKS / "acquisition" / "real_time_elapsed",
        }
        rows = {row.place: row for row in self._rows() if row.access is Access.READING}
        return {what: rows[place].name for what, place in places.items()}

    def spectra(self, snapshot: WebValue, readings: Mapping[str, float]) -> ResultSpectra:
        """The spectra that the file of a result has besides the sum; raises `NoResult`."""
        settings = self._settings(snapshot)
        shape = {each: readings[each] for each in SHAPE}
        return ResultSpectra.of(
            self.names.prefix,
            self.reduction,
            shape,
            sliced=bool(settings.parameters[self._setting("log")]),
            more=settings.corrections != CorrectionSettings(),
        )

    def result(self, taken: TakenResult) -> SavedResult:  # more than 40 lines: one a field
        """The result in ``taken``, which is of one result; raises `NoResult`."""
        snapshot, readings, spectra = taken.snapshot, taken.readings, taken.spectra
        settings = self._settings(snapshot)
        arrays, fields = settings.arrays, snapshot.fields or {}
        counts, variances = _cells(settings, taken)
        totals = spectra.totals(taken.values)
        accounted = (*ACCOUNTED, *ACCOUNTED_BY_REDUCTION)
        run = _run(fields)
        title = run.title or f"{self.names.prefix}Red{self.reduction + 1}"
        return SavedResult(
            title=f"{title}, {taken.left_out}" if taken.left_out else title,
            units=settings.units,
            edges=arrays["XE"],
            counts=counts,
            variances=variances,
            slice_log=settings.parameters[self._setting("log")] if spectra.slices else "",
            slice_bounds=spectra.bounds(taken.values),
            group_names=spectra.group_names(taken.values) or ALL_PIXELS,
            first_pulse=int(fields["pulse_first"]),
            last_pulse=int(fields["pulse_last"]),
            start_time_ns=snapshot.time_ns - round(readings["real_time_elapsed"] * 1e9),
            end_time_ns=snapshot.time_ns,
            proton_charge_uc=readings["proton_charge"],
            monitor_counts=sum(each.monitor_counts for each in totals)
            if totals
            else readings["monitor_counts"],
            accounting={each: int(readings[each]) for each in accounted},
            parameters=dict(settings.parameters),
            program=f"{DISTRIBUTION} {self.version}",
            series=spectra.closed_series(taken.values) if spectra.series else (),
            collection_time_s=sum(each.collection_time_s for each in totals)
            if totals
            else readings["time_elapsed"],
            run=run,
            intensity=_intensity(settings, taken),
            slice_totals=totals if spectra.slices else (),
            slice_log_units=spectra.slice_units(taken.values) if spectra.slices else "",
            outside=bool(spectra.slices)
            and settings.parameters[self._setting("invert")] == OUTSIDE,
        )

    def _settings(self, snapshot: WebValue) -> SnapshotSettings:
        """The settings that a snapshot obeys, and its arrays; raises `NoResult`."""
        arrays, fields = snapshot.arrays or {}, snapshot.fields or {}
        if not arrays or arrays["XE"].size < 2:
            raise NoResult("there is no result yet")
        parameters = dict(zip(fields["parameters.name"], fields["parameters.value"], strict=True))
        units = Units(parameters[self._setting("units")])
        return SnapshotSettings(parameters, units, self._corrections(parameters), arrays)

    def _corrections(self, parameters: Mapping[str, str]) -> CorrectionSettings:
        """The settings of normalisation, background and vanadium."""
        by, background, vanadium = (
            parameters[self._setting(field)]
            for field in ("normalisation", "background", "vanadium")
        )
        return CorrectionSettings(Normalisation(by), background, vanadium)

    def _setting(self, field: str) -> str:
        """The name of a setting of the reduction."""
        root = reduction_at(self.reduction) / "settings"
        places = (root / field, root / "corrections" / field, root / "filter" / field)
        return next(row.name for row in self._rows() if row.place in places)

    def _rows(self) -> list[PvRow]:
        return list(pv_rows(self.names.prefix, self.names.reductions))


def _cells(settings: SnapshotSettings, taken: TakenResult) -> CountsAndVariances:
    """Counts and variances of all cells, (slices, groups, n)."""
    spectra, values, arrays = taken.spectra, taken.values, settings.arrays
    if spectra.slices:
        counts, errors = (each[:, np.newaxis] for each in spectra.counts(values, SLICES))
    elif spectra.groups:
        counts, errors = (each[np.newaxis] for each in spectra.counts(values, GROUPS))
    else:
        counts, errors = (arrays[each][np.newaxis, np.newaxis] for each in ("YC", "E"))
    if settings.corrections != CorrectionSettings():  # the errors are not those of the counts
        return CountsAndVariances(counts, np.maximum(counts, 0))
    return CountsAndVariances(counts, (errors * np.diff(arrays["XE"])) ** 2)


def _intensity(settings: SnapshotSettings, taken: TakenResult) -> SavedIntensity | None:
    """Y and E of all spectra; None if they are just counts per unit of the axis."""
    units, corrections, spectra = settings.units, settings.corrections, taken.spectra
    if corrections == CorrectionSettings():
        return None
    y, e = settings.arrays["Y"], settings.arrays["E"]
    one, none = ValuesAndErrors(y[np.newaxis], e[np.newaxis]), np.empty((0, y.size))
    values = taken.values
    return SavedIntensity(
        intensity_name(units, corrections),
        intensity_units(units, corrections),
        not corrections.vanadium,
        ValuesAndErrors(y, e),
        spectra.intensities(values, SLICES) if spectra.slices else one,
        spectra.intensities(values, GROUPS) if spectra.groups else one,
        spectra.intensities(values, SERIES) if spectra.series else ValuesAndErrors(none, none),
    )


def _run(fields: Mapping[str, Any]) -> SavedRun:
    start = fields.get("run.start", "")
    return SavedRun(fields["run.name"], fields["run.title"], saved_time_ns(start) if start else 0)
