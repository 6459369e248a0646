"""Bounds how many connections are open, in all and of one address."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from aiohttp.web import Server

from web.limits import WebLimits
from web.refusals import RefusalCounts
from web.site.access import plain_ip


class BoundedServer:
    """Accepts connections as far as the limits allow, and hands them to the server of aiohttp."""

    def __init__(self, server: Server, limits: WebLimits, refusals: RefusalCounts) -> None:
        self._server, self._limits, self._refusals = server, limits, refusals

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return NewConnection(self._refusal, self._server, self._refusals)

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

    def __init__(
        self, refusal: Callable[[str], str], server: Server, refusals: RefusalCounts
    ) -> None:
        self._refusal, self._server, self._refusals = refusal, server, refusals

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on, or cut it."""
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        address = plain_ip(str(peer[0])) if peer else ""
        if why := self._refusal(address):
            self._refusals.add("connection", address, why)
            transport.abort()
            return
        accepted = self._server()
        transport.set_protocol(accepted)
        accepted.connection_made(transport)
