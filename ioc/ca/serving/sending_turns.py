"""Shares the event loop between the updates to clients and what clients ask for."""

from __future__ import annotations

import asyncio

ROUNDS = 10
"""Most rounds of the event loop for which updates wait while a put is in progress."""


class SendingTurns:
    """Whose turn it is to pack and send updates, one connection at a time.

    Between two connections the event loop runs once, and longer while a put is in progress. So puts
    and requests need not wait for the updates of all clients.
    """

    def __init__(self) -> None:
        self.puts = 0
        """The number of puts that are in progress."""
        self._turns = asyncio.Lock()

    async def next(self) -> None:
        """Wait until it is the turn of this connection."""
        async with self._turns:
            await asyncio.sleep(0)
            for _ in range(ROUNDS):
                if not self.puts:
                    break
                await asyncio.sleep(0)
