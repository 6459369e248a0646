"""Which clients of pvAccess make this process hold a very long message, or very many operations.

p4p keeps the segments of a message until the last one has come, and does not tell how many. So a
client is suspected that has sent much while the memory of this process has grown by much. Nor does
it limit the monitors, reads and puts that a client keeps open, or call back for them; but it tells
how many those of all clients are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
from p4p import listRefs

MOST_GROWN_BYTES = 256 << 20
"""So much may the memory of this process grow while a client sends much."""

MUCH_SENT_BYTES = 64 << 20
"""What is much: ordinary clients send so much in weeks, or never."""

MOST_MORE_OPERATIONS = 100_000
"""So many operations more may be open at once, each of about 3 kB, while a client opens many."""

MANY_OPENED_BYTES = MOST_MORE_OPERATIONS * 20
"""What a client sends at least that opens so many; ordinary ones open a tenth of that."""

OPERATIONS = ("MonitorOp", "ServerGPR")
"""What p4p calls the monitors, reads and puts of clients."""


def resident_bytes() -> int:
    """The memory of this process."""
    return int(psutil.Process().memory_info().rss)


def open_operations() -> int:
    """How many monitors, reads and puts all clients have open, also those that do nothing."""
    counts = listRefs()
    return sum(counts.get(each, 0) for each in OPERATIONS)


@dataclass(frozen=True)
class PeerSocket:
    """The socket of a client: the number of its file, its peer, and the bytes that have come.

    The client has ``acknowledged`` so many bytes; so many more are ``unsent``, for it has no room.
    """

    file: int
    peer: str
    received: int
    acknowledged: int = 0
    unsent: int = 0


@dataclass(frozen=True)
class LeastHeld:
    """What a client had sent, and what this process held, when it held least since it has come."""

    received: int
    held: int


class HeldMessages:
    """Compares what clients have sent with the growth of what this process holds.

    ``held`` tells how much that is: bytes, or a number of something.
    """

    def __init__(
        self,
        most_grown: int = MOST_GROWN_BYTES,
        much_sent_bytes: int = MUCH_SENT_BYTES,
        held: Callable[[], int] = resident_bytes,
    ) -> None:
        self._most_grown, self._much_sent_bytes = most_grown, much_sent_bytes
        self._held = held
        self._least: dict[str, LeastHeld] = {}

    def suspected(self, clients: Sequence[PeerSocket]) -> list[PeerSocket]:
        """Those of all present clients that may make this process hold so much."""
        held = self._held() if clients else 0
        former, self._least = self._least, {}
        found = []
        for client in clients:
            least = former.get(client.peer)
            if least is None:
                least = LeastHeld(0, held)
            elif held < least.held:
                least = LeastHeld(client.received, held)
            self._least[client.peer] = least
            grown, sent = held - least.held, client.received - least.received
            if grown > self._most_grown and sent > self._much_sent_bytes:
                found.append(client)
        return found
