"""Regions of interest and peaks in the windows that settings define."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.windows import PeakStatus, RegionStatus, WindowSettings
from reduction.results.arrays import CountArray
from reduction.results.windows.regions import region_sum

NOT_SET = "not set: Min and Max are both 0"
"""What is said of a region or peak that is not used."""

NO_REGION, NO_PEAK = RegionStatus(message=NOT_SET), PeakStatus(message=NOT_SET)


def regions(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    counts: CountArray,
    variances: CountArray,
    seconds: float,
) -> tuple[RegionStatus, ...]:
    """The sum over each window of a histogram that was counted for ``seconds``.

    ``edges`` (n + 1,) ascend; ``counts`` and ``variances`` (n,). One status for each window.
    """
    return tuple(
        _region(window, edges, counts, variances, seconds) if window.used else NO_REGION
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
        # Without room for side bands there is still a sum; the message stays.
        bare = region_sum(edges, counts, variances, low, high, seconds, side_band=0)
        found = dataclasses.replace(bare, message=found.message)
    return found


def peaks(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    intensity: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> tuple[PeakStatus, ...]:
    """The peak in each window of a spectrum of intensities.

    ``edges`` (n + 1,) ascend; ``intensity`` and its standard deviations ``errors`` (n,). One status
    for each window.
    """
    if not any(each.used for each in windows):
        return (NO_PEAK,) * len(windows)
    # Imported here because scipy takes 0.4 s to import, and there may be no peak to fit.
    from reduction.results.windows.peaks import fit_peak

    return tuple(
        fit_peak(edges, intensity, errors, each.minimum, each.maximum) if each.used else NO_PEAK
        for each in windows
    )
