"""Which clients of pvAccess make this process hold a very long message in many segments.

p4p keeps the segments of a message until the last one has come, and does not tell how many. So a
client is suspected that has sent much while the memory of this process has grown by much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

MOST_GROWN_BYTES = 256 << 20
"""So much may the memory of this process grow while a client sends much."""

MUCH_SENT_BYTES = 64 << 20
"""What is much: ordinary clients send so much in weeks, or never."""


@dataclass(frozen=True)
class PeerSocket:
    """The socket of a client: the number of its file, its peer, and the bytes that have come."""

    file: int
    peer: str
    received: int


@dataclass(frozen=True)
class LeastHeld:
    """What a client had sent, and what this process held, when it held least since it has come."""

    received: int
    memory: int


class HeldMessages:
    """Compares what clients have sent with the growth of what this process holds."""

    def __init__(
        self,
        most_grown_bytes: int = MOST_GROWN_BYTES,
        much_sent_bytes: int = MUCH_SENT_BYTES,
        memory_bytes: Callable[[], int] = lambda: int(psutil.Process().memory_info().rss),
    ) -> None:
        self._most_grown_bytes, self._much_sent_bytes = most_grown_bytes, much_sent_bytes
        self._memory_bytes = memory_bytes
        self._least: dict[str, LeastHeld] = {}

    def suspected(self, clients: Sequence[PeerSocket]) -> list[PeerSocket]:
        """Those of all present clients that may send one message in segments without an end."""
        memory = self._memory_bytes() if clients else 0
        former, self._least = self._least, {}
        found = []
        for client in clients:
            least = former.get(client.peer)
            if least is None:
                least = LeastHeld(0, memory)
            elif memory < least.memory:
                least = LeastHeld(client.received, memory)
            self._least[client.peer] = least
            grown, sent = memory - least.memory, client.received - least.received
            if grown > self._most_grown_bytes and sent > self._much_sent_bytes:
                found.append(client)
        return found
