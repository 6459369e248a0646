"""Cuts connections whose visitors have read nothing for long.

A connection that is closed ends only once what was written to it has been read. A browser that is
stopped reads nothing, so without this it would keep its place among the connections for good.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from web.refusals import RefusalCounts

LOOK_S = 1.0
"""How often is looked at what connections have not read."""


@dataclass(frozen=True)
class Unread:
    """Bytes that wait to be read, and since when none of them has been read."""

    size: int
    since_s: float


class UnreadConnections:
    """Cuts connections that have read nothing for ``patience_s``; ``clock_s`` is monotonic."""

    def __init__(
        self,
        refusals: RefusalCounts,
        patience_s: float,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._refusals, self._patience_s, self._clock_s = refusals, patience_s, clock_s
        self._unread: dict[asyncio.Transport, Unread] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """Watch a connection until it ends."""
        self._unread[transport] = Unread(0, self._clock_s())

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(min(LOOK_S, self._patience_s / 4))
            self.look()

    def look(self) -> None:
        """Cut the connections that have read nothing for too long."""
        now_s = self._clock_s()
        for transport, before in list(self._unread.items()):
            size = transport.get_write_buffer_size()
            if transport.get_extra_info("socket").fileno() < 0:
                del self._unread[transport]
            elif not before.size or size < before.size:
                self._unread[transport] = Unread(size, now_s)
            elif now_s - before.since_s < self._patience_s:
                self._unread[transport] = Unread(size, before.since_s)
            else:
                del self._unread[transport]
                self._cut(transport)

    def _cut(self, transport: asyncio.Transport) -> None:
        peer = transport.get_extra_info("peername")
        why = f"it has read nothing for {self._patience_s:g} s"
        self._refusals.add("slow visitor", str(peer[0]) if peer else "", why)
        transport.abort()
