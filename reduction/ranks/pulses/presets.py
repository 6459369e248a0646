"""When a preset ends an acquisition."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from reduction.control.run_state import RunState
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus, Preset
from reduction.ranks.pulses.counted_pulses import SeriesPulses
from reduction.ranks.pulses.pulse_periods import PulsePeriods
from reduction.stream.pulses import NEVER_NS

CLOCK_ERROR = 1e-6
"""Relative error of a source's clock: a preset is reached if the measured time lacks no more.

42 pulses of 71428571 ns are 3 s at 14 Hz, and not 18 ns less.
"""


class Acquisition:
    """How far the pulses of the running series are from a preset.

    ``series`` has these pulses, ``periods`` the time between all pulses of the stream. The counts
    of a result, for presets of these, are known on rank 0 alone.
    """

    def __init__(
        self, settings: AcquisitionSettings, series: SeriesPulses, periods: PulsePeriods
    ) -> None:
        self.settings = settings
        self._series, self._periods = series, periods
        self._share = 0.0

    def limit_ns(self, times_ns: NDArray[np.int64], counts: NDArray[np.bool_]) -> int:
        """The time of the last pulse before the preset is reached; `NEVER_NS` if it is not yet.

        ``times_ns`` (n,) int64 are the pulses that come next, and ``counts`` (n,) bool tells which
        of them count for the running series.
        """
        match self.settings.preset:
            case Preset.PULSES:
                return self._after(times_ns[counts])
            case Preset.TIME:
                return self._before(times_ns, counts)
            case _:
                return NEVER_NS

    def _after(self, times_ns: NDArray[np.int64]) -> int:
        """The time of the pulse with which there are enough; ``times_ns`` (n,) int64 come next."""
        left = self.settings.preset_pulses - self._series.pulses
        if left <= 0:
            return self._series.last_ns
        return int(times_ns[left - 1]) if left <= times_ns.size else NEVER_NS

    def _before(self, times_ns: NDArray[np.int64], counts: NDArray[np.bool_]) -> int:
        """The time of the last pulse before the measured time exceeds the preset."""
        series, periods = self._series, self._periods.copy()
        last_ns, enough_ns = series.last_ns, self.settings.acquire_time * 1e9 * (1 - CLOCK_ERROR)
        begun, since_first_ns = series.pulses > 0, series.measured_ns - series.first_pulse_ns
        for time_ns, counted in zip(times_ns.tolist(), counts.tolist(), strict=True):
            period_ns = periods.passed(time_ns)
            if not counted:
                continue
            if begun:
                since_first_ns += periods.measured_ns(period_ns)
            begun = True
            if since_first_ns >= enough_ns:
                return last_ns
            last_ns = time_ns
        return NEVER_NS

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
                self._share = self._series.pulses / self.settings.preset_pulses
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
        return self._series.measured_ns / 1e9

    @property
    def _real_s(self) -> float:
        """The time from the start of the first pulse to the last one."""
        series = self._series
        return (series.last_ns - series.first_ns + series.first_pulse_ns) / 1e9

    def status(self, state: RunState) -> AcquisitionStatus:
        """The progress of the acquisition in ``state``; once it has ended, no time remains."""
        preset = self.settings.preset != Preset.NONE
        share = 1.0 if state.reached and preset else min(self._share, 1.0)
        left_s = self._elapsed_s * (1 / share - 1) if 0 < share < 1 else 0.0
        return AcquisitionStatus(
            acquiring=state.running,
            series=state.series,
            pulses=self._series.pulses,
            time_elapsed=self._elapsed_s,
            real_time_elapsed=self._real_s,
            time_remaining=left_s if state.running else 0.0,
            progress=100 * share,
        )
