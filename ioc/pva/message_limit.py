"""Disconnects clients of pvAccess that send or open too much, or take or use nothing (Linux).

p4p keeps what has come of a message until it is complete, up to 4 GB for each client. So what the
system has received of a client is compared with what p4p has taken as complete messages.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress

from ioc.ca.serving.connections import few_files_left
from ioc.pva.connection_limit import borrowed, open_files
from ioc.pva.held_messages import (
    MANY_OPENED_BYTES,
    MOST_MORE_OPERATIONS,
    HeldMessages,
    PeerSocket,
    open_operations,
)
from ioc.pva.stalled_clients import LONGEST_STALL_S, StalledClients
from ioc.pva.unused_clients import UnusedClients
from reduction.host.file_system.file_threads import started_in_thread

log = logging.getLogger(__name__)

MOST_MESSAGE_BYTES = 16 << 20
"""The longest message; the buffers of a connection, which are some MB, count as part of it."""

LOOK_S = 0.2
"""How often is looked at what clients have sent."""

ANSWER_S = 5.0
"""Longest wait for the description of the server, whose thread may wait for a client."""

TOLD_FOR_S = 60.0
"""How long after a client was disconnected it is told."""

BYTES_ACKED, NOT_SENT, TCP_INFO_BYTES = 120, 144, 148
"""Where a ``tcp_info`` of the system has the bytes acknowledged and received, 8 bytes each, and
those that are not sent, 4 bytes; see linux/tcp.h."""

PEER = re.compile(r"^\s*Peer *(\S+) .*\bRX=(\d+)", re.MULTILINE)
"""A client in the description of a server: its address and port, and the bytes of its messages."""


class MessageLimit:
    """Looks at the clients of the server at ``port``; ``describe`` returns p4p's description.

    ``used`` has the peers of the clients that have a channel.
    """

    def __init__(
        self,
        port: int,
        describe: Callable[[], str],
        used: Container[str] = (),
        most_bytes: int = MOST_MESSAGE_BYTES,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port, self._describe = port, describe
        self._held = HeldMessages()
        self._operations = HeldMessages(MOST_MORE_OPERATIONS, MANY_OPENED_BYTES, open_operations)
        self._stalls = StalledClients(clock_s)
        self._unused = UnusedClients(used, clock_s)
        self._most_bytes, self._clock_s = most_bytes, clock_s
        self._taken: dict[str, int] = {}
        """By peer, the bytes of complete messages when it was last asked for."""
        self._told, self._told_s = "", -TOLD_FOR_S

    @property
    def problem(self) -> str:
        """Which client was disconnected in the last minute, in words; empty if none was."""
        return self._told if self._clock_s() - self._told_s < TOLD_FOR_S else ""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(OSError):  # no file is left to look with: clients are held off soon
                await self.look()

    async def look(self) -> None:
        """Disconnect the clients whose message is too long."""
        clients = list(client_sockets(self._port))
        for each in self._held.suspected(clients):
            self._disconnect(each, "segments of messages that do not end")
        for each in self._operations.suspected(clients):
            self._disconnect(each, f"over {MOST_MORE_OPERATIONS} monitors, reads and puts at once")
        for each in self._stalls.stalled(clients):
            self._disconnect(each, f"it has taken nothing for {LONGEST_STALL_S:g} s")
        self._make_room(clients)
        if not any(self._may_be_too_long(each) for each in clients):
            return
        asked = asyncio.wrap_future(started_in_thread(self._describe))
        with suppress(TimeoutError, OSError):  # OSError: no thread is left
            text = await asyncio.wait_for(asked, ANSWER_S)
            self._taken = {peer: int(taken) for peer, taken in PEER.findall(text)}
            for each in clients:
                if each.peer in self._taken and self._may_be_too_long(each):
                    self._disconnect(each, f"a message of over {self._most_bytes >> 20} MiB")

    def _may_be_too_long(self, client: PeerSocket) -> bool:
        """Whether more has come than the messages that are known, and one of the longest."""
        return client.received - self._taken.get(client.peer, 0) > self._most_bytes

    def _make_room(self, clients: Sequence[PeerSocket]) -> None:
        """While few files are left, end the connections that nobody uses."""
        unused = self._unused.unused(clients)
        if unused and few_files_left():
            ended = sum(map(_shut, unused))
            log.warning("%d pvAccess clients without a channel were cut: few files are left", ended)

    def _disconnect(self, client: PeerSocket, why: str) -> None:
        if _shut(client):
            self._told = f"pvAccess client {client.peer} was cut: {why}"
            self._told_s = self._clock_s()
            log.warning("%s", self._told)


def _shut(client: PeerSocket) -> bool:
    """Disconnect a client; False if its file is another one by now."""
    with suppress(OSError), borrowed(client.file) as found:
        if peer_of(found) == client.peer:
            found.shutdown(socket.SHUT_RDWR)
            return True
    return False


def client_sockets(port: int) -> Iterator[PeerSocket]:
    """The sockets of the clients that are connected to a port of this process."""
    for number in open_files():
        with suppress(OSError), borrowed(number) as found:
            if found.type == socket.SOCK_STREAM and found.getsockname()[1:2] == (port,):
                info = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
                if len(info) >= TCP_INFO_BYTES:
                    acknowledged, received = struct.unpack_from("=QQ", info, BYTES_ACKED)
                    unsent = struct.unpack_from("=I", info, NOT_SENT)[0]
                    yield PeerSocket(number, peer_of(found), received, acknowledged, unsent)


def peer_of(connection: socket.socket) -> str:
    """The address and port of a client, as p4p writes them; raises OSError if it is gone."""
    host, port = connection.getpeername()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
