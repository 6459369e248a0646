"""The Channel Access server: caproto's, with puts before updates, and closed sockets at its end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
from collections.abc import Sequence
from typing import Any

from ioc.ca.caproto_internals import CaprotoServer
from ioc.ca.circuit import Circuit
from ioc.ca.updates import Update

ROUNDS = 10
"""Most rounds of the event loop for which updates wait while a put is in progress."""


class Server(CaprotoServer):
    """Serves ``channels`` (by name) on ``interfaces`` (IP addresses).

    ``port`` None is EPICS_CA_SERVER_PORT, or else 5064. caproto adds the fields that clients ask
    for, such as ``NAME.DESC``, to ``channels``.
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
        """The number of puts that are in progress."""

    def offer(self, sub: Any, update: Update) -> None:
        """Give an update to the connection of the client that has subscribed."""
        sub.circuit.offer(sub, update)

    async def turn(self) -> None:
        """Wait until this connection may pack its updates; one connection does so at a time.

        Between two connections the event loop runs once, and longer while a put is in progress. So
        puts and requests need not wait for the updates of all clients.
        """
        async with self._turns:
            await asyncio.sleep(0)
            for _ in range(ROUNDS):
                if not self.puts:
                    break
                await asyncio.sleep(0)

    @property
    def clients(self) -> tuple[int, int]:
        """The number of clients, and the total number of channels that they are connected to."""
        return len(self.circuits), sum(len(each.circuit.channels) for each in self.circuits)

    async def serve(self) -> None:
        """Serve until cancelled; raises OSError if the port is taken."""
        try:
            await self.run()
        finally:
            self.abort_connections()
            await asyncio.sleep(0)  # lets the cancelled tasks of the circuits end

    def port_taken(self, port: int) -> None:  # noqa: ARG002
        """Raise OSError on loopback; on other interfaces another port does as well.

        On loopback a UDP search reaches only the server that was started last on that port. A
        second IOC would hide the first.
        """
        if any(map(_is_loopback, self.interfaces)):
            taken = f"port {self.ca_server_port} of {', '.join(self.interfaces)} is taken"
            raise OSError(errno.EADDRINUSE, f"{taken}; give another with --port")

    async def broadcast_beacon_loop(self) -> None:
        """Send beacons as caproto does; a server on loopback sends them to loopback alone."""
        if all(map(_is_loopback, self.interfaces)):
            self.keep_beacons(_is_loopback)
        await super().broadcast_beacon_loop()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
