"""How long ago pulses were first seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reduction.stream.pulses import NO_PULSE

DEFAULT_GRACE_NS = 500_000_000


class PulseAges:
    """Tells which pulses were seen at least a grace time ago, whatever their own times are.

    ``clock_ns`` is a clock of elapsed ns. ``grace_ns`` is the grace time.
    """

    def __init__(self, clock_ns: Callable[[], int], grace_ns: int = DEFAULT_GRACE_NS) -> None:
        self.grace_ns = grace_ns
        self.aged_ns = NO_PULSE
        """The newest pulse that was seen a grace time ago, ns since 1970."""
        self._clock_ns = clock_ns
        self._seen: deque[tuple[int, int]] = deque()

    def wait_for(self, grace_s: float) -> None:
        """Have another grace time, in s."""
        self.grace_ns = round(grace_s * 1e9)

    def note(self, newest_ns: int) -> None:
        """Note the newest pulse that has been seen by now; to be called at each tick."""
        now_ns = self._clock_ns()
        if newest_ns != (self._seen[-1][1] if self._seen else self.aged_ns):
            self._seen.append((now_ns, newest_ns))
        while self._seen and now_ns - self._seen[0][0] >= self.grace_ns:
            self.aged_ns = self._seen.popleft()[1]

    def restart(self) -> None:
        """Forget all pulses."""
        self._seen.clear()
        self.aged_ns = NO_PULSE
