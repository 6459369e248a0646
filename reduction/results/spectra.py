"""The spectra of a result, each with what was measured beside it and what corrects it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import ReductionResult, Values
from reduction.parameters.corrections import Normalisation
from reduction.results.normalisation import Measured, intensity

EVERY_SLICE = slice(None)


class MeasuredSpectrum(NamedTuple):
    """A spectrum as it was ``measured``, and the background and vanadium for it, if any."""

    measured: Measured
    background: Values | None
    vanadium: Values | None

    def intensity(self, by: Normalisation) -> Values:
        """What is shown of it, (bins,); see `reduction.results.normalisation.intensity`."""
        return intensity(self.measured, by, self.background, self.vanadium)


def sum_spectrum(result: ReductionResult) -> MeasuredSpectrum:
    """The sum over slices and groups."""
    return MeasuredSpectrum(_measured(result, (), (0, 1)), *result.references.of_all())


def slice_spectrum(result: ReductionResult, number: int) -> MeasuredSpectrum:
    """The sum over groups in a slice, with the charge and monitor counts of that."""
    here = slice(number, number + 1)
    return MeasuredSpectrum(_measured(result, here, (0, 1), here), *result.references.of_all())


def group_spectrum(result: ReductionResult, number: int) -> MeasuredSpectrum:
    """The sum over slices of a group."""
    measured = _measured(result, (EVERY_SLICE, number), 0)
    return MeasuredSpectrum(measured, *result.references.of_group(number))


def series_spectrum(result: ReductionResult, number: int) -> MeasuredSpectrum:
    """A closed series."""
    assert result.edges is not None
    one = result.series[number]
    counts = one.counts.astype(np.float64)
    measured = Measured(result.edges, counts, counts, one.charge_uc, one.monitor_counts)
    return MeasuredSpectrum(measured, *result.references.of_all())


def _measured(
    result: ReductionResult, where: Any, axis: int | tuple[int, int], slices: slice = EVERY_SLICE
) -> Measured:
    """The sum over an axis of the cells ``where``, in ``slices``: counts, or weights if they fade.

    Variances below zero are what rounding left where events have moved to another slice.
    """
    assert result.edges is not None
    assert result.counts is not None
    if result.faded is None:
        counts = variances = _sum(result.counts, where, axis)
    else:
        counts, variances = (_sum(each, where, axis) for each in result.faded)
        variances = np.maximum(variances, 0)
    charge, monitor = sum(result.charges_uc[slices]), sum(result.monitor_counts[slices])
    return Measured(result.edges, counts, variances, charge, monitor)


def _sum(cells: NDArray[Any], where: Any, axis: int | tuple[int, int]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = cells[where].sum(axis=axis, dtype=np.float64)
    return total
