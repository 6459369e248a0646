"""Shares the event loop between the updates to clients and what clients ask for."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

ROUNDS = 10
"""Most rounds of the event loop for which updates wait while a put is in progress."""

LONGEST_S = 0.00005
"""Time after which no further connection sends in a round of the event loop."""


class SendingTurns:
    """Whose turn it is to pack and send updates, so that puts and requests need not wait for all.

    Each connection waits for `next` before it packs its updates. The ones that come first go on in
    the same round of the event loop, until `LONGEST_S` have passed; the others wait for the next
    round but one. So each second round, and while a put is in progress `ROUNDS` of them, are for
    requests alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.puts = 0
        """The number of puts that are in progress."""
        self._clock = clock
        self._until_s = -math.inf
        self._round_follows = False
        self._held_rounds = 0

    async def next(self) -> None:
        """Wait until it is the turn of this connection."""
        while self._clock() >= self._until_s:
            if not self._round_follows:
                self._round_follows = True
                asyncio.get_running_loop().call_soon(self._begin_round)
            await asyncio.sleep(0)

    def _begin_round(self) -> None:
        """A round of the event loop begins: note until when connections go on in it."""
        self._round_follows = False
        if self._held_rounds < (ROUNDS if self.puts else 1):
            self._held_rounds += 1
            return
        self._held_rounds = 0
        self._until_s = self._clock() + LONGEST_S
