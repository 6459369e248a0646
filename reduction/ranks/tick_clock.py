"""How often ranks tick, and when ticks are due by the monotonic clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reduction.ranks.intake.catch_up import PERIODS_PER_TICK, RESULT_INTERVAL_S


@dataclass(frozen=True)
class RankTiming:
    """How often ranks tick, and how often a result is due."""

    tick_rate_hz: float = 14.0
    publish_rate_hz: float = 5.0

    @property
    def ticks_per_result(self) -> int:
        """Every how many ticks a result is due."""
        return max(1, round(self.tick_rate_hz / self.publish_rate_hz))

    @property
    def ticks_per_catch_up_result(self) -> int:
        """The same while the event log is read again, when ticks are rarer."""
        return max(1, round(self.tick_rate_hz * RESULT_INTERVAL_S / PERIODS_PER_TICK))


class TickClock:
    """When ticks are due: one period after the other, by the monotonic clock.

    Monotonic clocks of different hosts differ. So each rank counts periods from a moment at which
    all ranks have just waited for each other.
    """

    def __init__(self, rate_hz: float, now_s: Callable[[], float]) -> None:
        self._rate_hz, self.now_s = rate_hz, now_s
        self._start_s = now_s()

    def start(self) -> None:
        """Count periods from now; call it when all ranks have just waited for each other."""
        self._start_s = self.now_s()

    def next_tick_s(self, every: int = 1) -> float:
        """The time of the next tick if there is one ``every`` so many periods."""
        periods = int((self.now_s() - self._start_s) * self._rate_hz / every) + 1
        return self._start_s + periods * every / self._rate_hz
