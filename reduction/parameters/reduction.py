"""The settings of a reduction, prefix ``$(P)Red1:``."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from reduction.parameters import bins
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.fields import Settings, parameter
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import ImageSettings
from reduction.parameters.limits import MAX_BINS, MOST_SLICES, PEAKS, REGIONS
from reduction.parameters.outliers import OutlierSettings
from reduction.parameters.specs import Choice, Float, Misfit, Refused, Stage, Switch, Text
from reduction.parameters.units import Units
from reduction.parameters.windows import WindowSettings

TIME_LOG = "time"
"""The log that every accumulation has: seconds since its first pulse, by the times of pulses."""


@dataclass(frozen=True)
class FilterSettings(Settings):
    """Slices of a log, prefix ``$(P)Red1:Filter:``.

    With a log, events count in slice [Min, Min + Step), [Min + Step, Min + 2 Step) … up to Max, by
    the value of the log at their pulse. With ``invert`` there is one spectrum, of events whose
    value is outside [Min, Max).
    """

    TOGETHER: ClassVar = (frozenset({"minimum", "step", "maximum"}),)

    log: str = parameter(
        Text(
            pv="Log",
            description="Log to slice by; empty: none",
            details="A pulse has the last number at or before it, however old, and is filtered out"
            " if there is none. NaN, arrays and INVALID values do not count: the last number holds"
            " on. The log time is always there: seconds since the first pulse of the accumulation,"
            " or of its series; it starts anew with Acquire, Reset and NextSeries, and goes on in a"
            " pause. A log of that name in the stream is not used.",
            max_length=60,
            stage=Stage.SLICE,
        ),
        "",
    )
    minimum: float = parameter(
        Float(pv="Min", description="Start of the first slice", stage=Stage.SLICE), 0.0
    )
    step: float = parameter(
        Float(
            pv="Step",
            description="Width of a slice",
            details="At least Max - Min: one slice, a plain range. A slice holds exactly what its"
            f" Low_RBV and High_RBV say, low included. At most {MOST_SLICES} slices.",
            stage=Stage.SLICE,
        ),
        1.0,
    )
    maximum: float = parameter(
        Float(pv="Max", description="End of the last slice", stage=Stage.SLICE), 10.0
    )
    invert: bool = parameter(
        Switch(
            pv="Invert",
            description="Count what is outside Min to Max",
            off="Inside",
            on="Outside",
            stage=Stage.SLICE,
        ),
        False,
    )

    def check(self) -> None:
        if self.step <= 0:
            raise Refused("Step", self.step, "a slice is wider than 0")
        if self.maximum <= self.minimum:
            why = f"Max, {self.maximum:g}, must be above Min, {self.minimum:g}"
            raise Misfit("Max", self.maximum, why)
        if self.count > MOST_SLICES:
            raise Misfit("Step", self.step, f"{self.count} slices; the limit is {MOST_SLICES}")
        if not np.all(np.diff(self._edges) > 0):
            raise Misfit("Step", self.step, f"too small beside Min, {self.minimum:g}")

    @property
    def count(self) -> int:
        """Number of slices; 1 without a log."""
        if not self.log or self.invert:
            return 1
        return _slice_count(self.minimum, self.step, self.maximum)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """[low, high) of each slice; empty without a log."""
        if not self.log:
            return ()
        return tuple(itertools.pairwise(self._edges.tolist()))

    @property
    def _edges(self) -> NDArray[np.float64]:
        """The bounds of all slices, (count + 1,) float64, ascending; read-only."""
        return _slice_edges(self.minimum, self.step, self.maximum, self.count)

    def slice_of(self, values: NDArray[np.float64]) -> NDArray[np.int32]:
        """The slice of pulses, (n,) int32, by their log values, (n,) float64; -1: filtered out.

        A value is NaN if the pulse has none.
        """
        if not self.log:
            return np.zeros(values.size, np.int32)
        place = (np.searchsorted(self._edges, values, side="right") - 1).astype(np.int32)
        outside = (place < 0) | (place >= self.count)
        if self.invert:
            return np.where(outside & ~np.isnan(values), 0, -1).astype(np.int32)
        return np.where(outside, np.int32(-1), place)


def _decimal(number: float) -> Decimal:
    """The decimal number with the shortest text for ``number``: 0.1 becomes exactly a tenth."""
    return Decimal(repr(number))


def _slice_count(minimum: float, step: float, maximum: float) -> int:
    """How many slices there are, the last one perhaps thinner than ``step``."""
    steps = (_decimal(maximum) - _decimal(minimum)) / _decimal(step)
    # A last slice thinner than a millionth of a step is a rounding error, as with a step of 1/3.
    return max(math.ceil(min(steps, Decimal(10**9)) - Decimal("1e-6")), 1)


@functools.lru_cache(maxsize=64)
def _slice_edges(minimum: float, step: float, maximum: float, count: int) -> NDArray[np.float64]:
    """The bounds of ``count`` slices, (count + 1,) float64; read-only.

    They are computed as decimal numbers, so that three steps of 0.1 end at 0.3, as a log has
    it, and not at 0.30000000000000004.
    """
    lows = (_decimal(minimum) + n * _decimal(step) for n in range(count))
    edges = np.array([*map(float, lows), maximum])
    edges.setflags(write=False)
    return edges


@dataclass(frozen=True)
class ReductionSettings(Settings):
    """Unit and bins, prefix ``$(P)Red1:``."""

    units: Units = parameter(
        Choice(
            pv="Units",
            description="Unit of the histogram axis",
            details="Each unit keeps its own bins, so write Units before BinParams.",
            options=Units,
            stage=Stage.CONVERT,
        ),
        Units.D_SPACING,
    )
    bin_params: str = parameter(
        Text(
            pv="BinParams",
            description="Bins: x0,step,x1[,step,x2...]",
            details="Mantid's Rebin syntax; a negative step is logarithmic.",
            stage=Stage.HISTOGRAM,
        ),
        Units.D_SPACING.default_bins,
    )
    corrections: CorrectionSettings = field(default_factory=CorrectionSettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    detectors: DetectorSettings = field(default_factory=DetectorSettings)
    regions: tuple[WindowSettings, ...] = (WindowSettings(),) * REGIONS
    peaks: tuple[WindowSettings, ...] = (WindowSettings(),) * PEAKS
    image: ImageSettings = field(default_factory=ImageSettings)
    map: MapSettings = field(default_factory=MapSettings)
    outliers: OutlierSettings = field(default_factory=OutlierSettings)
    max_bins: int = MAX_BINS

    def check(self) -> None:
        try:
            _ = self.edges
        except ValueError as error:
            raise Misfit("BinParams", self.bin_params, str(error)) from None

    @property
    def counted(self) -> Self:
        """The settings that decide where an event counts; all others have their defaults."""
        return dataclasses.replace(
            self,
            corrections=CorrectionSettings(),
            regions=(),
            peaks=(),
            image=ImageSettings(),
            map=MapSettings(),
            outliers=OutlierSettings(),
        )

    @property
    def logs(self) -> frozenset[str]:
        """The logs that decide where an event counts, `TIME_LOG` included."""
        of_map = {MapAxis.LOG: self.map.log, MapAxis.TIME: TIME_LOG}.get(self.map.against, "")
        return frozenset({self.filter.log, of_map}) - {""}

    @property
    def edges(self) -> NDArray[np.float64]:
        """Bin edges, shape (bins + 1,), float64, in `units`; read-only."""
        return _edges(self.bin_params, self.max_bins)

    def with_units(self, units: Units, bin_params: str) -> Self:
        """The same settings with another unit and the bins for it."""
        return dataclasses.replace(self, units=units, bin_params=bin_params)


@functools.lru_cache(maxsize=32)
def _edges(bin_params: str, max_bins: int) -> NDArray[np.float64]:
    edges = bins.edges(bin_params, max_bins)
    edges.setflags(write=False)
    return edges


@dataclass(frozen=True)
class Segment(Settings):
    """Bins as one segment, prefix ``$(P)Red1:``; another view of BinParams.

    If BinParams has several segments, BinMin and BinMax are the ends of all of them and BinStep is
    the first step. A put to any of the three makes one segment of them.
    """

    TOGETHER: ClassVar = (frozenset({"bin_min", "bin_step", "bin_max"}),)

    bin_min: float = parameter(
        Float(pv="BinMin", description="First bin edge", precision=4, stage=Stage.HISTOGRAM), 0.4
    )
    bin_step: float = parameter(
        Float(
            pv="BinStep",
            description="Bin width; negative: logarithmic",
            precision=5,
            stage=Stage.HISTOGRAM,
        ),
        0.001,
    )
    bin_max: float = parameter(
        Float(pv="BinMax", description="Last bin edge", precision=4, stage=Stage.HISTOGRAM), 5.0
    )

    def check(self) -> None:
        if self.bin_step == 0:
            raise Refused("BinStep", self.bin_step, "a bin is wider than 0")

    @classmethod
    def of(cls, bin_params: str) -> Self:
        """The ends and the first step of ``bin_params``."""
        numbers = bins.rebin_numbers(bin_params)
        return cls(numbers[0], numbers[1], numbers[-1])

    def onto(self, bin_params: str) -> str:
        """The bins of this segment in Rebin's syntax; ``bin_params`` if it means the same."""
        numbers = bins.rebin_numbers(bin_params)
        return bin_params if numbers == dataclasses.astuple(self) else self.bin_params

    @property
    def bin_params(self) -> str:
        """The segment in Rebin's syntax, with all digits that numbers need."""
        return ",".join(f"{x!r}".removesuffix(".0") for x in dataclasses.astuple(self))
