"""Families of spectra: slices, groups and series, with the regions and peaks of each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np

from reduction.control.reports import ReductionResult
from reduction.parameters.limits import MOST_GROUPS, MOST_SERIES, MOST_SLICES, PEAKS, REGIONS
from reduction.parameters.readings import GroupReadings, SeriesReadings, SliceReadings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.windows import PeakStatus, RegionStatus
from reduction.results.columns import Columns, columns_of
from reduction.results.spectra import (
    MeasuredSpectrum,
    group_spectrum,
    series_spectrum,
    slice_spectrum,
)
from reduction.results.windows.analysis import peaks, regions


def _seconds_of_slice(result: ReductionResult, number: int) -> float:
    """The time measured in the pulses of a slice; 0 if the result does not have it."""
    return result.seconds[number] if number < len(result.seconds) else 0.0


def _seconds_of_group(result: ReductionResult, _number: int) -> float:
    """The time measured in all slices, which is the same for every group."""
    return sum(result.seconds)


def _seconds_of_series(result: ReductionResult, number: int) -> float:
    """The time measured in a closed series."""
    return result.series[number].seconds


@dataclass(frozen=True)
class SpectrumFamily:
    """A kind of spectra of which a result has several, for example slices.

    - ``name``: the name in process variables
    - ``of``: the dataclass of readings of one spectrum
    - ``most``: how many there can be
    - ``count``: how many a result has
    - ``sample``: makes the spectrum with a number, from 0
    - ``seconds``: gives the time measured, for the rates of its regions
    """

    name: str
    of: type[Any]
    most: int
    count: Callable[[ReductionResult], int]
    sample: Callable[[ReductionResult, int], MeasuredSpectrum]
    seconds: Callable[[ReductionResult, int], float]

    @property
    def field(self) -> str:
        """The field with the readings of the family, in `reduction.results.views.ReductionView`."""
        return self.name.lower()

    @property
    def columns_field(self) -> str:
        """The field with the columns of the family, in `reduction.results.views.ReductionView`."""
        return f"{self.field}_columns"


def _cells_along(axis: int) -> Callable[[ReductionResult], int]:
    """A function that gives the length of a result's counts along an axis."""
    return lambda result: np.asarray(result.counts).shape[axis]


def _closed_series(result: ReductionResult) -> int:
    return len(result.series)


FAMILIES = (
    SpectrumFamily(
        "Slices", SliceReadings, MOST_SLICES, _cells_along(0), slice_spectrum, _seconds_of_slice
    ),
    SpectrumFamily(
        "Groups", GroupReadings, MOST_GROUPS, _cells_along(1), group_spectrum, _seconds_of_group
    ),
    SpectrumFamily(
        "Series", SeriesReadings, MOST_SERIES, _closed_series, series_spectrum, _seconds_of_series
    ),
)


class SpectrumAnalysis(NamedTuple):
    """All regions and peaks of one spectrum."""

    regions: Sequence[RegionStatus] = (RegionStatus(),) * REGIONS
    peaks: Sequence[PeakStatus] = (PeakStatus(),) * PEAKS


def analyse_spectrum(
    settings: ReductionSettings, sample: MeasuredSpectrum, seconds: float
) -> SpectrumAnalysis:
    """The regions and peaks of ``sample``, which was counted for ``seconds``.

    A region takes 0.03 ms, a peak some ms.
    """
    edges, measured = settings.edges, sample.measured
    y, variances = sample.intensity(settings.corrections.normalisation)
    return SpectrumAnalysis(
        regions(settings.regions, edges, measured.counts, measured.variances, seconds),
        peaks(settings.peaks, edges, y, np.sqrt(variances)),
    )


@dataclass(frozen=True)
class FamilyView:
    """The columns of each region and of each peak: one value for each spectrum of a family."""

    regions: Sequence[Columns]
    peaks: Sequence[Columns]

    @classmethod
    def of(cls, found: Sequence[SpectrumAnalysis]) -> Self:
        """The columns, given the analysis of each spectrum."""
        return cls(
            [columns_of(RegionStatus, [each.regions[n] for each in found]) for n in range(REGIONS)],
            [columns_of(PeakStatus, [each.peaks[n] for each in found]) for n in range(PEAKS)],
        )

    @classmethod
    def blank(cls, count: int) -> Self:
        """The columns of so many spectra that are not analysed; each takes the memory of one."""
        one = cls.of([SpectrumAnalysis()])
        return cls(
            [_repeated(each, count) for each in one.regions],
            [_repeated(each, count) for each in one.peaks],
        )


def _repeated(columns: Columns, count: int) -> Columns:
    """Columns of one value, with that value ``count`` times."""
    return MappingProxyType(
        {name: np.broadcast_to(column, (count,)) for name, column in columns.items()}
    )
