"""Spectra divided by charge or monitor counts and by a vanadium, and a background subtracted.

Errors are propagated to first order, and inputs are taken as independent. Arrays are (n,) float64.
A variance is the square of a standard deviation. Bins that cannot have a value are NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reduction.control.reports import References, Values
from reduction.parameters.corrections import Normalisation
from reduction.results.arrays import CountArray

ROUNDING = 1e-9
"""Ends of axes that differ by less than this share of a bin are taken to be the same."""


class DividedSpectrum(NamedTuple):
    """Values and variances (n,) float64 of a division; ``undefined`` is how many bins are NaN."""

    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    undefined: int


@dataclass(frozen=True, eq=False)
class Measured:
    """A histogram of counts, with the charge and the monitor counts of its pulses.

    ``edges`` (n + 1,) float64 ascend; ``counts`` and ``variances`` are (n,). The proton charge, in
    µC, or the monitor counts may be NaN if the normalisation does not use them.
    """

    edges: NDArray[np.float64]
    counts: CountArray
    variances: CountArray
    charge_uc: float = math.nan
    monitor_counts: float = math.nan


def per_charge(counts: CountArray, variances: CountArray, charge_uc: float) -> Values:
    """Counts per µC of proton charge q, which is taken as exact: y = c / q, var y = var c / q².

    Raises ValueError if the charge is not above 0.
    """
    charge = _above_zero(_lacking_charge(charge_uc), charge_uc)
    return Values(_floats(counts) / charge, _floats(variances) / charge / charge)


def per_monitor(counts: CountArray, variances: CountArray, monitor_counts: float) -> Values:
    """Counts per monitor count m with Poisson error: y = c / m, var y = var c / m² + y² / m.

    The second term is an error common to all bins: it does not average out in a sum over bins.
    Raises ValueError if the monitor counts are not above 0.
    """
    monitor = _above_zero(_lacking_monitor(monitor_counts), monitor_counts)
    values = _floats(counts) / monitor
    return Values(values, _floats(variances) / monitor / monitor + values**2 / monitor)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, np.float64)


def lacking(measured: Measured, by: Normalisation) -> str:
    """Why ``measured`` cannot be normalised by charge or monitor; empty if it can."""
    match by:
        case Normalisation.NONE:
            return ""
        case Normalisation.PROTON_CHARGE:
            return _lacking_charge(measured.charge_uc)
        case Normalisation.MONITOR:
            return _lacking_monitor(measured.monitor_counts)


def _lacking_charge(charge_uc: float) -> str:
    return _not_above_zero(f"proton charge is {charge_uc:g} uC", charge_uc)


def _lacking_monitor(monitor_counts: float) -> str:
    return _not_above_zero(f"monitor count is {monitor_counts:g}", monitor_counts)


def _not_above_zero(words: str, value: float) -> str:
    return "" if 0 < value < math.inf else f"{words}; to normalise by it, it must be above 0"


def _above_zero(lacking: str, value: float) -> float:
    if lacking:
        raise ValueError(lacking)
    return float(value)


def rebinned(
    edges_from: NDArray[np.float64],
    counts: CountArray,
    variances: CountArray,
    edges_to: NDArray[np.float64],
) -> Values:
    """Counts in the bins ``edges_to``: each old bin is divided in proportion to overlap in width.

    y_j = Σ_i c_i·f_ij and var y_j = Σ_i var c_i·f_ij with f_ij = |overlap of i and j| / |i|, as
    in Mantid's Rebin of counts (rebinCounts in HistogramData). Edges are (n + 1,) and ascend.

    Counts and variances within both axes are conserved: the parts of a divided bin are taken as
    independent counts. In fact, new bins that share an old bin are correlated; this correlation is
    ignored. A new bin outside the old axis has 0.
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


