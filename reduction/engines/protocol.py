"""What an engine does, and what it is told and tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reduction.units import Units

MASKED = -1
"""Group of a detector that is left out."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """How events become histograms.

    ``edges`` (bins + 1,) float64, ascending, in ``units``; ``group`` (detectors,) int32 in the
    instrument's order: the spectrum a detector is summed into, or `MASKED`.
    """

    units: Units
    edges: NDArray[np.float64]
    group: NDArray[np.int32]

    @property
    def groups(self) -> int:
        """The number of spectra, at least one."""
        return max(int(self.group.max(initial=0)) + 1, 1)


@dataclass(frozen=True, eq=False)
class Tally:
    """Where every event went: sums add up to the events accumulated, engine by engine.

    ``counts`` (groups, bins) int64, bins half-open, [low, high).
    """

    counts: NDArray[np.int64]
    out_of_range: int
    masked: int
    bad_pixel: int
    bad_time: int

    @property
    def binned(self) -> int:
        return int(self.counts.sum())

    @property
    def events(self) -> int:
        """All events."""
        return self.binned + self.out_of_range + self.masked + self.bad_pixel + self.bad_time


class Engine(Protocol):
    """Retains events and histograms all of them by each of its recipes."""

    name: str

    @property
    def retained(self) -> int:
        """Events kept."""

    def accumulate(self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> None:
        """Keep events, (n,) each; they count once `advance` has been through them."""

    def configure(self, reduction: int, recipe: Recipe) -> None:
        """Have every retained event histogrammed by ``recipe`` from now on."""

    def advance(self, seconds: float) -> bool:
        """Histogram what is outstanding, for about ``seconds``; whether nothing is left."""

    def clear(self) -> None:
        """Drop all events and counts."""

    def cells(self, reduction: int) -> NDArray[np.int64]:
        """Counts and bookkeeping as one vector, int64: vectors of ranks add up elementwise."""

    def tally(self, reduction: int, cells: NDArray[np.int64]) -> Tally:
        """What a vector of `cells`, perhaps summed over ranks, says."""
