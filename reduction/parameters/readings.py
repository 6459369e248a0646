"""What a reduction reports: its readings, prefix ``$(P)Red1:``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.fields import reading
from reduction.parameters.specs import (
    AXIS_UNITS,
    INTENSITY_UNITS,
    Array,
    Float,
    Guidance,
    Integer,
    Text,
)

OptionalArray = NDArray[np.float64] | None


CHARGE_OF_PULSES = Float(
    pv="ProtonCharge_RBV", description="Proton charge of its pulses", units="uC", precision=3
)
MONITORS_OF_PULSES = Float(
    pv="MonitorCounts_RBV", description="Events of monitors in its pulses", precision=0
)
"""Readings that slices and series have alike."""


@dataclass(frozen=True)
class ReductionStatus:
    """State of the reduction, prefix ``$(P)Red1:``."""

    generation: int = reading(
        Integer(pv="Generation_RBV", description="Accepted changes of this reduction")
    )
    events_binned: int = reading(
        Float(
            pv="EventsBinned_RBV",
            description="Events in the histogram",
            details="With those of the closed series.",
            precision=0,
            guidance=Guidance("INVALID: these spectra are of before the ranks went away."),
        )
    )
    events_out_of_range: int = reading(
        Float(pv="EventsOutOfRange_RBV", description="Events outside the bins", precision=0)
    )
    events_masked: int = reading(
        Float(
            pv="EventsMasked_RBV", description="Events of masked pixels and monitors", precision=0
        )
    )
    monitor_counts: int = reading(
        Float(pv="MonitorCounts_RBV", description="Events of monitors, of all slices", precision=0)
    )
    proton_charge: float = reading(
        Float(
            pv="ProtonCharge_RBV",
            description="Proton charge of the running series",
            details="The sum of the log proton_charge over its pulses in all slices.",
            units="uC",
            precision=3,
        ),
        math.nan,
    )
    events_filtered: int = reading(
        Float(pv="EventsFiltered_RBV", description="Events left out by a filter", precision=0)
    )
    events_invalid: int = reading(
        Float(pv="EventsInvalid_RBV", description="Events of no pixel or time", precision=0)
    )
    events_bad_pixel: int = reading(
        Float(
            pv="EventsBadPixel_RBV",
            description="Invalid: pixel not in the instrument",
            precision=0,
        )
    )
    # Displaced events; the PV keeps its older name, EventsAstray.
    events_displaced: int = reading(
        Float(
            pv="EventsAstray_RBV",
            description="Folded events that may be one bin off",
            details="An edge lies within the fine bin that such an event was folded into.",
            precision=0,
        )
    )
    events_bad_time: int = reading(
        Float(
            pv="EventsBadTime_RBV",
            description="Invalid: time of flight out of bounds",
            precision=0,
        )
    )
    bins_undefined: int = reading(
        Integer(
            pv="BinsUndefined_RBV",
            description="Bins of Spec:Y without a value",
            details="For want of background, vanadium, charge or monitor counts.",
        )
    )
    normalisation_message: str = reading(
        Text(pv="NormalisationMessage_RBV", description="Why there are bins without a value"), ""
    )


@dataclass(frozen=True)
class ReductionShape:
    """Numbers of slices, groups and series, prefix ``$(P)Red1:``."""

    slices: int = reading(Integer(pv="NumSlices_RBV", description="Slices of the log; 1 without"))
    groups: int = reading(Integer(pv="NumGroups_RBV", description="Detector groups"))
    series: int = reading(Integer(pv="NumSeries_RBV", description="Closed series"))


@dataclass(frozen=True)
class DetectorFileReadings:
    """Files about detectors as they were read, prefix ``$(P)Red1:``; empty if none is set."""

    calibration: str = reading(
        Text(
            pv="CalibrationDigest_RBV",
            description="SHA-256 of the calibration in force",
            details="As sha256sum prints it; another one than that of the file now: the file has"
            " changed since it was read.",
            max_length=64,
        ),
        "",
    )
    mask: str = reading(
        Text(pv="MaskFileDigest_RBV", description="SHA-256 of the mask in force", max_length=64), ""
    )
    groups: str = reading(
        Text(
            pv="GroupsFileDigest_RBV",
            description="SHA-256 of the groups in force",
            max_length=64,
        ),
        "",
    )


@dataclass(frozen=True)
class HistogramReadings:
    """A histogram's counts; each array (bins,) float64, or None where there is no histogram."""

    y: OptionalArray = reading(
        Array(
            pv="Y",
            description="Intensity: counts per unit of X",
            units=INTENSITY_UNITS,
            details="Per charge or monitor count, less the background, and over the vanadium, as"
            " set; NaN where that is not to be had.",
        ),
        None,
    )
    yc: OptionalArray = reading(
        Array(pv="YC", description="Counts", units="counts", precision=0), None
    )
    e: OptionalArray = reading(
        Array(pv="E", description="Standard error of Y", units=INTENSITY_UNITS), None
    )
    total: float = reading(Float(pv="Total_RBV", description="Sum of the counts", precision=0))


@dataclass(frozen=True)
class SpectrumReadings(HistogramReadings):
    """Sum over all slices and groups, prefix ``$(P)Red1:Spec:``; ``xe`` (bins + 1,)."""

    x: OptionalArray = reading(Array(pv="X", description="Bin centres", units=AXIS_UNITS), None)
    xe: OptionalArray = reading(
        Array(pv="XE", description="Bin edges, one more than bins", units=AXIS_UNITS), None
    )


@dataclass(frozen=True)
class SliceReadings(HistogramReadings):
    """A slice of the log over all groups, prefix ``$(P)Red1:Slice1:``; its axis is Spec:X."""

    low: float = reading(
        Float(
            pv="Low_RBV",
            description="Least log value of the slice",
            details="With Invert, Low to High is what is left out.",
        )
    )
    high: float = reading(Float(pv="High_RBV", description="End of the slice, not part of it"))
    middle: float = reading(Float(pv="Middle_RBV", description="Between Low and High"))
    proton_charge: float = reading(CHARGE_OF_PULSES, math.nan)
    monitor_counts: float = reading(MONITORS_OF_PULSES, math.nan)
    time_elapsed: float = reading(
        Float(pv="TimeElapsed_RBV", description="Time measured in its pulses", units="s"),
        math.nan,
    )


@dataclass(frozen=True)
class SeriesReadings(SeriesStatus, HistogramReadings):
    """A closed series over all slices and groups, prefix ``$(P)Red1:Series1:``; axis Spec:X."""

    proton_charge: float = reading(CHARGE_OF_PULSES, math.nan)
    monitor_counts: float = reading(MONITORS_OF_PULSES, math.nan)


@dataclass(frozen=True)
class GroupReadings(HistogramReadings):
    """A detector group over all slices, prefix ``$(P)Red1:Group1:``; its axis is Spec:X."""

    pixels: str = reading(
        Text(pv="Pixels_RBV", description="Detectors of the group", max_length=1000), ""
    )
