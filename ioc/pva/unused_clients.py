"""Which clients of pvAccess have no channel, and are ended while few files are left (Linux).

A client that is to use what is served opens a channel as soon as it is connected. A host that has
gone, or scans ports, leaves connections that nobody uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence

from ioc.pva.held_messages import PeerSocket

UNUSED_S = 10.0
"""So long may a client have no channel while few files are left."""


class UnusedClients:
    """Notes since when each client has no channel; ``used`` has the peers of those with one."""

    def __init__(
        self, used: Container[str] = (), clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._used, self._clock_s = used, clock_s
        self._since_s: dict[str, float] = {}

    def unused(self, clients: Sequence[PeerSocket]) -> list[PeerSocket]:
        """Those of all present clients that have had no channel for `UNUSED_S`."""
        now_s, former = self._clock_s(), self._since_s
        without = [each for each in clients if each.peer not in self._used]
        self._since_s = {each.peer: former.get(each.peer, now_s) for each in without}
        return [each for each in without if now_s - self._since_s[each.peer] > UNUSED_S]
