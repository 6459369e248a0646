"""Presets, which end an acquisition, and its progress."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.limits import REGIONS
from reduction.parameters.specs import Choice, Float, Integer, Switch


class Preset(enum.StrEnum):
    """What ends an acquisition."""

    NONE = "None"
    TIME = "Time"
    PULSES = "Pulses"
    COUNTS = "Counts"
    REL_ERROR = "RelError"


@dataclass(frozen=True)
class AcquisitionSettings(Settings):
    """What ends an acquisition, prefix ``$(P)``."""

    preset: Preset = parameter(
        Choice(
            pv="Preset",
            description="What ends an acquisition",
            details="Always a whole pulse, the same on all ranks.",
            options=Preset,
        ),
        Preset.NONE,
    )
    acquire_time: float = parameter(
        Float(
            pv="AcquireTime",
            description="Preset Time",
            details="Of time measured, as TimeElapsed_RBV tells it, to a millionth.",
            units="s",
            minimum=0.001,
        ),
        60.0,
    )
    preset_pulses: int = parameter(
        Integer(pv="PresetPulses", description="Preset Pulses", minimum=1), 1000
    )
    preset_counts: float = parameter(
        Float(pv="PresetCounts", description="Preset Counts", precision=0, minimum=1), 1e6
    )
    preset_rel_error: float = parameter(
        Float(
            pv="PresetRelError",
            description="Preset RelError: error over sum",
            precision=5,
            minimum=1e-6,
            maximum=1,
        ),
        0.01,
    )
    preset_region: int = parameter(
        Integer(
            pv="PresetRegion",
            description="Region of Red1 that is counted; 0: all",
            details="An acquisition by counts in a region without a window is refused.",
            minimum=0,
            maximum=REGIONS,
        ),
        0,
    )


@dataclass(frozen=True)
class AcquisitionStatus:
    """Progress of the acquisition, prefix ``$(P)``."""

    acquiring: bool = reading(
        Switch(pv="Acquire_RBV", description="Accumulating", off="Done", on="Acquiring"), True
    )
    series: int = reading(Integer(pv="Series_RBV", description="Number of the running series"), 1)
    pulses: int = reading(Integer(pv="PulsesAccumulated_RBV", description="Pulses in the result"))
    time_elapsed: float = reading(
        Float(
            pv="TimeElapsed_RBV",
            description="Time measured; pauses do not count",
            details="Each accumulated pulse counts the time since the pulse before it in the stream"
            " (after a gap of more than ten pulses, the usual time between pulses). So neither"
            " pauses nor times without pulses count. Presets and rates go by it.",
            units="s",
        )
    )
    real_time_elapsed: float = reading(
        Float(
            pv="RealTimeElapsed_RBV",
            description="From first to last pulse, with pauses",
            units="s",
        ),
        0.0,
    )
    time_remaining: float = reading(
        Float(
            pv="TimeRemaining_RBV",
            description="Time to go at this rate; 0: unknown",
            units="s",
        ),
        0.0,
    )
    progress: float = reading(
        Float(pv="Progress_RBV", description="Share of the preset reached", units="%", precision=1)
    )
