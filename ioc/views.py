"""What readings show of a reduction's result: spectra made of its cells, one for each purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from reduction.analysis import PeakStatus, RegionStatus
from reduction.detectors import group_names
from reduction.messages import ReductionOrder, ReductionResult
from reduction.parameters import StreamStatus
from reduction.readings import (
    Counts,
    GroupSpectrum,
    ReductionShape,
    ReductionStatus,
    SeriesSpectrum,
    SliceSpectrum,
    Spectrum,
)
from reduction.settings import Normalisation, ReductionSettings
from reduction.units import Units

T = TypeVar("T")
CountsT = TypeVar("CountsT", bound=Counts)


class Numbered(Sequence[T], Generic[T]):
    """A sequence whose items are made when they are asked for: nobody may look at most of them."""

    def __init__(self, count: int, make: Callable[[int], T]) -> None:
        self._numbers, self._make = range(count), make

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        numbers = self._numbers[index]
        return self._make(numbers) if isinstance(numbers, int) else [self._make(n) for n in numbers]


@dataclass(frozen=True, eq=False)
class Axis:
    """Edges ``xe`` (bins + 1,) and centres ``x`` (bins,) in ``units``, float64."""

    units: Units
    x: NDArray[np.float64]
    xe: NDArray[np.float64]

    @classmethod
    def of(cls, units: Units, edges: NDArray[np.float64], former: Axis | None) -> Axis:
        """The axis; ``former`` itself if that is the same, so its arrays need not be sent again."""
        if former is not None and former.units == units and np.array_equal(former.xe, edges):
            return former
        return cls(units, (edges[:-1] + edges[1:]) / 2, edges)


@dataclass(frozen=True)
class ReductionView:
    """The readings of one reduction, all of one result, by the paths in `ioc.groups`."""

    axis: Axis
    status: ReductionStatus
    shape: ReductionShape
    spectrum: Spectrum
    slices: Sequence[SliceSpectrum]
    groups: Sequence[GroupSpectrum]
    series: Sequence[SeriesSpectrum]
    regions: Sequence[RegionStatus]
    peaks: Sequence[PeakStatus]


@dataclass(frozen=True)
class Posted:
    """What is on the process variables of a reduction, with the order and pulses that it is of."""

    view: ReductionView
    order: ReductionOrder
    stream: StreamStatus


def reduction_view(result: ReductionResult, former: ReductionView | None) -> ReductionView | None:
    """How ``result`` shows, after ``former``; None if it has no histogram."""
    if result.edges is None or result.counts is None:
        return None
    settings = result.order.settings
    counts = Shown(*(result.counts, result.counts) if result.faded is None else result.faded)
    axis = Axis.of(settings.units, result.edges, former.axis if former else None)
    intervals = settings.filter.bounds or ((-np.inf, np.inf),)
    names = group_names(settings.detectors)

    def one_slice(n: int) -> SliceSpectrum:
        low, high = intervals[n]
        bounds = {"low": low, "high": high, "middle": (low + high) / 2}
        shown, divisor = counts.summed(n), _divisor(result, n)
        return _spectrum(SliceSpectrum, axis, shown, divisor, **bounds)

    def one_group(n: int) -> GroupSpectrum:
        shown = counts.summed((slice(None), n))
        return _spectrum(GroupSpectrum, axis, shown, _divisor(result), pixels=names[n])

    def one_series(n: int) -> SeriesSpectrum:
        one = result.series[n]
        shown = Shown(one.counts, one.counts).summed(np.newaxis)
        divisor = _per(settings, one.charge_uc)
        return _spectrum(SeriesSpectrum, axis, shown, divisor, **vars(one.status))

    slices, groups = result.counts.shape[:2]
    return ReductionView(
        axis,
        result.status,
        ReductionShape(slices, groups, len(result.series)),
        _spectrum(
            Spectrum, axis, counts.summed(axis=(0, 1)), _divisor(result), x=axis.x, xe=axis.xe
        ),
        Numbered(slices, one_slice),
        Numbered(groups, one_group),
        Numbered(len(result.series), one_series),
        result.regions,
        result.peaks,
    )


def _divisor(result: ReductionResult, number: int | None = None) -> float:
    """What intensities are divided by, in one slice or in all."""
    charges = result.charges_uc if number is None else result.charges_uc[number : number + 1]
    return _per(result.order.settings, sum(charges))


def _per(settings: ReductionSettings, charge_uc: float) -> float:
    none = settings.normalisation is Normalisation.NONE
    return 1.0 if none else charge_uc or math.nan


class Shown(NamedTuple):
    """Counts, or sums of weights, and their variances, (slices, groups, bins)."""

    counts: NDArray[Any]
    variances: NDArray[Any]

    def summed(self, where: Any = (), axis: int | tuple[int, int] = 0) -> Shown:
        """The sum over axes of what is ``where``."""
        counts = self.counts[where].sum(axis=axis, dtype=np.float64)
        if self.variances is self.counts:
            return Shown(counts, counts)
        return Shown(counts, self.variances[where].sum(axis=axis))


def _spectrum(
    kind: type[CountsT], axis: Axis, shown: Shown, divisor: float, **more: Any
) -> CountsT:
    """Counts and variances (bins,) with errors, per unit of the axis and of ``divisor``."""
    counts, width = shown.counts, np.diff(axis.xe) * divisor
    errors = np.sqrt(np.maximum(shown.variances, 0))  # below it is rounding, where events left
    return kind(y=counts / width, yc=counts, e=errors / width, total=float(counts.sum()), **more)
