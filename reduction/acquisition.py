"""When an accumulation ends: presets, and how far it has come."""

from __future__ import annotations

import enum
import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from reduction.specs import Choice, Float, Integer, Settings, Switch, parameter, reading

NEVER_NS = 2**63 - 1
"""A pulse time that none reaches."""


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
        Float(pv="AcquireTime", description="Preset Time", units="s", minimum=0.001), 60.0
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
            minimum=0,
            maximum=8,
        ),
        0,
    )


@dataclass(frozen=True)
class AcquisitionStatus:
    """How far an acquisition has come, prefix ``$(P)``."""

    acquiring: bool = reading(
        Switch(pv="Acquire_RBV", description="Accumulating", off="Done", on="Acquiring"), True
    )
    series: int = reading(Integer(pv="Series_RBV", description="Number of the running series"), 1)
    pulses: int = reading(Integer(pv="PulsesAccumulated_RBV", description="Pulses in the result"))
    time_elapsed: float = reading(
        Float(pv="TimeElapsed_RBV", description="Time that the pulses span", units="s")
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


class Acquisition:
    """The pulses accumulated since a start, as rank 0 counts them.

    ``times_ns`` are those of the pulses in the result.
    """

    def __init__(self, settings: AcquisitionSettings) -> None:
        self.settings = settings
        self.times_ns = array("q")
        self.done = False
        self._share = 0.0

    @property
    def pulses(self) -> int:
        return len(self.times_ns)

    @property
    def first_ns(self) -> int:
        return self.times_ns[0] if self.times_ns else 0

    @property
    def last_ns(self) -> int:
        return self.times_ns[-1] if self.times_ns else 0

    def afresh(self) -> Acquisition:
        """The same with nothing accumulated; one that has ended stays so."""
        fresh = Acquisition(self.settings)
        fresh.done = self.done
        return fresh

    def limit_ns(self, marks: Iterable[int]) -> int:
        """The last pulse time to cut at, given the times of the pulses that have come since."""
        match self.settings.preset:
            case Preset.PULSES:
                return self._after(marks, self.settings.preset_pulses - self.pulses)
            case Preset.TIME:
                return self._before(marks, self.settings.acquire_time)
            case _:
                return NEVER_NS

    def _after(self, marks: Iterable[int], left: int) -> int:
        for number, time_ns in enumerate(marks, start=1):
            if number == left:
                return time_ns
        return NEVER_NS if left > 0 else self.last_ns

    def _before(self, marks: Iterable[int], seconds: float) -> int:
        last_ns = self.last_ns
        first_ns = self.first_ns if self.pulses else None
        for time_ns in marks:
            first_ns = time_ns if first_ns is None else first_ns
            if time_ns >= first_ns + seconds * 1e9:
                return last_ns
            last_ns = time_ns
        return NEVER_NS

    def accumulated(self, marks: Iterable[int]) -> None:
        """Pulses at these times are in the result."""
        for time_ns in marks:
            self.times_ns.append(time_ns)

    def counted(self, total: float, error: float) -> None:
        """The result has this total, whose standard error is ``error``."""
        match self.settings.preset:
            case Preset.COUNTS:
                self._share = total / self.settings.preset_counts
            case Preset.REL_ERROR:
                wanted = self.settings.preset_rel_error
                # The error falls with the square root: its square tells how far there is to go.
                self._share = (wanted * total / error) ** 2 if error > 0 else 0.0
            case Preset.PULSES:
                self._share = self.pulses / self.settings.preset_pulses
            case Preset.TIME:
                self._share = self._elapsed_s / self.settings.acquire_time
            case Preset.NONE:
                self._share = 0.0

    @property
    def reached(self) -> bool:
        """Whether the counts have reached their preset."""
        counting = self.settings.preset in (Preset.COUNTS, Preset.REL_ERROR)
        return counting and math.isfinite(self._share) and self._share >= 1

    @property
    def _elapsed_s(self) -> float:
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def status(self) -> AcquisitionStatus:
        share = 1.0 if self.done and self.settings.preset != Preset.NONE else min(self._share, 1.0)
        left_s = self._elapsed_s * (1 / share - 1) if 0 < share < 1 else 0.0
        return AcquisitionStatus(
            acquiring=not self.done,
            pulses=self.pulses,
            time_elapsed=self._elapsed_s,
            time_remaining=left_s,
            progress=100 * share,
        )
