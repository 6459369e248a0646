"""The result that the page shows, in the form in which results are saved.

A snapshot has the sum over slices and groups, with the settings that it obeys. What else files have
is read from the readings that are posted with it. The proton charge is in no reading: it is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ioc.model.pvs import RANKS, STREAM, Access, PvRow, pv_rows, reduction_at
from ioc.options.program import DISTRIBUTION
from reduction.files.saved_parts import SavedIntensity, SavedRun, ValuesAndErrors
from reduction.files.saved_result import SavedResult
from reduction.files.saved_result import time_ns as saved_time_ns
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.units import Units
from reduction.results.intensity_labels import intensity_name, intensity_units
from web.values.names import WebNames
from web.values.pv_value import WebValue

ACCOUNTED = {
    "received": STREAM / "event_total",
    "pulses_missing": STREAM / "pulses_missing",
}
"""The address of each number of the accounting that all reductions share."""

ACCOUNTED_BY_REDUCTION = ("binned", "out_of_range", "masked", "filtered", "invalid")
"""The numbers of the accounting that a reduction has, in fields ``events_…`` of its status."""

ALL_PIXELS = ("all",)


class NoResult(ValueError):
    """There is no result to save; the text says why."""


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
        places |= {
            "monitor_counts": status / "monitor_counts",
            "time_elapsed": RANKS / "acquisition" / "time_elapsed",
            "real_time_elapsed": RANKS / "acquisition" / "real_time_elapsed",
        }
        rows = {row.place: row for row in self._rows() if row.access is Access.READING}
        return {what: rows[place].name for what, place in places.items()}

    def result(self, snapshot: WebValue, readings: Mapping[str, float]) -> SavedResult:
        """The result in ``snapshot``; raises `NoResult`.

        ``readings`` are numbers by what they are in a file.
        """
        arrays, fields = snapshot.arrays or {}, snapshot.fields or {}
        if not arrays or arrays["XE"].size < 2:
            raise NoResult("there is no result yet")
        parameters = dict(zip(fields["parameters.name"], fields["parameters.value"], strict=True))
        units = Units(parameters[self._setting("units")])
        intensity = _intensity(units, self._corrections(parameters), arrays)
        counts = arrays["YC"][np.newaxis, np.newaxis]
        variances = counts
        if intensity is None:  # else the errors are not those of the counts
            variances = ((arrays["E"] * np.diff(arrays["XE"])) ** 2)[np.newaxis, np.newaxis]
        accounted = (*ACCOUNTED, *ACCOUNTED_BY_REDUCTION)
        run = _run(fields)
        number = self.reduction + 1
        return SavedResult(
            title=run.title or f"{self.names.prefix}Red{number}",
            units=units,
            edges=arrays["XE"],
            counts=counts,
            variances=variances,
            slice_log="",
            slice_bounds=(),
            group_names=ALL_PIXELS,
            first_pulse=int(fields["pulse_first"]),
            last_pulse=int(fields["pulse_last"]),
            start_time_ns=snapshot.time_ns - round(readings["real_time_elapsed"] * 1e9),
            end_time_ns=snapshot.time_ns,
            proton_charge_uc=math.nan,
            monitor_counts=readings["monitor_counts"],
            accounting={each: int(readings[each]) for each in accounted},
            parameters=parameters,
            program=f"{DISTRIBUTION} {self.version}",
            collection_time_s=readings["time_elapsed"],
            run=run,
            intensity=intensity,
        )

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
        places = (root / field, root / "corrections" / field)
        return next(row.name for row in self._rows() if row.place in places)

    def _rows(self) -> list[PvRow]:
        return list(pv_rows(self.names.prefix, self.names.reductions))


def _intensity(
    units: Units, corrections: CorrectionSettings, arrays: Mapping[str, NDArray[np.float64]]
) -> SavedIntensity | None:
    """Y and E of a snapshot; None if they are just counts per unit of the axis."""
    if corrections == CorrectionSettings():
        return None
    y, e = arrays["Y"], arrays["E"]
    one = ValuesAndErrors(y[np.newaxis], e[np.newaxis])
    none = ValuesAndErrors(y[np.newaxis][:0], e[np.newaxis][:0])
    return SavedIntensity(
        intensity_name(units, corrections),
        intensity_units(units, corrections),
        not corrections.vanadium,
        ValuesAndErrors(y, e),
        one,
        one,
        none,
    )


def _run(fields: Mapping[str, Any]) -> SavedRun:
    start = fields.get("run.start", "")
    return SavedRun(fields["run.name"], fields["run.title"], saved_time_ns(start) if start else 0)
