"""The same histogram the way of scipp, as quick as its documentation makes it.

A flat table of events is quicker from raw events than grouping them by pixel, than `scipp.lookup`
and than bins of events for its threads; numpy's indexing looks up the pixel's coefficient. The
table, with its weights, is made before the clock starts. Edges of `scipp.linspace` take scipp's
path for even bins, which Rebin's edges, summed step by step, do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipp as sc
from numpy.typing import NDArray

from benchmarks.engine.sample import Case, SampleEvents
from reduction.parameters.units import Units

VALUE_UNITS = {
    Units.TOF: "us",
    Units.D_SPACING: "angstrom",
    Units.MOMENTUM_TRANSFER: "1/angstrom",
    Units.WAVELENGTH: "angstrom",
    Units.ENERGY: "meV",
}
COEFFICIENT_UNITS = {
    Units.D_SPACING: "us/angstrom",
    Units.MOMENTUM_TRANSFER: "us/angstrom",
    Units.WAVELENGTH: "us/angstrom",
    Units.ENERGY: "meV*us**2",
}


class ScippTable:
    """The events of a sample as a scipp user holds them: counts with the coordinate ``tof``."""

    def __init__(self, sample: SampleEvents) -> None:
        self._sample = sample
        tof = sc.array(dims=["event"], values=sample.tof_ns, unit="ns")
        weights = sc.ones(sizes=tof.sizes, unit="counts")
        self._table = sc.DataArray(weights, coords={"tof": tof})

    def histogram(self, case: Case, *, even: bool = False) -> NDArray[np.float64]:
        """Counts with the edges of the case or, ``even``, with those that scipp makes."""
        dim, unit, edges = str(case.units), VALUE_UNITS[case.units], case.edges
        if even:
            bins = sc.linspace(dim, edges[0], edges[-1], edges.size, unit=unit)
        else:
            bins = sc.array(dims=[dim], values=edges, unit=unit)
        table = self._table.assign_coords({dim: self._values(case.units)})
        counts: NDArray[np.float64] = table.hist({dim: bins}).values
        return counts

    def _values(self, units: Units) -> Any:
        t = self._table.coords["tof"].to(unit="us", dtype="float64")
        if units is Units.TOF:
            return t
        c = self._sample.coefficients(units)[self._sample.pixel_id]
        coefficient = sc.array(dims=["event"], values=c, unit=COEFFICIENT_UNITS[units])
        if units.tof_exponent == 1:
            return t / coefficient
        return coefficient / (t * t if units.tof_exponent == -2 else t)
