"""When an acquisition ends, as rank 0 counts it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus, Preset

NEVER_NS = 2**63 - 1
"""A pulse time that none reaches."""


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

    def restarted(self) -> Acquisition:
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
