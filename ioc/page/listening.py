"""The sockets that the server listens on, and its address for people. Does not import aiohttp."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

from ioc.options.program import StartError

PORT = 8014
"""The port if none is asked for; any other if it is taken."""

ACCEPT_BACKLOG = 128
"""Connections that wait to be accepted; none is refused while the server starts again."""


def listening_sockets(interfaces: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each interface, all with one port.

    ``port`` 0 is `PORT`, or any other if that is taken. Raises `StartError`.
    """
    if port:
        return _bound(interfaces, port)
    with contextlib.suppress(StartError):
        return _bound(interfaces, PORT)
    first = _bound(interfaces[:1], 0)
    try:
        return [*first, *_bound(interfaces[1:], first[0].getsockname()[1])]
    except StartError:
        first[0].close()
        raise


def _bound(interfaces: Sequence[str], port: int) -> list[socket.socket]:
    made: list[socket.socket] = []
    for address in interfaces:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        each = socket.socket(family, socket.SOCK_STREAM)
        made.append(each)
        try:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind((address, port))
            each.listen(ACCEPT_BACKLOG)
        except OSError as error:
            for one in made:
                one.close()
            why = error.strerror or str(error)
            raise StartError(f"web page at {address} port {port}: {why}") from None
    return made


def address_of(sockets: Sequence[socket.socket], token: str) -> str:
    """The address of the page, for people; loopback if it listens there."""
    host, port = sockets[0].getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/" + (f"?token={token}" if token else "")
