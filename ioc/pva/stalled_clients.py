"""Which clients of pvAccess take nothing of what they are sent (Linux).

p4p keeps for a monitor as many values as its client asks for, and disconnects a client that sends
nothing for 40 s. So one that sends a little, and reads nothing, would fill the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ioc.pva.held_messages import PeerSocket

LONGEST_STALL_S = 60.0
"""So long may a client take nothing while something waits for it."""


@dataclass(frozen=True)
class Taken:
    """The bytes that a client had taken, and since when it has taken no more."""

    acknowledged: int
    since_s: float


class StalledClients:
    """Notes how much each client has taken, and since when."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._taken: dict[str, Taken] = {}

    def stalled(self, clients: Sequence[PeerSocket]) -> list[PeerSocket]:
        """Those of all present clients that have taken nothing for `LONGEST_STALL_S`."""
        now_s, former, self._taken = self._clock_s(), self._taken, {}
        found = []
        for client in clients:
            taken = former.get(client.peer)
            if taken is None or not client.unsent or client.acknowledged != taken.acknowledged:
                taken = Taken(client.acknowledged, now_s)
            elif now_s - taken.since_s > LONGEST_STALL_S:
                found.append(client)
            self._taken[client.peer] = taken
        return found
