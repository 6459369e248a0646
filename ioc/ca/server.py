"""The Channel Access server: caproto's, with puts before updates, and closed sockets at its end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import caproto
import psutil

from ioc.ca.client.other_iocs import ServedPlace
from ioc.ca.serving.caproto_internals import CaprotoServer
from ioc.ca.serving.circuit import Circuit
from ioc.ca.serving.circuit_log import LoopbackLog
from ioc.ca.serving.connections import Connections, few_files_left
from ioc.ca.serving.sending_turns import SendingTurns
from ioc.ca.serving.updates import SharedMessages
from ioc.records.channel_names import channel_name

ANY_ADDRESS, CA_PORT = "0.0.0.0", 5064

UNUSED_AT_LIMIT_S = 1.0
"""How old a connection without a channel is that is ended for a new one, if no file is left."""

UNUSED_S = 10.0
"""How old those are that are ended as soon as few files are left."""

UNUSED_LOOK_S = 1.0
"""How often is looked at that."""


@dataclass(frozen=True)
class ClientCounts:
    """Clients that are connected, the channels of all of them, and clients that were refused."""

    connected: int = 0
    channels: int = 0
    refused: int = 0


class Server(CaprotoServer):
    """Serves ``channels`` (by name) on ``interfaces`` (IP addresses).

    ``port`` None is EPICS_CA_SERVER_PORT, or else 5064. caproto adds the fields that clients ask
    for, such as ``NAME.DESC``, to ``channels``.
    """

    CircuitClass = Circuit
    log: Any

    def __init__(
        self, channels: dict[str, Any], interfaces: Sequence[str], port: int | None = None
    ) -> None:
        super().__init__(channels, list(interfaces))
        if port is not None:
            self.ca_server_port = port
        if all(map(_is_loopback, interfaces)):
            self.log = LoopbackLog(self.log, {})
        self.turns = SendingTurns()
        self.shared = SharedMessages()
        self.connections = Connections(lambda: self.end_unused(UNUSED_AT_LIMIT_S, most=1) > 0)
        self.serving = asyncio.Event()
        """Set once clients can connect."""

    def __getitem__(self, name: str) -> Any:
        """The channel of a name as EPICS Base reads names; raises KeyError if there is none."""
        parts = channel_name(name)
        channel = self.pvdb[parts.record]
        field = channel.get_field(parts.field, as_characters=parts.as_chars)
        return field if parts.filter.stamp is None else channel.stamp_channel(parts.filter.stamp)

    def has(self, name: str) -> bool:
        """Whether to answer a search for a name; its filters are checked when it is opened."""
        try:
            self[name.partition("{")[0].partition("[")[0]]
        except KeyError:
            return False
        return True

    def broadcast_addresses(self) -> Mapping[str, str]:
        """The interface of each broadcast address at which searches may arrive.

        The address 0.0.0.0 receives all broadcasts by itself, and nothing is broadcast on loopback.
        """
        wanted = {each for each in self.interfaces if not _is_loopback(each)}
        found = [each for network in psutil.net_if_addrs().values() for each in network]
        return {
            each.broadcast: each.address
            for each in found
            if each.family is socket.AF_INET and each.broadcast and each.address in wanted
        }

    @property
    def place(self) -> ServedPlace:
        """Where this server is, and where others would be that serve the same names."""
        addresses = {*self.interfaces, *self.broadcast_addresses()}
        if ANY_ADDRESS in addresses:
            every = [each for network in psutil.net_if_addrs().values() for each in network]
            addresses |= {each.broadcast for each in every if each.family is socket.AF_INET}
            addresses = addresses - {ANY_ADDRESS, None} | {"127.0.0.1"}
        ports = self.ca_server_port, CA_PORT
        targets = frozenset((each, port) for each in addresses for port in ports)
        return ServedPlace(self.port, targets)

    def search_replies(self, requests: Sequence[Any]) -> list[Any]:
        """The messages that answer those of one datagram."""
        found = list(self._found(requests))
        versions = any(isinstance(each, caproto.VersionRequest) for each in requests)
        return [caproto.VersionResponse(13), *found] if found and versions else found

    def _found(self, requests: Sequence[Any]) -> Iterator[Any]:
        """The answers to searches for names that there are.

        A client takes the address that the answer comes from for that of the server.
        """
        for request in requests:
            if isinstance(request, caproto.SearchRequest) and self.has(request.name):
                version = caproto.DEFAULT_PROTOCOL_VERSION
                yield caproto.SearchResponse(self.port, None, request.cid, version)

    async def accept(self, listening: socket.socket) -> socket.socket:
        """The connection of the next client that is not refused; see `Connections`."""
        return await self.connections.accept(listening)

    def end_unused(self, age_s: float, most: int) -> int:
        """End so many of the oldest connections that are so old and have no channel; how many.

        A client that is to use what is served opens a channel as soon as it is connected. A host
        that has gone, or scans ports, leaves connections that nobody uses.
        """
        until_s = time.monotonic() - age_s
        unused = [each for each in self.circuits if each.unused and each.since_s < until_s]
        leaving = sorted(unused, key=lambda each: each.since_s)[:most]
        for each in leaving:
            each.abort()
        return len(leaving)

    async def _end_unused_at_few_files(self) -> None:
        while True:
            await asyncio.sleep(UNUSED_LOOK_S)
            if few_files_left():
                self.end_unused(UNUSED_S, most=len(self.circuits))

    @property
    def clients(self) -> ClientCounts:
        """How many clients there are."""
        channels = sum(len(each.circuit.channels) for each in self.circuits)
        return ClientCounts(len(self.circuits), channels, self.connections.refused)

    async def serve(self) -> None:
        """Serve until cancelled; raises OSError if the port is taken."""

        async def started(_library: object) -> None:
            self.serving.set()

        looking = asyncio.create_task(self._end_unused_at_few_files())
        try:
            await self.run(startup_hook=started)
        finally:
            looking.cancel()
            self.connections.close()
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
