"""What intensities are corrected by: the settings, and the references that they lead to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reduction.normalisation import Measured, Normalisation, Values, lacking
from reduction.specs import Choice, Settings, Text, parameter


@dataclass(frozen=True)
class CorrectionSettings(Settings):
    """From counts to Y and E, prefix ``$(P)Red1:``."""

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
        ),
        "",
    )


@dataclass(frozen=True, eq=False)
class References:
    """Background and vanadium of a reduction, empty if there is none.

    Each ready for `reduction.normalisation.intensity`: the first is that of the sum, the others
    are of the groups, if there are groups and the file has the same. ``message`` says where they
    have no values.
    """

    background: tuple[Values, ...] = ()
    vanadium: tuple[Values, ...] = ()
    message: str = ""

    def of_all(self) -> tuple[Values | None, Values | None]:
        """Background and vanadium of the sum over groups."""
        return _at(self.background, 0), _at(self.vanadium, 0)

    def of_group(self, number: int) -> tuple[Values | None, Values | None]:
        """Those of a group; NaN if there is none of that group."""
        return _at(self.background, number + 1), _at(self.vanadium, number + 1)


def shortfall(
    sample: Measured, by: Normalisation, references: References, intensity: Values
) -> tuple[int, str]:
    """How many bins of ``sample`` have no ``intensity``, and why, in words."""
    bins = intensity.values.size
    undefined = int(np.count_nonzero(np.isnan(intensity.values)))
    why = "; ".join(filter(None, (lacking(sample, by), references.message)))
    return undefined, f"{undefined} of {bins} bins without a value: {why}" if undefined else why


def _at(references: tuple[Values, ...], number: int) -> Values | None:
    if not references:
        return None
    if number < len(references):
        return references[number]
    nothing = np.full(references[0].values.size, np.nan)
    return Values(nothing, nothing)
