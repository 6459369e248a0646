"""Settings of the normalisation, and of background and vanadium."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.specs import Choice, Text


class Normalisation(enum.StrEnum):
    """What spectra are normalised by."""

    NONE = "None"
    PROTON_CHARGE = "ProtonCharge"
    MONITOR = "Monitor"


@dataclass(frozen=True)
class CorrectionSettings(Settings):
    """Normalisation, background and vanadium, prefix ``$(P)Red1:``."""

    normalisation: Normalisation = parameter(
        Choice(
            pv="Normalisation",
            description="What Y and E are divided by",
            details="ProtonCharge: the sum of the log proton_charge over the pulses, in uC."
            " Monitor: the counts of the monitors. Y is NaN where there is none. A slice has its"
            " own. Counts (YC) stay counts.",
            options=Normalisation,
        ),
        Normalisation.NONE,
    )
    background: str = parameter(
        Text(
            pv="Background",
            description="Saved result to subtract; empty: none",
            details="A file of File:Write, on the host of IOC and ranks; read when it is set. It is"
            " rebinned and normalised as the spectra are; with Normalisation None it is subtracted"
            " as it is. A group takes that of the same group.",
            max_length=500,
            holds_path=True,
        ),
        "",
    )
    vanadium: str = parameter(
        Text(
            pv="Vanadium",
            description="Saved result to divide by; empty: none",
            details="As Background. Y is then a ratio, no longer per unit of X, and NaN where the"
            " vanadium is not above 0.",
            max_length=500,
            holds_path=True,
        ),
        "",
    )
