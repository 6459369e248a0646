"""Makes the readings of a reduction from its result."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from reduction.control.facility_run import FacilityRun
from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult
from reduction.instrument.selection import group_names
from reduction.parameters.all_reductions.readings import StreamStatus
from reduction.parameters.corrections import Normalisation
from reduction.parameters.readings import (
    DetectorFileReadings,
    GroupReadings,
    HistogramReadings,
    ReductionShape,
    ReductionStatus,
    SeriesReadings,
    SliceReadings,
    SpectrumReadings,
)
from reduction.parameters.units import Units
from reduction.parameters.windows import PeakStatus, RegionStatus
from reduction.results.columns import Columns, columns_of
from reduction.results.spectra import (
    MeasuredSpectrum,
    group_spectrum,
    series_spectrum,
    slice_spectrum,
    sum_spectrum,
)

ReadingT = TypeVar("ReadingT")
CountsT = TypeVar("CountsT", bound=HistogramReadings)


class LazySequence(Sequence[ReadingT], Generic[ReadingT]):
    """A sequence that makes an item at each access; most items are never accessed."""

    def __init__(self, count: int, make: Callable[[int], ReadingT]) -> None:
        self._numbers, self._make = range(count), make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> ReadingT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ReadingT]: ...
    def __getitem__(self, index: int | slice) -> ReadingT | Sequence[ReadingT]:
        numbers = self._numbers[index]
        return self._make(numbers) if isinstance(numbers, int) else [self._make(n) for n in numbers]


@dataclass(frozen=True, eq=False)
class SpectrumAxis:
    """Edges ``xe`` (bins + 1,) and centres ``x`` (bins,) in ``units``, float64."""

    units: Units
    x: NDArray[np.float64]
    xe: NDArray[np.float64]

    @classmethod
    def of(
        cls, units: Units, edges: NDArray[np.float64], former: SpectrumAxis | None
    ) -> SpectrumAxis:
        """The axis with these edges, (bins + 1,).

        If ``former`` has the same edges, ``former`` is returned, so that arrays are not sent again.
        """
        if former is not None and former.units == units and np.array_equal(former.xe, edges):
            return former
        return cls(units, (edges[:-1] + edges[1:]) / 2, edges)


@dataclass(frozen=True)
class ReductionView:
    """The readings of one reduction, all of one result. `ioc.model.pvs` has the paths to them."""

    axis: SpectrumAxis
    status: ReductionStatus
    shape: ReductionShape
    detector_files: DetectorFileReadings
    spectrum: SpectrumReadings
    slices: Sequence[SliceReadings]
    groups: Sequence[GroupReadings]
    series: Sequence[SeriesReadings]
    regions: Sequence[RegionStatus]
    peaks: Sequence[PeakStatus]

    @property
    def slices_columns(self) -> Columns:
        """One value for each slice."""
        return columns_of(SliceReadings, self.slices)

    @property
    def groups_columns(self) -> Columns:
        """One value for each detector group."""
        return columns_of(GroupReadings, self.groups)

    @property
    def series_columns(self) -> Columns:
        """One value for each closed series."""
        return columns_of(SeriesReadings, self.series)


@dataclass(frozen=True)
class PostedReduction:
    """The values in the process variables of a reduction, with their order, pulses and run."""

    view: ReductionView
    order: ReductionOrder
    stream: StreamStatus
    run: FacilityRun = field(default_factory=FacilityRun)


def reduction_view(result: ReductionResult, former: ReductionView | None) -> ReductionView | None:
    """The readings of ``result``, None if it has no histogram; ``former`` are the last ones."""
    if result.edges is None or result.counts is None:
        return None
    settings = result.order.settings
    by = settings.corrections.normalisation
    axis = SpectrumAxis.of(settings.units, result.edges, former.axis if former else None)
    intervals = settings.filter.bounds or ((-np.inf, np.inf),)
    names, read = group_names(settings.detectors), settings.detectors.read

    def in_slice(n: int) -> SliceReadings:
        return _slice_readings(result, n, *intervals[n])

    def in_group(n: int) -> GroupReadings:
        return _spectrum(GroupReadings, group_spectrum(result, n), by, pixels=names[n])

    slices, groups = result.counts.shape[:2]
    series = len(result.series)
    return ReductionView(
        axis,
        result.status,
        ReductionShape(slices, groups, series),
        DetectorFileReadings(read.calibration, read.mask, read.groups),
        _spectrum(SpectrumReadings, sum_spectrum(result), by, x=axis.x, xe=axis.xe),
        LazySequence(slices, in_slice),
        LazySequence(groups, in_group),
        LazySequence(series, functools.partial(_series_readings, result)),
        result.regions,
        result.peaks,
    )


def _slice_readings(result: ReductionResult, number: int, low: float, high: float) -> SliceReadings:
    """The readings of a slice from ``low`` to ``high``, by its index from 0."""
    return _spectrum(
        SliceReadings,
        slice_spectrum(result, number),
        result.order.settings.corrections.normalisation,
        low=low,
        high=high,
        middle=(low + high) / 2,
        proton_charge=_of_slice(result.charges_uc, number),
        monitor_counts=_of_slice(result.monitor_counts, number),
        time_elapsed=_of_slice(result.seconds, number),
    )


def _series_readings(result: ReductionResult, number: int) -> SeriesReadings:
    """The readings of a closed series, by its index from 0."""
    closed = result.series[number]
    return _spectrum(
        SeriesReadings,
        series_spectrum(result, number),
        result.order.settings.corrections.normalisation,
        **vars(closed.status),
        proton_charge=closed.charge_uc,
        monitor_counts=closed.monitor_counts,
    )


def _of_slice(totals: Sequence[float], number: int) -> float:
    """What was measured in the pulses of a slice; NaN if the ranks do not report it."""
    return totals[number] if totals else math.nan


def _spectrum(
    kind: type[CountsT], sample: MeasuredSpectrum, by: Normalisation, **more: Any
) -> CountsT:
    """The counts of ``sample``, and its intensity with standard errors."""
    y, variances = sample.intensity(by)
    counts = np.asarray(sample.measured.counts, np.float64)
    return kind(y=y, yc=counts, e=np.sqrt(variances), total=float(counts.sum()), **more)
