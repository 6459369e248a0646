"""Spectra made comparable: per charge or monitor, less a background, over a vanadium.

Errors are propagated to first order; inputs are taken as independent. Arrays are (n,) float64, a
variance is the square of a standard deviation. Bins that cannot have a value are NaN.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.float64] | NDArray[np.int64]

ROUNDING = 1e-9
"""Share of a bin by which axes that end at the same place may miss each other."""


class Values(NamedTuple):
    """Values (n,) float64 and their variances (n,) float64."""

    values: NDArray[np.float64]
    variances: NDArray[np.float64]


class Quotient(NamedTuple):
    """Values and variances (n,) float64 of a division, and how many bins it left NaN."""

    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    undefined: int


class By(enum.StrEnum):
    """What spectra are normalised by."""

    NONE = "None"
    CHARGE = "Charge"
    MONITOR = "Monitor"


@dataclass(frozen=True, eq=False)
class Measured:
    """A histogram of counts, and what it was measured with.

    ``edges`` (n + 1,) float64 ascending, ``counts`` and ``variances`` (n,). The proton charge (µC)
    or the counts of the monitor may be NaN if spectra are not normalised by it.
    """

    edges: NDArray[np.float64]
    counts: Counts
    variances: Counts
    charge_uc: float = math.nan
    monitor_counts: float = math.nan


def per_charge(counts: Counts, variances: Counts, charge_uc: float) -> Values:
    """Counts per µC of proton charge q, taken as exact: y = c / q, var y = var c / q²."""
    charge = _above_zero("proton charge", charge_uc, " uC")
    return Values(_floats(counts) / charge, _floats(variances) / charge / charge)


def per_monitor(counts: Counts, variances: Counts, monitor_counts: float) -> Values:
    """Counts per count of a monitor m with Poisson error: y = c / m, var y = var c / m² + y² / m.

    The second term is common to all bins: it does not average out in a sum over them.
    """
    monitor = _above_zero("monitor count", monitor_counts, "")
    values = _floats(counts) / monitor
    return Values(values, _floats(variances) / monitor / monitor + values**2 / monitor)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def _above_zero(name: str, value: float, unit: str) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value:g}{unit}; to normalise by it, it must be above 0")
    return float(value)


def rebinned(
    edges_from: NDArray[np.float64],
    counts: Counts,
    variances: Counts,
    edges_to: NDArray[np.float64],
) -> Values:
    """Counts in other bins: each old bin gives every new one its share of overlap in width.

    y_j = Σ_i c_i·f_ij and var y_j = Σ_i var c_i·f_ij with f_ij = |overlap of i and j| / |i|, as
    Mantid's Rebin does for counts (rebinCounts in HistogramData). Counts within both axes are
    conserved, and so are variances: bins cut in two are taken as two independent counts, while the
    correlation of neighbours that share an old bin is not kept. Outside the old axis it gives 0.
    """
    values, spread = _floats(counts), _floats(variances)
    if np.array_equal(edges_from, edges_to):
        return Values(values.copy(), spread.copy())
    bins = edges_to.size - 1
    low, high = max(edges_from[0], edges_to[0]), min(edges_from[-1], edges_to[-1])
    both = np.concatenate((edges_from, edges_to))
    cuts = np.unique(both[(both >= low) & (both <= high)])
    if cuts.size < 2:
        return Values(np.zeros(bins), np.zeros(bins))
    source = np.searchsorted(edges_from, cuts[:-1], side="right") - 1
    target = np.searchsorted(edges_to, cuts[:-1], side="right") - 1
    share = np.diff(cuts) / np.diff(edges_from)[source]
    return Values(
        _floats(np.bincount(target, values[source] * share, bins)),
        _floats(np.bincount(target, spread[source] * share, bins)),
    )


def covered(edges_from: NDArray[np.float64], edges_to: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which bins of ``edges_to``, (n,) bool, lie wholly within the axis ``edges_from``."""
    slack = ROUNDING * np.diff(edges_to)
    after = edges_to[:-1] >= edges_from[0] - slack
    before = edges_to[1:] <= edges_from[-1] + slack
    return np.asarray(after & before)


def subtract(
    counts: Counts, variances: Counts, other: Counts, other_variances: Counts, scale: float
) -> Values:
    """The difference y = c - s·b, var y = var c + s²·var b; the scale s is taken as exact."""
    return Values(
        _floats(counts) - scale * _floats(other),
        _floats(variances) + scale**2 * _floats(other_variances),
    )


def divide(
    counts: Counts, variances: Counts, vanadium: Counts, vanadium_variances: Counts
) -> Quotient:
    """The ratio y = c / v, var y = var c / v² + y²·var v / v²; NaN where v is not above 0."""
    usable = np.isfinite(vanadium) & (vanadium > 0)
    divisor = np.where(usable, vanadium, np.nan)
    values = _floats(counts) / divisor
    spread = (_floats(variances) + values**2 * vanadium_variances) / divisor**2
    return Quotient(values, spread, int(values.size - np.count_nonzero(usable)))


def normalised(
    sample: Measured,
    by: By,
    background: Measured | None = None,
    vanadium: Measured | None = None,
) -> Quotient:
    """(sample / m - background / m_b) / (vanadium / m_v), m the charge or monitor of each.

    Background and vanadium are first rebinned to the sample's edges. Each is then divided by its
    own m, which scales the background to the sample's, with the errors of all monitor counts right
    (scaling by m / m_b first would count that of m as independent of itself); then the background
    is subtracted and the difference divided by the vanadium, which is taken as it was saved: with
    its own background already off. With `By.NONE` m is 1. Bins that background or vanadium do not
    cover, or where the vanadium is not above 0, are NaN and counted. Without a vanadium the result
    is counts per m, not per unit of the axis; with one it has no dimension. Raises ValueError,
    naming what is concerned, for a charge or monitor count that is not above 0.
    """
    result = _per(by, sample, "")
    usable = np.ones(result.values.size, np.bool_)
    if background is not None:
        usable &= covered(background.edges, sample.edges)
        result = subtract(*result, *_reference(by, background, sample.edges, "background: "), 1.0)
    if vanadium is not None:
        usable &= covered(vanadium.edges, sample.edges)
        reference = _reference(by, vanadium, sample.edges, "vanadium: ")
        usable &= reference.values > 0
        result = Values(*divide(*result, *reference)[:2])
    return Quotient(
        np.where(usable, result.values, np.nan),
        np.where(usable, result.variances, np.nan),
        int(usable.size - np.count_nonzero(usable)),
    )


def _per(by: By, measured: Measured, name: str) -> Values:
    """``measured`` per charge or monitor; ``name`` begins the message if that cannot be."""
    try:
        match by:
            case By.NONE:
                return Values(_floats(measured.counts), _floats(measured.variances))
            case By.CHARGE:
                return per_charge(measured.counts, measured.variances, measured.charge_uc)
            case By.MONITOR:
                return per_monitor(measured.counts, measured.variances, measured.monitor_counts)
    except ValueError as error:
        raise ValueError(f"{name}{error}") from None


def _reference(by: By, measured: Measured, edges: NDArray[np.float64], name: str) -> Values:
    """Background or vanadium in the bins ``edges``, per charge or monitor."""
    values, variances = rebinned(measured.edges, measured.counts, measured.variances, edges)
    within = Measured(edges, values, variances, measured.charge_uc, measured.monitor_counts)
    return _per(by, within, name)
