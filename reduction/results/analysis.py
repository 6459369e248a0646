"""Regions of interest and peaks of a spectrum: what they are set to, and what they show."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.windows import PeakStatus, RegionStatus, WindowSettings
from reduction.results.arrays import CountArray
from reduction.results.regions import region_sum


def regions(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    counts: CountArray,
    variances: CountArray,
    seconds: float,
) -> tuple[RegionStatus, ...]:
    """The sums over each window of a histogram, edges (n + 1,), counts and variances (n,)."""
    return tuple(
        _region(window, edges, counts, variances, seconds) if window.used else RegionStatus()
        for window in windows
    )


def _region(
    window: WindowSettings,
    edges: NDArray[np.float64],
    counts: CountArray,
    variances: CountArray,
    seconds: float,
) -> RegionStatus:
    low, high = window.minimum, window.maximum
    found = region_sum(edges, counts, variances, low, high, seconds)
    if not found.ok:
        # Without room for side bands there is still a sum; without a sum the message stands.
        bare = region_sum(edges, counts, variances, low, high, seconds, side_band=0)
        found = dataclasses.replace(bare, message=found.message)
    return found


def peaks(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    intensity: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> tuple[PeakStatus, ...]:
    """The peak in each window of a spectrum as it is shown, edges (n + 1,), the others (n,)."""
    if not any(each.used for each in windows):
        return (PeakStatus(),) * len(windows)
    from reduction.results.peaks import (
        fit_peak,  # with it comes scipy, which who only sets has no use for
    )

    return tuple(
        fit_peak(edges, intensity, errors, each.minimum, each.maximum)
        if each.used
        else PeakStatus()
        for each in windows
    )
