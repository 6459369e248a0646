"""caproto's server with what it lacks for live data: slow clients, refused puts, a clean end."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import caproto
import numpy as np
from caproto import CaprotoError, EventAddResponse
from caproto.asyncio.server import Context, VirtualCircuit
from caproto.asyncio.utils import _TransportWrapper
from caproto.server.common import DisconnectedCircuit

from ioc.values import Wire, latin1
from reduction.specs import Refused

log = logging.getLogger(__name__)


Update = tuple[Any, dict[str, Any]]
"""What a subscription is about, and its value and metadata, not packed yet."""

AT_ONCE = 50
"""Updates packed for a client before others have their turn."""

ROUNDS = 10
"""Rounds of the event loop that updates wait for puts that are under way, each time."""

PIECE = 1 << 18
"""Bytes given to the system at once."""

LONGEST_WAIT_S = 1.0
"""Longest that the answer to a put waits for updates to leave; a client may not take them."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A place among the updates of a circuit; ``passed`` is done once all before it were sent."""

    circuit: Circuit
    passed: asyncio.Future[None]


def pieces(parts: Sequence[Any], most: int = PIECE) -> Iterator[Any]:
    """All bytes of ``parts``, in order and in pieces of ``most`` at most.

    What waits for a client to take it is then a piece, not a copy of a whole array.
    """
    for view in (np.frombuffer(each, np.uint8).data for each in parts if memoryview(each).nbytes):
        yield from (view[begin : begin + most] for begin in range(0, len(view), most))


class Circuit(VirtualCircuit):  # type: ignore[misc]
    """A client's connection, which keeps no more than the latest value of each subscription.

    caproto queues every update for every client: one that stops reading ends all clients' updates,
    once its queue is full, and fills the memory.
    """

    def __init__(self, circuit: Any, client: Any, context: Any, **more: Any) -> None:
        super().__init__(circuit, client, context, **more)
        self.client_hostname, _ = circuit.address  # and never the name that a client claims
        self.client_username = ""
        self._latest: dict[Any, Update | None] = {}
        self._leaving: dict[Any, Update | None] = {}
        self._marks: list[Mark] = []
        self._news = asyncio.Event()
        self._sub_task: asyncio.Task[None] | None = None

    def offer(self, sub: Any, update: Update | None) -> None:
        """Send ``update`` to the client when it takes it, unless a later one has come by then."""
        self._latest[sub] = update
        self._news.set()

    async def get_from_sub_queue(self, timeout: float | None = None) -> Any:
        """The next packed update. Called by caproto's send loop, which sends what it has on None.

        All that is there leaves before anything newer, so that what was posted together arrives
        together, also at a slow client. ``timeout`` is how long caproto would wait for more.
        """
        self._pass_marks()
        while self.subscription_queue.empty():
            if not self._leaving:
                if not self._latest and timeout is not None:
                    return None
                await self._news.wait()
                self._news.clear()
                self._leaving, self._latest = self._latest, {}
                if any(self._leaving.values()):  # and not marks alone
                    await self.context.turn()
            sub = next(iter(self._leaving))
            update = self._leaving.pop(sub)
            if update is not None:
                if len(self._leaving) % AT_ONCE == AT_ONCE - 1:
                    await asyncio.sleep(0)
                await self.context.pack(sub, update)
                continue
            self._marks.append(sub)
            if timeout is not None:
                return None
            self._pass_marks()
        return self.subscription_queue.get_nowait()

    def _pass_marks(self) -> None:
        for mark in self._marks:
            if not mark.passed.done():
                mark.passed.set_result(None)
        self._marks.clear()

    async def _updates_sent(self) -> None:
        """Wait until the client was sent all that is posted by now, but not for ever.

        So a client that keeps what its monitors tell has the new values when its put returns.
        """
        mark = Mark(self, asyncio.get_running_loop().create_future())
        await self.context.subscription_queue.put(((), None, None, 0, mark))
        await asyncio.wait({mark.passed}, timeout=LONGEST_WAIT_S)

    async def subscription_queue_loop(self) -> None:
        """As caproto's, but an error of ours is told at once: it ends all updates to the client."""
        try:
            await super().subscription_queue_loop()
        except Exception:
            log.exception("no more updates for %s", self.client_hostname)
            raise

    async def send(self, *commands: Any) -> None:
        """As caproto's, but updates do not pass its state machine, which took a third of the time.

        None of them changes a state, and those of a subscription that is gone were left out.
        """
        if not (self.connected and all(isinstance(each, EventAddResponse) for each in commands)):
            await super().send(*commands)
            return
        parts = [part for each in commands for part in (bytes(each.header), *each.buffers)]
        large = commands and len(commands[-1]) > PIECE  # which fills a batch, so it is the last
        writer = self.client.writer
        try:
            async with self.client.send_lock:
                for piece in pieces(parts) if large else [b"".join(parts)]:
                    writer.write(piece)
                    await writer.drain()
        except OSError as error:
            raise DisconnectedCircuit(str(error)) from error

    async def _on_disconnect(self) -> None:
        """As caproto's, but nobody waits for the send loop to end.

        It may be the loop itself that finds the client gone; and who waits for itself, or for what
        was cancelled, fails before the circuit is dropped, which then stays for ever.
        """
        sending, self._sub_task = self._sub_task, None
        if sending is not None and sending is not asyncio.current_task():
            sending.cancel()
        await super()._on_disconnect()

    async def _process_command(self, command: Any) -> Any:
        if isinstance(command, caproto.WriteRequest | caproto.WriteNotifyRequest):
            self.write_event.clear()
            await self._start_write_task(lambda: self._write(command))
            return []
        if isinstance(command, caproto.HostNameRequest):
            return []
        if isinstance(command, caproto.EventAddRequest):
            self._take_what_is_there(command)
        response = await super()._process_command(command)
        if isinstance(command, caproto.ClientNameRequest):
            response += self._rights()
        return response

    def _rights(self) -> list[Any]:
        """What the user, who may have been another until now, may do with each channel."""
        return [
            caproto.AccessRightsResponse(
                channel.cid,
                self.context[channel.name].check_access(self.client_hostname, self.client_username),
            )
            for channel in self.circuit.channels_sid.values()
        ]

    def _take_what_is_there(self, command: Any) -> None:
        """A subscription to all that a channel can hold is one to all that it holds: count 0.

        caproto would announce as many elements as were asked for and send fewer. Clients in Java,
        Phoebus among them, ask so, believe the number, and fail.
        """
        _, entry = self._get_db_entry_from_command(command)
        if command.data_count == entry.max_length > 1:
            command.header.data_count = 0

    async def _write(self, command: Any) -> None:
        """A client's put: caproto's own, but a refusal is one line in the log and our words."""
        self.context.puts += 1
        try:
            answer = await self._answer(command)
        finally:
            self.write_event.set()
            self.context.puts -= 1
        if answer:
            if any(self.subscriptions.values()):
                await self._updates_sent()
            with suppress(DisconnectedCircuit):
                await self.send(*answer)

    async def _answer(self, command: Any) -> list[Any]:
        """Do what a put asks, and return what the client is to be told, if anything."""
        channel, entry = self._get_db_entry_from_command(command)
        host, user = self.client_hostname, self.client_username
        data = command.data, command.data_type, command.metadata
        try:
            await entry.auth_write(host, user, *data)
        except (Refused, CaprotoError) as refusal:
            log.warning("%s from %s: %s", channel.name, self._who, refusal)
            return _failed(command, channel, refusal)
        except Exception as error:
            # A defect of ours: the client is to hear of it, rather than wait for ever.
            log.exception("%s from %s failed", channel.name, self._who)
            return _failed(command, channel, error)
        return _completed(command, channel, caproto.CAStatus.ECA_NORMAL)

    @property
    def _who(self) -> str:
        return "{}@{}:{}".format(self.client_username, *self.circuit.address)


