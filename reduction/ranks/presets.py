"""When a preset ends an acquisition."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus, Preset
from reduction.ranks.pulse_periods import PulsePeriods

NEVER_NS = 2**63 - 1
"""A time later than that of any pulse."""

ROUNDING_NS = 2
"""Largest error of the measured time of a pulse that has the usual time between pulses."""


class Acquisition:
    """The pulses that are accumulated since a start, and how far they are from a preset.

    ``times_ns`` are the times of the pulses, ns since the Unix epoch. ``periods`` give the measured
    time of each. It is ``done`` once the preset is reached. The counts of a result, for
    presets of these, are known on rank 0 alone.
    """

    def __init__(
        self,
        settings: AcquisitionSettings,
        *,
        done: bool = False,
        periods: PulsePeriods | None = None,
    ) -> None:
        self.settings = settings
        self.times_ns = array("q")
        self.done = done
        self._periods = periods or PulsePeriods()
        self._pulse_ns = array("q")
        self._unsettled_ns = array("q")
        """The periods of the pulses, until the usual one is known."""
        self._measured_ns = 0
        self._estimated = 0
        """How many pulses after the first have the usual time as measured time."""
        self._share = 0.0

    @property
    def pulses(self) -> int:
        """How many pulses are accumulated."""
        return len(self.times_ns)

    @property
    def first_ns(self) -> int:
        """The time of the first pulse; 0 without pulses."""
        return self.times_ns[0] if self.times_ns else 0

    @property
    def last_ns(self) -> int:
        """The time of the last pulse; 0 without pulses."""
        return self.times_ns[-1] if self.times_ns else 0

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The measured time of each pulse, (pulses,) float64, in s."""
        return np.array(self._pulse_ns, np.float64) / 1e9

    def restarted(self) -> Acquisition:
        """The same with no pulse accumulated. If it has ended it stays ended."""
        return Acquisition(self.settings, done=self.done, periods=self._periods)

    def started(self, settings: AcquisitionSettings) -> Acquisition:
        """An acquisition without pulses, with another preset."""
        return Acquisition(settings, periods=self._periods)

    def limit_ns(self, times_ns: Iterable[int]) -> int:
        """The time of the last pulse before the preset is reached; `NEVER_NS` if it is not yet.

        ``times_ns`` are those of the pulses that have come and are not accumulated yet.
        """
        match self.settings.preset:
            case Preset.PULSES:
                return self._after(times_ns, self.settings.preset_pulses - self.pulses)
            case Preset.TIME:
                return self._before(times_ns, self.settings.acquire_time)
            case _:
                return NEVER_NS

    def _after(self, times_ns: Iterable[int], left: int) -> int:
        """The time of the pulse with which ``left`` more pulses have come."""
        for number, time_ns in enumerate(times_ns, start=1):
            if number == left:
                return time_ns
        return NEVER_NS if left > 0 else self.last_ns

    def _before(self, times_ns: Iterable[int], seconds: float) -> int:
        """The time of the last pulse before the measured time exceeds ``seconds``."""
        last_ns, periods = self.last_ns, self._periods.copy()
        since_first_ns = self._measured_ns - self._pulse_ns[0] if self.pulses else None
        rounding_ns = ROUNDING_NS * self._estimated
        for time_ns in times_ns:
            period_ns = periods.passed(time_ns)
            pulse_ns = periods.measured_ns(period_ns)
            if since_first_ns is None:
                since_first_ns = 0
            else:
                since_first_ns += pulse_ns
                rounding_ns += ROUNDING_NS * (pulse_ns != period_ns)
            if since_first_ns + rounding_ns >= seconds * 1e9:
                return last_ns
            last_ns = time_ns
        return NEVER_NS

    def accumulated(self, times_ns: Iterable[int]) -> None:
        """Note that the pulses at these times, the next ones of the stream, are accumulated."""
        settled = self._periods.settled
        for time_ns in times_ns:
            period_ns = self._periods.passed(time_ns)
            pulse_ns = self._periods.measured_ns(period_ns)
            self.times_ns.append(time_ns)
            self._pulse_ns.append(pulse_ns)
            self._measured_ns += pulse_ns
            self._estimated += self.pulses > 1 and pulse_ns != period_ns
            if not settled:
                self._unsettled_ns.append(period_ns)
        if not settled:
            self._settle()

    def passed(self, times_ns: Iterable[int]) -> None:
        """Note that the pulses at these times, the next ones of the stream, do not count."""
        settled = self._periods.settled
        for time_ns in times_ns:
            self._periods.passed(time_ns)
        if not settled:
            self._settle()

    def _settle(self) -> None:
        """Compute the measured time of the first pulses again, now that the usual time is known."""
        known = [self._periods.measured_ns(period_ns) for period_ns in self._unsettled_ns]
        self._pulse_ns[: len(known)] = array("q", known)
        self._measured_ns = sum(self._pulse_ns)

    def counted(self, total: float, error: float) -> None:
        """Note the counts of a result, and their standard error."""
        match self.settings.preset:
            case Preset.COUNTS:
                self._share = total / self.settings.preset_counts
            case Preset.REL_ERROR:
                wanted = self.settings.preset_rel_error
                # The error falls with the root of the counts, so its square gives the progress.
                self._share = (wanted * total / error) ** 2 if error > 0 else 0.0
            case Preset.PULSES:
                self._share = self.pulses / self.settings.preset_pulses
            case Preset.TIME:
                self._share = self._elapsed_s / self.settings.acquire_time
            case Preset.NONE:
                self._share = 0.0

    @property
    def reached(self) -> bool:
        """Whether the counts have reached a preset of counts or error."""
        counting = self.settings.preset in (Preset.COUNTS, Preset.REL_ERROR)
        return counting and math.isfinite(self._share) and self._share >= 1

    @property
    def _elapsed_s(self) -> float:
        return self._measured_ns / 1e9

    @property
    def _real_s(self) -> float:
        """The time from the start of the first pulse to the last one."""
        before_ns = self._pulse_ns[0] if self.pulses else 0
        return (self.last_ns - self.first_ns + before_ns) / 1e9

    @property
    def status(self) -> AcquisitionStatus:
        """The progress of the acquisition."""
        share = 1.0 if self.done and self.settings.preset != Preset.NONE else min(self._share, 1.0)
        left_s = self._elapsed_s * (1 / share - 1) if 0 < share < 1 else 0.0
        return AcquisitionStatus(
            acquiring=not self.done,
            pulses=self.pulses,
            time_elapsed=self._elapsed_s,
            real_time_elapsed=self._real_s,
            time_remaining=left_s,
            progress=100 * share,
        )
