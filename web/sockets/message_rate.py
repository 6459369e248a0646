"""How many messages a visitor may send: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

from collections.abc import Callable


class MessageRate:
    """Allows ``burst`` messages at once and ``per_s`` a second; ``clock`` returns seconds."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._tokens, self._filled_s = burst, clock()

    def wait_s(self) -> float:
        """Count one message; returns how long it has to wait, 0 if it need not."""
        now_s = self._clock()
        self._tokens = min(self._tokens + (now_s - self._filled_s) * self._per_s, self._burst)
        self._filled_s = now_s
        self._tokens -= 1
        return max(-self._tokens / self._per_s, 0.0)