def _completed(command: Any, channel: Any, status: caproto.CAStatus) -> list[Any]:
    """The completion of a put, if the client has asked for it."""
    if not isinstance(command, caproto.WriteNotifyRequest):
        return []
    return [channel.write(ioid=command.ioid, status=status, data_count=command.data_count)]


def _failed(command: Any, channel: Any, error: Exception) -> list[Any]:
    """Our words, and the completion: the C library takes the first alone, others the second."""
    message = latin1(str(error)).encode("latin-1") + b"\0"
    forbidden = isinstance(error, caproto.Forbidden)
    status = caproto.CAStatus.ECA_NOWTACCESS if forbidden else caproto.CAStatus.ECA_PUTFAIL
    refusal = caproto.ErrorResponse(command, channel.cid, status=status, error_message=message)
    return [refusal, *_completed(command, channel, status)]


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
        """Pack an update and queue it at its circuit, which asks for it."""
        sub_spec, value = update
        wire = getattr(value["values"], "base", None)
        if isinstance(wire, Wire) and sub.data_count in (0, len(wire)) and not _filters(sub):
            value = value | {"values": wire}
        await super()._subscription_queue_send(sub_spec, sub, **value)

    async def _subscription_queue_send(self, sub_spec: Any, sub: Any, **value: Any) -> None:
        sub.circuit.offer(sub, (sub_spec, value))

    async def _subscription_queue_iteration(
        self, sub_specs: Any, metadata: Any, values: Any, flags: Any, sub: Any
    ) -> None:
        if isinstance(sub, Mark):
            sub.circuit.offer(sub, None)
        else:
            await super()._subscription_queue_iteration(sub_specs, metadata, values, flags, sub)

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


def _filters(sub: Any) -> bool:
    """Whether a client asks for parts of an array, or for some updates only."""
    return any(each is not None for each in sub.channel_filter)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
