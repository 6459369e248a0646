"""Shares the event loop between the updates to clients and what clients ask for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

ROUNDS = 10
"""Most rounds of the event loop for which updates wait while a put is in progress."""

LONGEST_S = 0.001
"""Time for which updates are packed and sent in one round of the event loop, or little more."""


class SendingTurns:
    """Whose turn it is to pack and send updates, so that puts and requests need not wait for all.

    Each connection waits for `next` before it packs its updates. The ones that come first go on in
    the same round of the event loop, until `LONGEST_S` have passed; the others wait for the next
    round, which handles requests, too. While a put is in progress, all wait a few rounds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.puts = 0
        """The number of puts that are in progress."""
        self._clock = clock
        self._began_s = -LONGEST_S
        self._round_follows = False

    async def next(self) -> None:
        """Wait until it is the turn of this connection."""
        for _ in range(ROUNDS):
            if not self.puts:
                break
            await self._next_round()
        while self._clock() - self._began_s >= LONGEST_S:
            await self._next_round()

    async def _next_round(self) -> None:
        """Wait for the next round of the event loop; the time of its begin is noted."""
        if not self._round_follows:
            self._round_follows = True
            asyncio.get_running_loop().call_soon(self._begin_round)
        await asyncio.sleep(0)

    def _begin_round(self) -> None:
        self._round_follows, self._began_s = False, self._clock()
