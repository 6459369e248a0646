"""Free ports for servers that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, closing

FIRST, LAST = 10_000, 32_000
"""Below the ports that systems give to connections of clients, which may take a free one any time.

Linux gives those from 32768 on, others from 49152 on.
"""

MOST_TRIES = 1000
CHANCE = random.SystemRandom()
"""It is not seeded: tests that run side by side must not try the same ports."""


def free_port() -> int:
    """A port that no server uses, by TCP or UDP."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    found: list[int] = []
    for _ in range(MOST_TRIES):
        port = CHANCE.randrange(FIRST, LAST)
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"no {count} ports from {FIRST} to {LAST} are free")


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            try:
                stack.enter_context(closing(socket.socket(type=kind))).bind(("", port))
            except OSError:
                return False
    return True
