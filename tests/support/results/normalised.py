"""The whole chain of corrections, as the ranks and the IOC take it in two steps."""

from __future__ import annotations

import numpy as np

from reduction.parameters.corrections import Normalisation
from reduction.results.normalisation import (
    DividedSpectrum,
    Measured,
    corrected,
    lacking,
    reference,
    where_positive,
)


def normalised(
    sample: Measured,
    by: Normalisation,
    background: Measured | None = None,
    vanadium: Measured | None = None,
) -> DividedSpectrum:
    """A spectrum `corrected` by background and vanadium as they were measured, in any bins.

    Bins that background or vanadium do not cover, and those where the vanadium is not above 0, are
    NaN and counted in ``undefined``. Raises ValueError for a charge or monitor count that is not
    above 0, and names the spectrum that has it.
    """
    if words := lacking(sample, by):
        raise ValueError(words)
    less = None if background is None else reference(by, background, sample.edges, "background: ")
    over = None if vanadium is None else reference(by, vanadium, sample.edges, "vanadium: ")
    if over is not None:
        over = where_positive(over)
    values, variances = corrected(sample, by, less, over)
    usable = np.ones(values.size, np.bool_)
    for each in (less, over):
        usable &= True if each is None else np.isfinite(each.values)
    return DividedSpectrum(values, variances, int(usable.size - np.count_nonzero(usable)))
