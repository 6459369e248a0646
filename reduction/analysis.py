"""Regions of interest and peaks of a spectrum: what they are set to, and what they show."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from reduction.regions import Counts, region_sum
from reduction.specs import AXIS, Float, Settings, Text, parameter, reading

REGIONS = 8
PEAKS = 4


@dataclass(frozen=True)
class WindowSettings(Settings):
    """A part of the axis, prefix ``$(P)Red1:ROI1:`` or ``:Peak1:``; not used from 0 to 0."""

    minimum: float = parameter(
        Float(pv="Min", description="Start, in the unit of the axis", precision=5), 0.0
    )
    maximum: float = parameter(
        Float(
            pv="Max",
            description="End, in the unit of the axis",
            details="With Min and Max both 0 it is not used.",
            precision=5,
        ),
        0.0,
    )

    @property
    def used(self) -> bool:
        return (self.minimum, self.maximum) != (0.0, 0.0)


@dataclass(frozen=True)
class RegionStatus:
    """Sums over a region, prefix ``$(P)Red1:ROI1:``; NaN where there is none."""

    total: float = reading(
        Float(
            pv="Total_RBV",
            description="Counts in the region",
            details="Of YC, not normalised. A bin cut by Min or Max contributes its share.",
            precision=1,
        ),
        math.nan,
    )
    error: float = reading(
        Float(pv="Error_RBV", description="Standard error of Total", precision=2), math.nan
    )
    net: float = reading(
        Float(
            pv="Net_RBV",
            description="Counts above the background",
            details="The background is a line through side bands, a tenth as wide.",
            precision=1,
        ),
        math.nan,
    )
    net_error: float = reading(
        Float(pv="NetError_RBV", description="Standard error of Net", precision=2), math.nan
    )
    rate: float = reading(
        Float(pv="Rate_RBV", description="Total per second", units="1/s", precision=2), math.nan
    )
    message: str = reading(
        Text(pv="Message_RBV", description="Why there are no numbers", max_length=120), ""
    )


@dataclass(frozen=True)
class PeakStatus:
    """A Gaussian on a linear background, prefix ``$(P)Red1:Peak1:``; NaN where none is."""

    centre: float = reading(
        Float(pv="Centre_RBV", description="Position of the peak", units=AXIS, precision=5),
        math.nan,
    )
    centre_error: float = reading(
        Float(pv="CentreErr_RBV", description="Standard error of Centre", units=AXIS, precision=6),
        math.nan,
    )
    fwhm: float = reading(
        Float(pv="FWHM_RBV", description="Full width at half maximum", units=AXIS, precision=5),
        math.nan,
    )
    fwhm_error: float = reading(
        Float(pv="FWHMErr_RBV", description="Standard error of FWHM", units=AXIS, precision=6),
        math.nan,
    )
    height: float = reading(
        Float(
            pv="Height_RBV",
            description="Height over the background",
            details="In the unit of Spec:Y: the fit is to that, with its errors.",
            precision=4,
        ),
        math.nan,
    )
    height_error: float = reading(
        Float(pv="HeightErr_RBV", description="Standard error of Height", precision=4), math.nan
    )
    background: float = reading(
        Float(pv="Background_RBV", description="Background under the peak", precision=4), math.nan
    )
    background_error: float = reading(
        Float(pv="BackgroundErr_RBV", description="Standard error of Background", precision=4),
        math.nan,
    )
    chi2: float = reading(
        Float(pv="Chi2_RBV", description="Reduced chi-squared of the fit", precision=3), math.nan
    )
    message: str = reading(
        Text(pv="Message_RBV", description="Why there are no numbers", max_length=120), ""
    )


def regions(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    counts: Counts,
    variances: Counts,
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
    counts: Counts,
    variances: Counts,
    seconds: float,
) -> RegionStatus:
    low, high = window.minimum, window.maximum
    found = region_sum(edges, counts, variances, low, high, seconds)
    if not found.ok:
        # Without room for side bands there is still a sum; without a sum the message stands.
        bare = region_sum(edges, counts, variances, low, high, seconds, side_band=0)
        found = dataclasses.replace(bare, message=found.message)
    return _status(RegionStatus, found)


def peaks(
    windows: Sequence[WindowSettings],
    edges: NDArray[np.float64],
    intensity: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> tuple[PeakStatus, ...]:
    """The peak in each window of a spectrum as it is shown, edges (n + 1,), the others (n,)."""
    if not any(each.used for each in windows):
        return (PeakStatus(),) * len(windows)
    from reduction.peaks import fit_peak  # with it comes scipy, which who only sets has no use for

    return tuple(
        _status(PeakStatus, fit_peak(edges, intensity, errors, each.minimum, each.maximum))
        if each.used
        else PeakStatus()
        for each in windows
    )


StatusT = TypeVar("StatusT", RegionStatus, PeakStatus)


def _status(kind: type[StatusT], found: object) -> StatusT:
    names = [each.name for each in dataclasses.fields(kind)]
    return kind(**{name: getattr(found, name) for name in names})
