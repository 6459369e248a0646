"""Sockets that listen as soon as they are bound."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

LISTEN_BACKLOG = 1000
"""Connections that the system keeps until they are accepted."""

MakeSocket = Callable[[str, int], Awaitable[socket.socket]]
"""Makes a socket that is bound to an interface and a port; raises OSError if that is taken."""


def listening(make_socket: MakeSocket) -> MakeSocket:
    """``make_socket`` with a socket that listens already, so that nobody else takes its port.

    Two may bind a port until one of them listens.
    """

    async def make(interface: str, port: int) -> socket.socket:
        bound = await make_socket(interface, port)
        try:
            bound.listen(LISTEN_BACKLOG)
        except OSError:
            bound.close()
            raise
        return bound

    return make
