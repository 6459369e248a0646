"""caproto's server with what it lacks for live data: one loop for all updates, a clean end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Sequence
from typing import Any

from caproto.asyncio.server import Context
from caproto.asyncio.utils import _TransportWrapper

from ioc.ca.circuit import Circuit, FlushMarker
from ioc.ca.updates import Update

log = logging.getLogger(__name__)

ROUNDS = 10
"""Rounds of the event loop that updates wait for puts that are under way, each time."""


class Server(Context):  # type: ignore[misc]
    """Serves channels on some interfaces; ``port`` None is EPICS_CA_SERVER_PORT, or else 5064.

    caproto adds the fields that clients ask for to ``channels``.
    """

    CircuitClass = Circuit

    def __init__(
        self, channels: dict[str, Any], interfaces: Sequence[str], port: int | None = None
    ) -> None:
        super().__init__(channels, list(interfaces))
        if port is not None:
            self.ca_server_port = port
        self._turns = asyncio.Lock()
        self.puts = 0
        """How many are under way."""

    async def turn(self) -> None:
        """Wait until a circuit may pack its updates: one in each round of the loop.

        Puts and requests come between them, rather than after the updates for all clients.
        """
        async with self._turns:
            await asyncio.sleep(0)
            for _ in range(ROUNDS):
                if not self.puts:
                    break
                await asyncio.sleep(0)

    @property
    def clients(self) -> tuple[int, int]:
        """How many clients there are, and to how many channels they are connected."""
        return len(self.circuits), sum(len(each.circuit.channels) for each in self.circuits)

    async def serve(self) -> None:
        """Serve until cancelled."""
        try:
            await self.run()
        finally:
            for circuit in list(self.circuits):
                circuit.client.writer.transport.abort()  # it may wait for a client for ever
            await asyncio.sleep(0)  # the circuits' tasks are cancelled by now, but have not run

    async def _bind_tcp_sockets_with_consistent_port_number(self, make_socket: Any) -> Any:
        """As caproto's; but on loopback no other port will do than the one asked for.

        Searches for all servers of a port reach the last one alone there: it would hide the others.
        """
        port, sockets = await super()._bind_tcp_sockets_with_consistent_port_number(make_socket)
        if port != self.ca_server_port and any(map(_is_loopback, self.interfaces)):
            for each in sockets.values():
                each.close()
            taken = f"port {self.ca_server_port} of {', '.join(self.interfaces)} is taken"
            raise OSError(errno.EADDRINUSE, f"{taken}; give another with --port")
        return port, sockets

    async def pack(self, sub: Any, update: Update) -> None:
        """Have caproto pack an update for one subscription; its circuit's queue has it then."""
        await self._subscription_queue_send(
            update.spec, sub, update.metadata, update.values, update.flags
        )

    async def _subscription_queue_iteration(
        self, sub_specs: Any, metadata: Any, values: Any, flags: Any, sub: Any
    ) -> None:
        if isinstance(sub, FlushMarker):
            sub.circuit.offer(sub, None)
        for spec in sub_specs:
            update = Update(spec, metadata, values, flags)
            for each in self.subscriptions[spec] if sub is None else [sub]:
                each.circuit.offer(each, update)

    async def server_accept_loop(self, listening: Any) -> None:
        """As caproto's, but it ends its asyncio server before its socket is closed."""

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # asyncio does it for sockets that were made as TCP by name, which caproto's are not:
            # a second small message would wait 40 ms for the client's delayed acknowledgement.
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = _TransportWrapper(reader, writer)
            self.server_tasks.create(self.tcp_handler(transport, transport.getpeername()))

        server = await asyncio.start_server(connected, sock=listening)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()

    async def broadcast_beacon_loop(self) -> None:
        """As caproto's; but who serves this host alone sends beacons to this host alone."""
        if all(map(_is_loopback, self.interfaces)):
            for address, (_, beacons) in list(self.beacon_socks.items()):
                if not _is_loopback(address[0]):
                    beacons.close()
                    del self.beacon_socks[address]
        await super().broadcast_beacon_loop()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
