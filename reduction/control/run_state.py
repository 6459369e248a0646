"""Run state: which pulses of the stream count, and where in the event log they begin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.control.encoding import OrderCount
from reduction.control.facility_run import FacilityRun
from reduction.parameters.acquisition import AcquisitionSettings
from reduction.stream.dialect import Dialect
from reduction.stream.pulses import NEVER_NS, NO_PULSE, PulseTimeNs

MOST_GAPS = 10_000
"""Most pauses of an accumulation. A report of ranks holds them all."""


class LogPlace(NamedTuple):
    """A place in a partition of the event log.

    - ``offset``: the offset of the first message
    - ``after_mark``: whether this message follows the end of a pulse, so that the pulse which it
      belongs to is complete
    """

    offset: OrderCount
    after_mark: bool


class PulseGap(NamedTuple):
    """Pulses after ``after_ns`` up to ``until_ns``, included, do not count.

    They were ``paused``, or else the acquisition had ended. Times are pulse times, ns since the
    Unix epoch; `NEVER_NS` stands for a gap that has not ended.
    """

    after_ns: PulseTimeNs
    until_ns: PulseTimeNs
    paused: bool


@dataclass(frozen=True)
class RunState:
    """Which pulses count, as a function of their times alone.

    A pulse counts if it comes at ``start_ns`` or later and lies in no gap. The ranks make a new
    state whenever they obey an order that changes which pulses count, or reach a preset. The IOC
    keeps the state and sends it to new ranks. These read the event log again from ``places`` on, so
    they accumulate the same pulses. Times are pulse times, ns since the Unix epoch.

    - ``resets``, ``starts``, ``closes``: as in the last order that was obeyed
    - ``log``: the identity of the event log
    - ``dialect``: what ends a pulse in the stream, as far as is known
    - ``places``: where to read each partition from, by number; empty before the first pulse
    - ``before_ns``: the last pulses before these places, from which measured times follow
    - ``start_ns``: pulses from this time on count; `NO_PULSE` before the first one
    - ``first``: number of the first pulse at that time or later
    - ``series_ends_ns``: each series but the running one ends with the pulse at such a time
    - ``gaps``: which pulses do not count
    - ``paused``, ``acquiring``: as in the last order that was obeyed
    - ``reached``: whether the preset has ended the acquisition
    - ``preset``: the preset of the running series
    - ``facility_run``: the run of the facility that is measured
    - ``lost``: pulses from ``start_ns`` on that had left the event log before they were read again
    """

    resets: OrderCount = 0
    starts: OrderCount = 0
    closes: OrderCount = 0
    log: str = ""
    dialect: Dialect = Dialect.AUTO
    places: tuple[LogPlace, ...] = ()
    before_ns: tuple[PulseTimeNs, ...] = ()
    start_ns: PulseTimeNs = NO_PULSE
    first: OrderCount = NO_PULSE
    series_ends_ns: tuple[PulseTimeNs, ...] = ()
    gaps: tuple[PulseGap, ...] = ()
    paused: bool = False
    acquiring: bool = True
    reached: bool = False
    preset: AcquisitionSettings = field(default_factory=AcquisitionSettings)
    lost: OrderCount = 0
    facility_run: FacilityRun = field(default_factory=FacilityRun)

    @property
    def since(self) -> str:
        """The time of the first pulse in words, in UTC."""
        if self.start_ns == NO_PULSE:
            return "the next pulse"
        return f"{datetime.fromtimestamp(self.start_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"

    @property
    def counting(self) -> bool:
        """Whether new pulses count."""
        return not self.gaps or self.gaps[-1].until_ns != NEVER_NS

    @property
    def passed_ns(self) -> int:
        """The last pulse before these; `NO_PULSE` if there was none, or if it was played again."""
        last_ns = max(self.before_ns, default=NO_PULSE)
        return NO_PULSE if NO_PULSE < self.start_ns <= last_ns else last_ns

    @property
    def running(self) -> bool:
        """Whether the acquisition goes on; it may be paused."""
        return self.acquiring and not self.reached

    def ends_after(self, cut_ns: int) -> bool:
        """Whether the acquisition ends only with a pulse after the one at ``cut_ns``."""
        return not self.counting and not self.gaps[-1].paused and self.gaps[-1].after_ns > cut_ns

    @property
    def series(self) -> int:
        """How many series there are, the running one included."""
        return len(self.series_ends_ns) + 1

    def counts(self, times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the pulses at ``times_ns`` (n,) int64 count, (n,) bool."""
        outside = np.searchsorted(self._gap_bounds_ns, times_ns) % 2 == 0
        counts: NDArray[np.bool_] = (times_ns >= self.start_ns) & outside
        return counts

    def series_of(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index of the series of pulses at ``times_ns`` (n,) int64, (n,) int64 from 0."""
        return np.searchsorted(self._ends_ns, times_ns)

    def gap_at(self, time_ns: int) -> PulseGap | None:
        """The gap that the pulse at a time is in; None if it is in none."""
        place = int(np.searchsorted(self._gap_bounds_ns, time_ns))
        return self.gaps[place // 2] if place % 2 else None

    @cached_property
    def _gap_bounds_ns(self) -> NDArray[np.int64]:
        return np.array([ns for gap in self.gaps for ns in (gap.after_ns, gap.until_ns)], np.int64)

    @cached_property
    def _ends_ns(self) -> NDArray[np.int64]:
        return np.array(self.series_ends_ns, np.int64)

    def ended(self, last_ns: int) -> RunState:
        """The state once the preset has ended the acquisition with the pulse at ``last_ns``."""
        return replace(self, reached=True).with_gap_after(last_ns)

    def with_gap_after(self, cut_ns: int) -> RunState:
        """The state in which pulses after ``cut_ns`` count or not, as its other fields say."""
        counting, paused = self.running and not self.paused, self.running and self.paused
        gaps = self.gaps
        if gaps and gaps[-1].until_ns == NEVER_NS:
            if not counting and gaps[-1].paused == paused:
                return self
            *before, last = gaps
            ended = [last._replace(until_ns=cut_ns)] if cut_ns > last.after_ns else []
            gaps = (*before, *ended)
        if not counting:
            after_ns = max(cut_ns, gaps[-1].until_ns) if gaps else cut_ns
            gaps = (*gaps, PulseGap(after_ns, NEVER_NS, paused))
        return replace(self, gaps=gaps)
