"""What the intensities of a reduction are: in words, and their unit."""

from __future__ import annotations

from pathlib import Path

from reduction.files.saved_parts import unit_per
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.units import Units

COUNT_UNITS = {
    Normalisation.NONE: "counts",
    Normalisation.PROTON_CHARGE: "counts/uC",
    Normalisation.MONITOR: "1",  # counts per counts of the monitor
}
"""The unit of counts that are normalised, as UDUNITS spells it."""

PER = {
    Normalisation.NONE: "",
    Normalisation.PROTON_CHARGE: "uC of proton charge",
    Normalisation.MONITOR: "monitor count",
}
"""What counts are normalised by, in words."""


def intensity_units(units: Units, corrections: CorrectionSettings) -> str:
    """The unit of the intensity, as UDUNITS spells it; a ratio to vanadium has none."""
    if corrections.vanadium:
        return "1"
    return unit_per(COUNT_UNITS[corrections.normalisation], units.labels.units)


def intensity_name(units: Units, corrections: CorrectionSettings) -> str:
    """What the intensity is, in words; files are named without their folders."""
    per_axis = "" if corrections.vanadium else units.symbol
    by = " and ".join(filter(None, (per_axis, PER[corrections.normalisation])))
    words = [f"counts per {by}" if by else "counts"]
    if corrections.background:
        words.append(f"less the background {Path(corrections.background).name}")
    if corrections.vanadium:
        words.append(f"over the vanadium {Path(corrections.vanadium).name}")
    return ", ".join(words)


def intensity_egu(units: Units, corrections: CorrectionSettings) -> str:
    """The unit of the intensity for EPICS, at most 7 characters of ASCII; a ratio has 1.

    Counts per charge in 1/Ang of the axis are Ang/uC.
    """
    if corrections.vanadium:
        return "1"
    inverse = units.symbol.removeprefix("1/")
    reciprocal = inverse != units.symbol
    match corrections.normalisation:
        case Normalisation.NONE:
            return f"cts*{inverse}" if reciprocal else f"cts/{inverse}"
        case Normalisation.PROTON_CHARGE:
            return f"{inverse}/uC" if reciprocal else f"/{inverse}/uC"
        case Normalisation.MONITOR:
            return inverse if reciprocal else f"1/{inverse}"
