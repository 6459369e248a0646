"""The puts of one client: those in progress, and those that wait until some of these have ended."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import caproto

from ioc.ca.channels.conversion import shown_data
from reduction.parameters.specs import Refused

MOST_PUTS = 100
"""Puts of a client that may be in progress; later ones wait."""

MOST_PUT_BYTES = 8 << 20
"""What the puts of a client may hold; then its messages are not read for now."""

PUT_BYTES = 2500
"""What a put holds besides its payload, about."""

LONGEST_WAIT_S = 30.0
"""Longest time that a put with completion waits for earlier puts of its client."""


@dataclass(frozen=True, eq=False)
class ArrivedPut:
    """A put that a client has sent: caproto's message, the client's channel, and what is behind it.

    These are looked up when the put arrives, since the client may close the channel while it waits.
    """

    request: Any
    channel: Any
    entry: Any
    arrived_s: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        """How many bytes the put holds, about."""
        return int(self.request.header.payload_size) + PUT_BYTES

    def check_age(self) -> None:
        """Raise `Refused` for a put whose client may have given up.

        A put without completion is never too old: nobody waits for it, and the last one counts.
        """
        waits = isinstance(self.request, caproto.WriteNotifyRequest)
        if waits and time.monotonic() - self.arrived_s > LONGEST_WAIT_S:
            why = f"earlier puts of this client have not ended within {LONGEST_WAIT_S:g} s"
            raise Refused(self.channel.name, shown_data(self.request.data), why)


class PutQueue:
    """Begins the puts of a client in the order of their arrival, at most `MOST_PUTS` at a time.

    The client's other messages, such as reads, need not wait meanwhile: the ranks may take half a
    minute for a put, and the C library takes a server that is silent for as long as gone.
    ``begin`` begins a put, which calls `end` when it has ended.
    """

    def __init__(self, begin: Callable[[ArrivedPut], None]) -> None:
        self._begin = begin
        self._waiting: deque[ArrivedPut] = deque()
        self._in_progress = self._bytes = 0
        self._ended = asyncio.Event()

    async def add(self, put: ArrivedPut) -> None:
        """Begin a put, now or later. Waits while the client's puts hold too much."""
        while self._bytes > MOST_PUT_BYTES:
            self._ended.clear()
            await self._ended.wait()
        self._bytes += put.size
        self._waiting.append(put)
        self._begin_next()

    def end(self, put: ArrivedPut) -> None:
        """A put has ended: begin the next one."""
        self._in_progress -= 1
        self._bytes -= put.size
        self._ended.set()
        self._begin_next()

    def drop(self) -> None:
        """Begin none of the puts that wait: the server ends."""
        self._waiting.clear()

    def _begin_next(self) -> None:
        if self._waiting and self._in_progress < MOST_PUTS:
            self._in_progress += 1
            self._begin(self._waiting.popleft())
