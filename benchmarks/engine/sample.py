"""The events that the kernels are measured with, and numpy's way from them to a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import powder_arc
from reduction.parameters import bins
from reduction.parameters.limits import MAX_BINS
from reduction.parameters.units import Units
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings


@dataclass(frozen=True)
class Case:
    """A unit and bins, in Rebin's syntax; ``even`` if all bins are meant to be equally wide."""

    units: Units
    bin_params: str
    even: bool = True

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """Mantid's edges, summed step by step."""
        return bins.edges(self.bin_params, MAX_BINS)

    def __str__(self) -> str:
        bins = f"{self.edges.size - 1:,}".replace(",", " ")
        return f"{self.units} `{self.bin_params}` ({bins} bins)"


class SampleEvents:
    """Events of one large pulse of silicon on the simulated arc.

    ``pixel_id`` and ``tof_ns``, (events,) int32 each.
    """

    def __init__(self, events: int) -> None:
        self.instrument = powder_arc()
        settings = SimulatorSettings(events_per_pulse=events)
        self.pixel_id, self.tof_ns = PulseGenerator(self.instrument, seed=1).events(settings, 0)

    def coefficients(self, units: Units) -> NDArray[np.float64]:
        """The c of each pixel, (pixels,) float64: the value is t/c, c/t or c/t²."""
        instrument = self.instrument
        return units.coefficients(instrument.path_m, instrument.difc_us_per_angstrom)

    def values(self, units: Units) -> NDArray[np.float64]:
        """What numpy makes of the events in ``units``, (events,) float64."""
        t = self.tof_ns / 1000.0
        if units is Units.TOF:
            return t
        c = self.coefficients(units)[self.pixel_id]
        return t / c if units.tof_exponent == 1 else c / (t * t if units.tof_exponent == -2 else t)

    def numpy_histogram(self, case: Case) -> NDArray[np.int64]:
        """Numpy's histogram with the edges of the case."""
        return np.histogram(self.values(case.units), case.edges)[0]

    def numpy_even(self, case: Case) -> NDArray[np.int64]:
        """Numpy's own even bins: quicker, but not quite the same edges."""
        edges = case.edges
        ends = float(edges[0]), float(edges[-1])
        return np.histogram(self.values(case.units), edges.size - 1, ends)[0]

    def expected(self, case: Case) -> NDArray[np.int64]:
        """Numpy's histogram without the events on the last edge, which numpy alone includes."""
        counts = self.numpy_histogram(case)
        counts[-1] -= np.count_nonzero(self.values(case.units) == case.edges[-1])
        return counts
