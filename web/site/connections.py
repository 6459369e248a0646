"""Bounds how many connections are open, in all and of one address."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from aiohttp.web import Server

from web.limits import WebLimits
from web.refusals import RefusalCounts
from web.site.access import plain_ip
from web.site.unread import UnreadConnections


class BoundedServer:
    """Accepts connections as far as the limits allow, and hands them to the server of aiohttp."""

    def __init__(self, server: Server, limits: WebLimits, refusals: RefusalCounts) -> None:
        self._server, self._limits, self._refusals = server, limits, refusals
        self.unread = UnreadConnections(refusals, limits.unread_s)
        """Cuts connections that nobody reads, while `UnreadConnections.run` runs."""

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return NewConnection(self._admitted)

    def _admitted(self, transport: asyncio.Transport) -> asyncio.Protocol | None:
        """The protocol of a connection that is accepted; None for one that is refused."""
        peer = transport.get_extra_info("peername")
        address = plain_ip(str(peer[0])) if peer else ""
        if why := self._refusal(address):
            self._refusals.add("connection", address, why)
            return None
        self.unread.add(transport)
        return self._server()

    def _refusal(self, address: str) -> str:
        """Why a further connection of an address is refused; empty if it is not."""
        peers = [each.peername for each in self._server.connections]
        if len(peers) >= self._limits.connections:
            return f"{len(peers)} connections are open"
        of_address = Counter(plain_ip(str(peer[0])) for peer in peers if peer)
        if of_address[address] >= self._limits.connections_of_address:
            return f"{of_address[address]} connections of it are open"
        return ""


class NewConnection(asyncio.Protocol):
    """A connection that has just been made: it gets aiohttp's protocol, or is cut."""

    def __init__(self, admitted: Callable[[asyncio.Transport], asyncio.Protocol | None]) -> None:
        self._admitted = admitted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on, or cut it."""
        assert isinstance(transport, asyncio.Transport)
        accepted = self._admitted(transport)
        if accepted is None:
            transport.abort()
            return
        transport.set_protocol(accepted)
        accepted.connection_made(transport)
