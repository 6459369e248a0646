"""The bins that each unit has at first, with the axis as long as an instrument needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.bins import edges, rebin_numbers
from reduction.parameters.limits import MAX_BINS
from reduction.parameters.units import Units

DECLARED_BINS: Mapping[Units, str] = {units: units.default_bins for units in Units}
"""The bins of each unit that suit the simulated diffractometer."""

D_ANGSTROM = (0.5, 4.0)
"""The d-spacings of a powder pattern, which has more lines where they are short."""

ENOUGH = 0.92
"""The declared bins of a unit are kept if they have this share of the pattern."""

LEFT_OUT = 0.005
"""The share of the pattern that may be beyond either end of an axis that is made longer."""

MOST_DETECTORS = 2000
"""A sample of so many detectors is enough."""


def default_bins(instrument: Instrument) -> Mapping[Units, str]:
    """The bins of each unit in Rebin's syntax.

    They are those that the unit declares, unless more than `ENOUGH` allows of a pattern over
    `D_ANGSTROM`, the same in all detectors, would be outside: then the axis goes from the low to
    the high end of the pattern, with about as many bins.
    """
    difc = instrument.difc_us_per_angstrom
    usable = np.flatnonzero(np.isfinite(difc))
    if not usable.size:
        return DECLARED_BINS
    chosen = usable[:: -(-usable.size // MOST_DETECTORS)]
    tof_us = np.geomspace(*D_ANGSTROM, 100)[:, np.newaxis] * difc[chosen]
    path_m = instrument.path_m[chosen]
    return {units: _bins(units, _values(units, tof_us, path_m, difc[chosen])) for units in Units}


def _values(
    units: Units,
    tof_us: NDArray[np.float64],
    path_m: NDArray[np.float64],
    difc_us_per_angstrom: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Times of flight, (n, detectors), in a unit."""
    c = units.coefficients(path_m, difc_us_per_angstrom)
    match units.tof_exponent:
        case 1:
            return tof_us / c
        case -1:
            return c / tof_us
        case -2:
            return c / tof_us**2


def _bins(units: Units, values: NDArray[np.float64]) -> str:
    declared = edges(units.default_bins, MAX_BINS)
    inside = (values >= declared[0]) & (values < declared[-1])
    if np.mean(inside) >= ENOUGH:
        return units.default_bins
    low, high = np.quantile(values, (LEFT_OUT, 1 - LEFT_OUT))
    start, end = _rounded(min(low, high), math.floor), _rounded(max(low, high), math.ceil)
    step = rebin_numbers(units.default_bins)[1]
    if step > 0:
        step = _nice((end - start) / (declared.size - 1))
    return f"{start:.12g},{step:.12g},{end:.12g}"


def _rounded(value: float, direction: Callable[[float], int]) -> float:
    """``value`` with two digits, rounded up or down."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return direction(value / unit) * unit


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10 … times a power of ten from ``step`` on."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= step * (1 - 1e-9))
