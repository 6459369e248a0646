"""When ticks are due, by the monotonic clock."""

from __future__ import annotations

from collections.abc import Callable


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
