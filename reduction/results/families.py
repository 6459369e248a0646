"""Families of spectra, slices, groups and series, and one value for each of their spectra."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from reduction.control.reports import ReductionResult
from reduction.parameters.readings import (
    GroupReadings,
    OptionalArray,
    SeriesReadings,
    SliceReadings,
)
from reduction.parameters.reduction import MOST_GROUPS, MOST_SLICES, ReductionSettings
from reduction.parameters.series import MOST_SERIES
from reduction.parameters.specs import Array, Float, reading, specs
from reduction.parameters.windows import PEAKS, REGIONS, PeakStatus, RegionStatus
from reduction.results.analysis import peaks, regions
from reduction.results.spectra import (
    MeasuredSpectrum,
    group_spectrum,
    series_spectrum,
    slice_spectrum,
)

OWN_PACE = "One value a spectrum, at its own pace."


def arrays_of(kind: type[Any], most: int, details: str = "") -> type[Any]:
    """A dataclass with the numbers of ``kind``, each as an array of one value a spectrum.

    Its fields are (n,) float64, or None where there is no such family, and n is up to ``most``.
    ``of`` makes it of a sequence of ``kind``. Specs are those of ``kind`` and have ``details`` too.
    """
    fields = [
        (name, OptionalArray, reading(_array(spec, most, details), None))
        for name, spec in specs(kind)
        if isinstance(spec, Float)
    ]
    namespace = {"of": classmethod(_stacked)}
    name = f"{kind.__name__}Arrays"
    return dataclasses.make_dataclass(name, fields, frozen=True, eq=False, namespace=namespace)


def _array(spec: Float, most: int, details: str) -> Array:
    return Array(
        pv=spec.pv,
        description=spec.description,
        details=" ".join(filter(None, (spec.details, details))),
        units=spec.units,
        precision=spec.precision,
        most=most,
    )


def _stacked(kind: type[Any], ones: Sequence[Any]) -> Any:
    names = [each.name for each in dataclasses.fields(kind)]
    # One after the other: each may be made when it is asked for.
    rows = np.array([[getattr(one, name) for name in names] for one in ones], np.float64)
    return kind(*rows.reshape(-1, len(names)).T)


def _of_all(_result: ReductionResult, _number: int, seconds: float) -> float:
    return seconds


def _of_series(result: ReductionResult, number: int, _seconds: float) -> float:
    return result.series[number].status.time_elapsed


@dataclass(frozen=True)
class SpectrumFamily:
    """Spectra side by side, ``name`` of them in process variables, at most ``most``.

    ``of`` is the dataclass of each. ``count`` tells how many a result has, ``sample`` makes one,
    ``seconds`` tells in what time it was counted, given the time of all.
    """

    name: str
    of: type[Any]
    most: int
    count: Callable[[ReductionResult], int]
    sample: Callable[[ReductionResult, int], MeasuredSpectrum]
    seconds: Callable[[ReductionResult, int, float], float] = _of_all

    @property
    def field(self) -> str:
        """Where it stands in a view."""
        return self.name.lower()

    @functools.cached_property
    def members(self) -> type[Any]:
        """The numbers of its spectra, as arrays."""
        return arrays_of(self.of, self.most)

    @functools.cached_property
    def regions(self) -> type[Any]:
        """What a region holds in each spectrum, as arrays."""
        return arrays_of(RegionStatus, self.most, OWN_PACE)

    @functools.cached_property
    def peaks(self) -> type[Any]:
        """A peak in each spectrum, as arrays."""
        return arrays_of(PeakStatus, self.most, OWN_PACE)


def _along(axis: int) -> Callable[[ReductionResult], int]:
    return lambda result: np.asarray(result.counts).shape[axis]


def _series(result: ReductionResult) -> int:
    return len(result.series)


FAMILIES = (
    SpectrumFamily("Slices", SliceReadings, MOST_SLICES, _along(0), slice_spectrum),
    SpectrumFamily("Groups", GroupReadings, MOST_GROUPS, _along(1), group_spectrum),
    SpectrumFamily("Series", SeriesReadings, MOST_SERIES, _series, series_spectrum, _of_series),
)


class SpectrumAnalysis(NamedTuple):
    """What all regions and peaks show in one spectrum."""

    regions: Sequence[RegionStatus] = (RegionStatus(),) * REGIONS
    peaks: Sequence[PeakStatus] = (PeakStatus(),) * PEAKS


def analyse_spectrum(
    settings: ReductionSettings, sample: MeasuredSpectrum, seconds: float
) -> SpectrumAnalysis:
    """Regions and peaks of ``sample``, measured in ``seconds``.

    Takes 0.03 ms a region and some ms a peak.
    """
    edges, measured = settings.edges, sample.measured
    y, variances = sample.intensity(settings.corrections.normalisation)
    return SpectrumAnalysis(
        regions(settings.regions, edges, measured.counts, measured.variances, seconds),
        peaks(settings.peaks, edges, y, np.sqrt(variances)),
    )


@dataclass(frozen=True)
class FamilyView:
    """The arrays of each region and of each peak of a family."""

    regions: Sequence[Any]
    peaks: Sequence[Any]

    @classmethod
    def of(cls, family: SpectrumFamily, found: Sequence[SpectrumAnalysis]) -> Self:
        """The arrays, given the analysis of each spectrum."""
        return cls(
            [family.regions.of([each.regions[n] for each in found]) for n in range(REGIONS)],
            [family.peaks.of([each.peaks[n] for each in found]) for n in range(PEAKS)],
        )
