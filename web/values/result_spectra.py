"""The slices, groups and closed series of a result: what is read of them, and what files hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ioc.model.numbered import NUMBERED_SPECTRA, NumberedSpectra
from ioc.model.pvs import reduction_prefix
from reduction.files.saved_parts import SavedSeries, SliceTotals, ValuesAndErrors
from reduction.parameters.fields import specs_of
from reduction.results.arrays import FloatArray
from reduction.results.families import FAMILIES
from web.values.pv_value import WebValue

SLICES, GROUPS, SERIES = NUMBERED_SPECTRA

SLICE_COLUMNS = ("low", "high", "proton_charge", "monitor_counts", "time_elapsed")
SERIES_COLUMNS = ("pulse_first", "pulse_last", "proton_charge", "time_elapsed", "monitor_counts")
"""The fields of the columns that are read, those of `SavedSeries` after its counts."""

MOST_MEMBERS = 1000
MOST_VALUES = 4_000_000
"""Most spectra that are read for a file besides the sum, and most values of them."""

SpectrumValues = Mapping[str, WebValue]
"""Values of process variables by their names."""


@dataclass(frozen=True)
class ResultSpectra:
    """The spectra of a result that a file has besides the sum; all names begin with ``prefix``.

    A file has slices over all groups, or, if nothing is sliced, groups.

    - ``slices``, ``groups``: how many; 0 if there is only the sum
    - ``series``: how many closed series
    - ``intensity``: whether Y is more than counts per unit of the axis
    """

    prefix: str
    slices: int = 0
    groups: int = 0
    series: int = 0
    intensity: bool = False

    @classmethod
    def of(
        cls, prefix: str, reduction: int, shape: Mapping[str, float], *, sliced: bool, more: bool
    ) -> ResultSpectra:
        """Those of a result; ``shape`` has the numbers of its slices, groups and series by name.

        ``reduction`` is its index from 0. ``sliced``: whether slices are by a log. ``more``:
        whether Y is more than counts per unit of the axis.
        """
        return cls(
            prefix + reduction_prefix(reduction),
            slices=int(shape["slices"]) if sliced else 0,
            groups=int(shape["groups"]) if shape["groups"] > 1 and not sliced else 0,
            series=int(shape["series"]),
            intensity=more,
        )

    @property
    def count(self) -> int:
        """How many spectra these are."""
        return self.slices + self.groups + self.series

    def fits(self, bins: int) -> bool:
        """Whether they are few enough for a file."""
        values = self.count * bins * len(self._arrays)
        return self.count <= MOST_MEMBERS and values <= MOST_VALUES

    def are_of(self, values: SpectrumValues, bins: int) -> bool:
        """Whether all values that are read have the shape of a result with so many bins."""
        shapes = ((SLICES, self.slices), (GROUPS, self.groups), (SERIES, self.series))
        spectra = all(
            _array(values[self._name(kind, number, field)]).size == bins
            for kind, count in shapes
            for number in range(count)
            for field in self._arrays
        )
        columns = (SLICES, self.slices, SLICE_COLUMNS), (SERIES, self.series, SERIES_COLUMNS)
        return spectra and all(
            self._values(values, kind, field).size == count
            for kind, count, fields in columns
            for field in fields
            if count
        )

    @property
    def _arrays(self) -> tuple[str, ...]:
        return ("yc", "e", "y") if self.intensity else ("yc", "e")

    @property
    def names(self) -> Sequence[str]:
        """The names of all process variables that are read."""
        return list(self._names())

    def _names(self) -> Iterator[str]:
        for number in range(self.slices):
            yield from (self._name(SLICES, number, field) for field in self._arrays)
        for number in range(self.groups):
            fields = (*self._arrays, "pixels")
            yield from (self._name(GROUPS, number, field) for field in fields)
        for number in range(self.series):
            yield from (self._name(SERIES, number, field) for field in self._arrays)
        yield from (self._column(SLICES, field) for field in SLICE_COLUMNS)
        if self.series:
            yield from (self._column(SERIES, field) for field in SERIES_COLUMNS)

    def _name(self, spectra: NumberedSpectra, number: int, field: str) -> str:
        """The name of a reading of one spectrum, by its index from 0."""
        return f"{self.prefix}{spectra.name}{number + 1}:{_pv(spectra, field)}"

    def _column(self, spectra: NumberedSpectra, field: str) -> str:
        """The name of an array with one value for each spectrum."""
        family = next(each for each in FAMILIES if each.field == spectra.field)
        return f"{self.prefix}{family.name}:{_pv(spectra, field)}"

    def bounds(self, values: SpectrumValues) -> tuple[tuple[float, float], ...]:
        """The lower and upper value of each slice."""
        low, high = (self._values(values, SLICES, each) for each in SLICE_COLUMNS[:2])
        return tuple(zip(low.tolist(), high.tolist(), strict=True))[: self.slices]

    def slice_units(self, values: SpectrumValues) -> str:
        """The unit of the log of the slices; empty if it is not known."""
        return values[self._column(SLICES, "low")].metadata.units or ""

    def totals(self, values: SpectrumValues) -> tuple[SliceTotals, ...]:
        """What was measured in the pulses of each slice; empty if it is not known."""
        columns = [self._values(values, SLICES, each) for each in SLICE_COLUMNS[2:]]
        if not all(np.isfinite(each).all() for each in columns):
            return ()
        return tuple(SliceTotals(*map(float, row)) for row in zip(*columns, strict=True))

    def group_names(self, values: SpectrumValues) -> tuple[str, ...]:
        """The name of each group."""
        names = (self._name(GROUPS, number, "pixels") for number in range(self.groups))
        return tuple(str(values[name].value) for name in names)

    def closed_series(self, values: SpectrumValues) -> tuple[SavedSeries, ...]:
        """The closed series."""
        columns = [self._values(values, SERIES, each) for each in SERIES_COLUMNS]
        counts = self._spectra(values, SERIES, "yc")
        rows = zip(counts, *columns, strict=True)
        return tuple(
            SavedSeries(one, int(first), int(last), *map(float, more))
            for one, first, last, *more in rows
        )

    def counts(self, values: SpectrumValues, spectra: NumberedSpectra) -> ValuesAndErrors:
        """The counts of spectra, and the errors of their intensities, (spectra, n) each."""
        return ValuesAndErrors(
            self._spectra(values, spectra, "yc"), self._spectra(values, spectra, "e")
        )

    def intensities(self, values: SpectrumValues, spectra: NumberedSpectra) -> ValuesAndErrors:
        """The intensities of spectra and their errors, (spectra, n) each."""
        return ValuesAndErrors(
            self._spectra(values, spectra, "y"), self._spectra(values, spectra, "e")
        )

    def _spectra(self, values: SpectrumValues, spectra: NumberedSpectra, field: str) -> FloatArray:
        count = {SLICES: self.slices, GROUPS: self.groups, SERIES: self.series}[spectra]
        return np.array([_array(values[self._name(spectra, n, field)]) for n in range(count)])

    def _values(self, values: SpectrumValues, spectra: NumberedSpectra, field: str) -> FloatArray:
        """The values of a column, (spectra,)."""
        reading = values.get(self._column(spectra, field))
        return np.empty(0) if reading is None else _array(reading)


def _pv(spectra: NumberedSpectra, field: str) -> str:
    return next(spec.pv for name, spec in specs_of(spectra.readings) if name == field)


def _array(value: WebValue) -> FloatArray:
    return (value.arrays or {}).get("value", np.empty(0))
