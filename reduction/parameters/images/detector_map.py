"""The settings of the map of a reduction: its axis against another quantity."""

from __future__ import annotations

import enum
import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from reduction.parameters import bins
from reduction.parameters.fields import Settings, parameter
from reduction.parameters.images.image import (
    ImageCallbacks,
    ImageMade,
    callbacks_spec,
    made_spec,
    rate_spec,
)
from reduction.parameters.limits import IMAGE_SIDE, MOST_MAP_CELLS
from reduction.parameters.specs import Choice, Float, Integer, Misfit, Stage, Text


class MapAxis(enum.StrEnum):
    """The quantity that has the rows of a map."""

    TWO_THETA = "TwoTheta"
    HEIGHT = "Height"
    BANK = "Bank"
    PIXEL = "Pixel"
    LOG = "Log"
    TIME = "Time"


@dataclass(frozen=True)
class MapSettings(Settings):
    """Map of the axis against another quantity, prefix ``$(P)Red1:Map:``.

    A map has ``rows`` from ``minimum`` to ``maximum``; if both are 0, over all that there is.
    """

    TOGETHER: ClassVar = (frozenset({"against", "log", "minimum", "maximum"}),)

    callbacks: ImageCallbacks = parameter(callbacks_spec("map"), ImageCallbacks.ENABLE)
    made: ImageMade = parameter(made_spec("map"), ImageMade.WATCHED)
    against: MapAxis = parameter(
        Choice(
            pv="Against",
            description="What the rows of the map are",
            details="TwoTheta in deg, Height in m, Bank: one row each, Pixel: detectors by their"
            " order, Log: values of Log, Time: seconds since the first pulse of the series.",
            options=MapAxis,
            stage=Stage.CONVERT,
        ),
        MapAxis.TWO_THETA,
    )
    log: str = parameter(
        Text(pv="Log", description="Log whose values are the rows", max_length=60), ""
    )
    bin_params: str = parameter(
        Text(
            pv="BinParams",
            description="Bins along the axis; empty: BinParams",
            details="Rebin syntax in the unit of the reduction. With those of the reduction the"
            " sum over all rows is its spectrum; if they are too many, neighbours are joined.",
            stage=Stage.HISTOGRAM,
        ),
        "",
    )
    rows: int = parameter(
        Integer(
            pv="Rows",
            description="Rows of the map",
            details="A map against Bank has one for each bank.",
            minimum=1,
            maximum=IMAGE_SIDE,
            stage=Stage.CONVERT,
        ),
        100,
    )
    minimum: float = parameter(
        Float(pv="Min", description="Start of the first row", stage=Stage.CONVERT), 0.0
    )
    maximum: float = parameter(
        Float(
            pv="Max",
            description="End of the last row",
            details="With Min and Max both 0, rows reach over all detectors; against Time they get"
            " twice as long whenever the measurement outgrows them. Against Log both are needed.",
            stage=Stage.CONVERT,
        ),
        0.0,
    )
    rate: float = parameter(rate_spec("map"), 1.0)

    def check(self) -> None:
        if not self.automatic and self.maximum <= self.minimum:
            why = f"Max, {self.maximum:g}, must be above Min, {self.minimum:g}"
            raise Misfit("Max", self.maximum, why)
        if not math.isfinite(self.maximum - self.minimum):
            why = f"Max, {self.maximum:g}, is too far from Min, {self.minimum:g}"
            raise Misfit("Max", self.maximum, why)
        if self.against is MapAxis.LOG and not self.log:
            raise Misfit("Log", self.log, "a map against Log needs the name of one")
        if self.against is MapAxis.LOG and self.automatic:
            raise Misfit("Max", self.maximum, "a map against Log needs Min and Max")
        if self.bin_params:
            self._check_bins()

    def _check_bins(self) -> None:
        try:
            count = _bin_count(self.bin_params)
        except ValueError as error:
            raise Misfit("BinParams", self.bin_params, str(error)) from None
        if count * self.rows > MOST_MAP_CELLS:
            why = f"{count} bins in {self.rows} rows; the limit is {MOST_MAP_CELLS} together"
            raise Misfit("BinParams", self.bin_params, why)

    def edges(self, of_spectrum: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
        """The bins of a map of so many rows, (bins + 1,), given those ``of_spectrum``, (n + 1,).

        Without bins of its own it has those of the spectrum. Where they would be more than
        `MOST_MAP_CELLS` in all rows, equally many of them are joined to one, but for the last.
        """
        every = _edges(self.bin_params) if self.bin_params else of_spectrum
        joined = -(-(every.size - 1) * rows // MOST_MAP_CELLS)
        return np.append(every[:-1:joined], every[-1])

    @property
    def by_detectors(self) -> bool:
        """Whether a row is of detectors; those against a log or time are of pulses."""
        return self.against not in (MapAxis.LOG, MapAxis.TIME)

    @property
    def automatic(self) -> bool:
        """Whether the rows reach over all that there is."""
        return (self.minimum, self.maximum) == (0.0, 0.0)


@functools.lru_cache(maxsize=64)
def _bin_count(bin_params: str) -> int:
    """The number of bins; it is asked for with each report."""
    return _edges(bin_params).size - 1


@functools.lru_cache(maxsize=4)
def _edges(bin_params: str) -> NDArray[np.float64]:
    """The bins of a map by itself, (n + 1,); read-only. Few are kept: they may take 32 MB."""
    edges = bins.edges(bin_params, MOST_MAP_CELLS)
    edges.setflags(write=False)
    return edges
