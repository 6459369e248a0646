"""What readings show of a reduction's result: spectra made of its cells, one for each purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from reduction.analysis import PeakStatus, RegionStatus
from reduction.detectors import group_names
from reduction.messages import ReductionResult
from reduction.readings import (
    Counts,
    GroupSpectrum,
    ReductionShape,
    ReductionStatus,
    SliceSpectrum,
    Spectrum,
)
from reduction.settings import Normalisation
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
    regions: Sequence[RegionStatus]
    peaks: Sequence[PeakStatus]


def reduction_view(result: ReductionResult, former: ReductionView | None) -> ReductionView | None:
    """How ``result`` shows, after ``former``; None if it has no histogram."""
    if result.edges is None or result.counts is None:
        return None
    settings, cells = result.order.settings, result.counts
    axis = Axis.of(settings.units, result.edges, former.axis if former else None)
    intervals = settings.filter.bounds or ((-np.inf, np.inf),)
    names = group_names(settings.detectors)

    def one_slice(n: int) -> SliceSpectrum:
        low, high = intervals[n]
        return _spectrum(SliceSpectrum, axis, cells[n], _divisor(result, n), low=low, high=high)

    def one_group(n: int) -> GroupSpectrum:
        return _spectrum(GroupSpectrum, axis, cells[:, n], _divisor(result), pixels=names[n])

    slices, groups = cells.shape[:2]
    return ReductionView(
        axis,
        result.status,
        ReductionShape(slices, groups),
        _spectrum(Spectrum, axis, cells.sum(axis=0), _divisor(result), x=axis.x, xe=axis.xe),
        Numbered(slices, one_slice),
        Numbered(groups, one_group),
        result.regions,
        result.peaks,
    )


def _divisor(result: ReductionResult, number: int | None = None) -> float:
    """What intensities are divided by, in one slice or in all."""
    if result.order.settings.normalisation is Normalisation.NONE:
        return 1.0
    charges = result.charges_uc if number is None else result.charges_uc[number : number + 1]
    return sum(charges) or math.nan


def _spectrum(
    kind: type[CountsT], axis: Axis, cells: NDArray[np.int64], divisor: float, **more: Any
) -> CountsT:
    """The sum of ``cells`` (n, bins) with its errors, per unit of the axis and of ``divisor``."""
    counts, width = cells.sum(axis=0, dtype=np.float64), np.diff(axis.xe) * divisor
    return kind(
        y=counts / width, yc=counts, e=np.sqrt(counts) / width, total=float(counts.sum()), **more
    )
