"""Families of spectra, the slices and the groups, and one value for each of their spectra."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.analysis import PEAKS, REGIONS, PeakStatus, RegionStatus, peaks, regions
from reduction.messages import ReductionResult
from reduction.readings import Floats, GroupSpectrum, SliceSpectrum
from reduction.settings import MOST_GROUPS, MOST_SLICES, ReductionSettings
from reduction.specs import Array, Float, reading, specs

OWN_PACE = "One value a spectrum, at its own pace."


def arrays_of(kind: type[Any], most: int, details: str = "") -> type[Any]:
    """A dataclass with the numbers of ``kind``, each as an array of one value a spectrum.

    Its fields are (n,) float64, or None where there is no such family, and n is up to ``most``.
    ``of`` makes it of a sequence of ``kind``. Specs are those of ``kind`` and have ``details`` too.
    """
    fields = [
        (name, Floats, reading(_array(spec, most, details), None))
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


@dataclass(frozen=True)
class Family:
    """Spectra side by side, ``name`` of them in process variables, at most ``most``.

    ``of`` is the dataclass of each. ``cells`` takes from a result, without a copy, the cells
    (n, m, bins) int64 of its n spectra, each of which is the sum over m.
    """

    name: str
    of: type[Any]
    most: int
    cells: Callable[[ReductionResult], NDArray[np.int64]]

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


def _cells(result: ReductionResult) -> NDArray[np.int64]:
    return np.asarray(result.counts)


FAMILIES = (
    Family("Slices", SliceSpectrum, MOST_SLICES, _cells),
    Family("Groups", GroupSpectrum, MOST_GROUPS, lambda result: _cells(result).swapaxes(0, 1)),
)


class Analysis(NamedTuple):
    """What all regions and peaks show in one spectrum."""

    regions: Sequence[RegionStatus] = (RegionStatus(),) * REGIONS
    peaks: Sequence[PeakStatus] = (PeakStatus(),) * PEAKS


def analysis(settings: ReductionSettings, cells: NDArray[np.int64], seconds: float) -> Analysis:
    """Regions and peaks of the sum of ``cells`` (m, bins), measured in ``seconds``.

    Takes 0.03 ms a region and some ms a peak.
    """
    edges, counts = settings.edges, cells.sum(axis=0)
    return Analysis(
        regions(settings.regions, edges, counts, counts, seconds),
        peaks(settings.peaks, edges, counts, counts),
    )


@dataclass(frozen=True)
class FamilyView:
    """The arrays of each region and of each peak of a family."""

    regions: Sequence[Any]
    peaks: Sequence[Any]

    @classmethod
    def of(cls, family: Family, found: Sequence[Analysis]) -> Self:
        """The arrays, given the analysis of each spectrum."""
        return cls(
            [family.regions.of([each.regions[n] for each in found]) for n in range(REGIONS)],
            [family.peaks.of([each.peaks[n] for each in found]) for n in range(PEAKS)],
        )
