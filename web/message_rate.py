"""How often somebody may do something: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_ADDRESSES = 1000
"""Addresses whose rates are known; of more, the one that is longest silent is forgotten."""


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

    def admit(self) -> bool:
        """Whether one more need not wait; one that has to wait is not counted."""
        if not self.wait_s():
            return True
        self._tokens += 1
        return False


class AddressRates:
    """The rate of requests of each IP address."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._rates: OrderedDict[str, MessageRate] = OrderedDict()

    def admit(self, address: str) -> bool:
        """Whether an address may make one more request now."""
        new = MessageRate(self._per_s, self._burst, self._clock)
        rate = self._rates.setdefault(address, new)
        self._rates.move_to_end(address)
        if len(self._rates) > MOST_ADDRESSES:
            self._rates.popitem(last=False)
        return rate.admit()