def bins_within(
    edges_from: NDArray[np.float64], edges_to: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which bins of ``edges_to``, (n,) bool, lie entirely within the axis ``edges_from``."""
    slack = ROUNDING * np.diff(edges_to)
    after = edges_to[:-1] >= edges_from[0] - slack
    before = edges_to[1:] <= edges_from[-1] + slack
    return np.asarray(after & before)


def subtract(
    counts: CountArray,
    variances: CountArray,
    other: CountArray,
    other_variances: CountArray,
    scale: float,
) -> Values:
    """The difference y = c - s·b, var y = var c + s²·var b; ``scale`` s is taken as exact."""
    return Values(
        _floats(counts) - scale * _floats(other),
        _floats(variances) + scale**2 * _floats(other_variances),
    )


def divide(
    counts: CountArray, variances: CountArray, vanadium: CountArray, vanadium_variances: CountArray
) -> DividedSpectrum:
    """The ratio y = c / v, var y = var c / v² + y²·var v / v²; NaN where v is not above 0."""
    usable = np.isfinite(vanadium) & (vanadium > 0)
    divisor = np.where(usable, vanadium, np.nan)
    values = _floats(counts) / divisor
    spread = (_floats(variances) + values**2 * vanadium_variances) / divisor**2
    return DividedSpectrum(values, spread, int(values.size - np.count_nonzero(usable)))


def corrected(
    sample: Measured, by: Normalisation, background: Values | None, vanadium: Values | None
) -> Values:
    """(sample / m - background) / vanadium, where m is the sample's charge or monitor count.

    With `Normalisation.NONE` m is 1. ``background`` and ``vanadium`` are results of `reference`:
    each has been divided by its charge or monitor count, m_b or m_v. So the background has the
    scale of the sample, and the errors of all monitor counts are right. (To scale the background by
    m / m_b first would use the error of m twice, as if the two uses were independent.) A background
    of the vanadium must have been subtracted before the vanadium was saved.

    Without a vanadium the result is counts per m, not per unit of the axis. With one it has no
    dimension. Bins where a reference is NaN are NaN. Raises ValueError for a charge or monitor
    count that is not above 0.
    """
    result = _per(by, sample)
    if background is not None:
        result = subtract(*result, *background, 1.0)
    if vanadium is not None:
        result = Values(*divide(*result, *vanadium)[:2])
    return result


def reference(
    by: Normalisation, measured: Measured, edges: NDArray[np.float64], name: str = ""
) -> Values:
    """A background or vanadium in the bins ``edges`` (n + 1,), divided by its charge or monitor.

    Bins outside the axis of ``measured`` are NaN. Raises ValueError for a charge or
    monitor count that is not above 0; its message begins with ``name``.
    """
    if words := lacking(measured, by):
        raise ValueError(name + words)
    values, variances = rebinned(measured.edges, measured.counts, measured.variances, edges)
    within = Measured(edges, values, variances, measured.charge_uc, measured.monitor_counts)
    return _where(bins_within(measured.edges, edges), _per(by, within))


def where_positive(vanadium: Values) -> Values:
    """``vanadium`` with NaN in the bins that cannot be a divisor.

    These include bins whose counts are only a rounding error of a neighbouring bin's counts.
    """
    highest = np.max(vanadium.values, where=np.isfinite(vanadium.values), initial=0.0)
    return _where(vanadium.values > ROUNDING * highest, vanadium)


def intensity(
    sample: Measured, by: Normalisation, background: Values | None, vanadium: Values | None
) -> Values:
    """The intensity that clients see: `corrected`, per unit of the axis if there is no vanadium.

    All bins are NaN if the sample has no charge or monitor count to divide by.
    """
    if lacking(sample, by):
        nothing = np.full(sample.edges.size - 1, np.nan)
        return Values(nothing, nothing)
    values, variances = corrected(sample, by, background, vanadium)
    width = np.diff(sample.edges) if vanadium is None else 1.0
    return Values(values / width, variances / width / width)


def _where(usable: NDArray[np.bool_], values: Values) -> Values:
    return Values(*(np.where(usable, each, np.nan) for each in values))


def _per(by: Normalisation, measured: Measured) -> Values:
    """``measured`` divided by its charge or monitor counts."""
    match by:
        case Normalisation.NONE:
            return Values(_floats(measured.counts), _floats(measured.variances))
        case Normalisation.PROTON_CHARGE:
            return per_charge(measured.counts, measured.variances, measured.charge_uc)
        case Normalisation.MONITOR:
            return per_monitor(measured.counts, measured.variances, measured.monitor_counts)


def undefined_bins(
    sample: Measured, by: Normalisation, references: References, intensity: Values
) -> tuple[int, str]:
    """The number of bins without an ``intensity``, and the reason in words."""
    bins = intensity.values.size
    undefined = int(np.count_nonzero(np.isnan(intensity.values)))
    why = "; ".join(filter(None, (lacking(sample, by), references.message)))
    return undefined, f"{undefined} of {bins} bins without a value: {why}" if undefined else why
