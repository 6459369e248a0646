"""Regions of interest and peaks of a spectrum: their settings and their readings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.specs import AXIS_UNITS, INTENSITY_UNITS, Float, Text


@dataclass(frozen=True)
class WindowSettings(Settings):
    """An interval of the axis, prefix ``$(P)Red1:ROI1:`` or ``:Peak1:``; not used from 0 to 0."""

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

    @property
    def ok(self) -> bool:
        """Whether there are numbers; if not, ``message`` says why."""
        return not math.isnan(self.total)


@dataclass(frozen=True)
class PeakStatus:
    """A Gaussian on a linear background, prefix ``$(P)Red1:Peak1:``; NaN where none is."""

    centre: float = reading(
        Float(pv="Centre_RBV", description="Position of the peak", units=AXIS_UNITS, precision=5),
        math.nan,
    )
    centre_error: float = reading(
        Float(
            pv="CentreErr_RBV",
            description="Standard error of Centre",
            units=AXIS_UNITS,
            precision=6,
        ),
        math.nan,
    )
    fwhm: float = reading(
        Float(
            pv="FWHM_RBV", description="Full width at half maximum", units=AXIS_UNITS, precision=5
        ),
        math.nan,
    )
    fwhm_error: float = reading(
        Float(
            pv="FWHMErr_RBV", description="Standard error of FWHM", units=AXIS_UNITS, precision=6
        ),
        math.nan,
    )
    height: float = reading(
        Float(
            pv="Height_RBV",
            description="Height over the background",
            details="In the unit of Spec:Y: the fit is to that, with its errors.",
            units=INTENSITY_UNITS,
            precision=4,
        ),
        math.nan,
    )
    height_error: float = reading(
        Float(
            pv="HeightErr_RBV",
            description="Standard error of Height",
            units=INTENSITY_UNITS,
            precision=4,
        ),
        math.nan,
    )
    background: float = reading(
        Float(
            pv="Background_RBV",
            description="Background under the peak",
            units=INTENSITY_UNITS,
            precision=4,
        ),
        math.nan,
    )
    background_error: float = reading(
        Float(
            pv="BackgroundErr_RBV",
            description="Standard error of Background",
            units=INTENSITY_UNITS,
            precision=4,
        ),
        math.nan,
    )
    chi2: float = reading(
        Float(pv="Chi2_RBV", description="Reduced chi-squared of the fit", precision=3), math.nan
    )
    message: str = reading(
        Text(pv="Message_RBV", description="Why there are no numbers", max_length=120), ""
    )

    @property
    def ok(self) -> bool:
        """Whether there are numbers; if not, ``message`` says why."""
        return not math.isnan(self.centre)
