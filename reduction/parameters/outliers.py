"""The search for dead and hot detectors: its setting, and what it has found."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.specs import Command, Float, Integer, Text

LONGEST_FOUND = 20_000
"""Longest list of detectors, in characters; `OutlierReadings` counts those beyond it, too."""


@dataclass(frozen=True)
class OutlierSettings(Settings):
    """Search for dead and hot detectors, prefix ``$(P)Red1:Outliers:``; off at first."""

    sigmas: float = parameter(
        Float(
            pv="Sigmas",
            description="Deviation of dead and hot; 0: no search",
            details="Standard deviations from the median of the bank, in the counts of the image's"
            " Source, Min and Max. 5 is usual; see the guide to images.",
            minimum=0,
            maximum=100,
        ),
        0.0,
    )

    @property
    def searched(self) -> bool:
        """Whether there is a search."""
        return self.sigmas > 0


@dataclass(frozen=True)
class OutlierCommands:
    """Masking what was found, prefix ``$(P)Red1:Outliers:``."""

    mask: bool = parameter(
        Command(
            pv="Mask",
            description="Mask the dead and hot detectors",
            details="Adds the ids in Dead_RBV and Hot_RBV to the setting Mask.",
            on="Mask",
        ),
        False,
    )
    unmask: bool = parameter(
        Command(
            pv="Unmask",
            description="Put back the mask from before",
            details="The setting Mask as it was before the last put to Outliers:Mask.",
            on="Unmask",
        ),
        False,
    )


@dataclass(frozen=True)
class OutlierReadings:
    """Dead and hot detectors, prefix ``$(P)Red1:Outliers:``, every few seconds."""

    tested: int = reading(
        Integer(pv="NumTested_RBV", description="Detectors tested; masked ones are not")
    )
    dead_count: int = reading(Integer(pv="NumDead_RBV", description="Dead detectors"))
    hot_count: int = reading(Integer(pv="NumHot_RBV", description="Hot detectors"))
    dead: str = reading(
        Text(
            pv="Dead_RBV",
            description="Ids of dead detectors, as Mask takes",
            details="The first ones, if they are too many for a list.",
            max_length=LONGEST_FOUND,
        ),
        "",
    )
    hot: str = reading(
        Text(
            pv="Hot_RBV",
            description="Ids of hot detectors, as Mask takes",
            details="The first ones, if they are too many for a list.",
            max_length=LONGEST_FOUND,
        ),
        "",
    )
