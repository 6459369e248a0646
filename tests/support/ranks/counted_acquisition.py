"""An acquisition whose pulses a test gives by their times alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reduction.control.run_state import RunState
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.ranks.pulses.counted_pulses import CountedPulses
from reduction.ranks.pulses.presets import Acquisition
from reduction.stream.pulses import NEVER_NS, CompletePulse


class CountedAcquisition:
    """The acquisition of the running series, and the pulses that count for it."""

    def __init__(self, settings: AcquisitionSettings) -> None:
        self._counted = CountedPulses()
        self._state = RunState(preset=settings)
        self._acquisition = Acquisition(settings, self._counted.running, self._counted.periods)

    def limit_ns(self, times_ns: Iterable[int]) -> int:
        """See `Acquisition.limit_ns`; all pulses count."""
        times = np.array(list(times_ns), np.int64)
        return self._acquisition.limit_ns(times, np.ones(times.size, np.bool_))

    def accumulated(self, times_ns: Iterable[int]) -> None:
        """The next pulses are at these times, and count."""
        self._take(times_ns, counts=True)

    def passed(self, times_ns: Iterable[int]) -> None:
        """The next pulses are at these times, and do not count."""
        self._take(times_ns, counts=False)

    def _take(self, times_ns: Iterable[int], *, counts: bool) -> None:
        pulses = [CompletePulse(time_ns, 0) for time_ns in times_ns]
        series = np.full(len(pulses), self._state.series - 1)
        self._counted.take(pulses, np.full(len(pulses), counts), series)

    def next_series(self, settings: AcquisitionSettings | None = None) -> None:
        """Go on with a new series, and perhaps another preset."""
        ends_ns = (*self._state.series_ends_ns, self.last_ns)
        preset = settings or self._state.preset
        self._state = replace(self._state, series_ends_ns=ends_ns, preset=preset)
        self._counted.close(self._state.series)
        self._acquisition = Acquisition(preset, self._counted.running, self._counted.periods)

    def counted(self, total: float, error: float) -> None:
        """See `Acquisition.counted`."""
        self._acquisition.counted(total, error)

    def end(self, limit_ns: int) -> None:
        """End the acquisition, unless the limit is never."""
        if limit_ns != NEVER_NS:
            self._state = self._state.ended(limit_ns)

    @property
    def reached(self) -> bool:
        """See `Acquisition.reached`."""
        return self._acquisition.reached

    @property
    def ended(self) -> bool:
        """Whether the acquisition has ended."""
        return self._state.reached

    @property
    def status(self) -> AcquisitionStatus:
        """See `Acquisition.status`."""
        return self._acquisition.status(self._state)

    @property
    def pulses(self) -> int:
        """How many pulses count for the running series."""
        return self._counted.running.pulses

    @property
    def last_ns(self) -> int:
        """The time of the last of them."""
        return self._counted.running.last_ns

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The measured time of each pulse of the running series, in s."""
        return self._counted.running.seconds
