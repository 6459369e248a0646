"""What is used of caproto's server that it does not document: private methods and queues.

Only this module, `ioc.ca.channels.caproto_channel` and `ioc.ca.serving.subscribing_circuit` do so.

`ioc.ca.serving.circuit` and `ioc.ca.server` override and call the public methods of its classes.
The table lists everything private of ``caproto.asyncio`` 1.3 that is used here. A test compares it
with the installed caproto and says in words what has changed.

=========  ==============================================================================
kind       name and arguments
=========  ==============================================================================
method     VirtualCircuit.__init__(circuit, client, context, loop)
coroutine  VirtualCircuit.recv()
coroutine  VirtualCircuit.send(commands)
coroutine  VirtualCircuit.command_queue_loop()
coroutine  VirtualCircuit.subscription_queue_loop()
coroutine  VirtualCircuit._process_command(command)
coroutine  VirtualCircuit._on_disconnect()
coroutine  VirtualCircuit._command_queue_iteration(command)
coroutine  VirtualCircuit._send_buffers(buffers)
method     VirtualCircuit._get_db_entry_from_command(command)
attribute  VirtualCircuit._sub_task
attribute  VirtualCircuit.client_hostname
attribute  VirtualCircuit.client_username
attribute  VirtualCircuit.command_queue
attribute  VirtualCircuit.events_on
attribute  VirtualCircuit.log
attribute  VirtualCircuit.tasks
attribute  VirtualCircuit.write_event
method     Context.__init__(pvdb, interfaces, loop)
coroutine  Context.run(log_pv_names, startup_hook)
coroutine  Context.tcp_handler(client, addr)
coroutine  Context.circuit_disconnected(circuit)
coroutine  Context.server_accept_loop(sock)
coroutine  Context.broadcast_beacon_loop()
coroutine  Context.broadcaster_receive_loop()
coroutine  Context._create_broadcaster_transport(interface)
coroutine  Context._bind_tcp_sockets_with_consistent_port_number(make_socket)
coroutine  Context._subscription_queue_iteration(sub_specs, metadata, values, flags, sub)
attribute  Context.beacon_socks
attribute  Context.broadcaster
attribute  Context.broadcaster_datagram_queue
attribute  Context.ca_server_port
attribute  Context.circuits
attribute  Context.server_tasks
attribute  Context.subscription_queue
attribute  Context.subscriptions
attribute  Context.udp_socks
method     _TransportWrapper.__init__(reader, writer)
method     _TransportWrapper.getpeername()
attribute  _TransportWrapper.send_lock
attribute  _TransportWrapper.writer
=========  ==============================================================================
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from caproto import (
    DISCONNECTED,
    CaprotoError,
    CaprotoNetworkError,
    CreateChanRequest,
    CreateChFailResponse,
    EventAddRequest,
    EventCancelRequest,
    RemoteProtocolError,
    ServerChannel,
    VersionRequest,
)
from caproto import VirtualCircuit as ProtocolState
from caproto.asyncio.server import Context
from caproto.asyncio.utils import _TransportWrapper
from caproto.server.common import DisconnectedCircuit

from ioc.ca.serving import client_limits
from ioc.ca.serving.bound_sockets import listening
from ioc.ca.serving.circuit_log import CircuitLog
from ioc.ca.serving.client_subscriptions import Subscribers
from ioc.ca.serving.subscribing_circuit import SubscribingCircuit
from ioc.ca.serving.updates import QueueMarker, Update

__all__ = ["CaprotoCircuit", "CaprotoServer", "DisconnectedCircuit"]

log = logging.getLogger(__name__)


class CaprotoCircuit(SubscribingCircuit):
    """caproto's connection of a client, with public methods to override and to call."""

    def __init__(
        self, circuit: ProtocolState, client: _TransportWrapper, context: CaprotoServer
    ) -> None:
        super().__init__(circuit, client, context)
        self.log = CircuitLog(circuit.log, {})
        self.client_hostname, _ = circuit.address  # never the name that a client claims
        self.client_username = ""
        self.since_s = time.monotonic()
        self._sub_task: asyncio.Task[None] | None = None
        self.command_queue: asyncio.Queue[Any] = asyncio.Queue(client_limits.MOST_REQUESTS)
        self.latest: dict[int, Update] = {}
        """The updates that wait to be sent, by the numbers of their subscriptions alone:
        thousands of pairs would make garbage collections frequent."""

    @property
    def unused(self) -> bool:
        """Whether the client has no channel and is not being disconnected."""
        return not self.circuit.channels and not self.client.writer.transport.is_closing()

    def abort(self) -> None:
        """Close the connection without waiting for the client, which may never answer."""
        self.client.writer.transport.abort()

    def updated(self) -> None:
        """Have the updates in `latest` sent, if there are any."""
        raise NotImplementedError

    async def recv(self) -> None:
        """Have handled what the client has sent; raises DisconnectedCircuit if it is gone.

        A client is disconnected that sends what is no message, or announces one that is too long.
        caproto would keep all of a message of 2 GB, and copy it with each 4 kB.
        """
        try:
            data = await self.client.recv(client_limits.READ_BYTES)
            commands, missing = self.circuit.recv(data)
            if missing > client_limits.MOST_REQUEST_BYTES:
                raise RemoteProtocolError(f"it announces a message of {missing} bytes")
        except CaprotoNetworkError:  # the connection is broken
            commands, _ = self.circuit.recv(b"")
        except (CaprotoError, ValueError, LookupError) as error:
            words = str(error).partition("\n")[0]
            log.warning("%s is disconnected: %s", self.client_hostname, words)
            commands, _ = self.circuit.recv(b"")
        for command in commands:
            if not self.connected:
                raise DisconnectedCircuit
            await self.command_queue.put(command)
        if commands and commands[-1] is DISCONNECTED:
            await self._on_disconnect()
            raise DisconnectedCircuit

    async def command_queue_loop(self) -> None:
        """Handle the client's messages until it is gone, or breaks the protocol; then drop it."""
        await super().command_queue_loop()
        if self.connected:
            await self.drop()
        while not self.command_queue.empty():  # ``recv`` may wait for a place in it
            self.command_queue.get_nowait()

    async def answer(self, request: Any) -> list[Any]:
        """The messages with which caproto answers a request of the client."""
        match request:
            case EventAddRequest():
                return await self.subscribe(request)
            case EventCancelRequest():
                return await self.unsubscribe(request)
        response: list[Any] = await super()._process_command(request)
        return response

    async def _process_command(self, command: Any) -> list[Any]:
        return await self.answer(command)

    def channel_of(self, request: Any) -> tuple[Any, Any]:
        """The client's channel that a request is for, and the entry of the database behind it."""
        return self._get_db_entry_from_command(request)  # type: ignore[no-any-return]

    def begin_put(self, put: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``put`` as a task; later reads of the client wait for `end_put`, at most 1 ms."""
        self.write_event.clear()
        self.tasks.create(put())

    def end_put(self) -> None:
        """Let the client's reads continue."""
        self.write_event.set()

    async def _command_queue_iteration(self, command: Any) -> Any:
        """Handle a message of the client; one that cannot be handled is left out.

        caproto ends the connection, or the task that reads it, for messages that EPICS Base
        ignores or refuses.
        """
        match command:
            case VersionRequest() if self.circuit.priority is not None:
                return None  # a search by TCP has another number where the priority is
            case CreateChanRequest():
                if not await self.open_channel(command):
                    return None
            case EventCancelRequest() if command.subscriptionid not in self.subscriptions.by_number:
                return None  # it was refused
            case _ if hasattr(command, "sid") and command.sid not in self.circuit.channels_sid:
                return None  # the channel was disconnected while this was on its way
        return await super()._command_queue_iteration(command)

    async def open_channel(self, request: Any) -> bool:
        """Make the state of a channel that a client asks for, or say that it gets none."""
        try:
            self.context[request.name]
            if len(self.circuit.channels) >= client_limits.MOST_CHANNELS:
                raise KeyError(request.name)
        except KeyError:
            try:
                await self._send_buffers(bytes(CreateChFailResponse(cid=request.cid)))
            except CaprotoNetworkError:
                raise DisconnectedCircuit from None
            return False
        # caproto would parse the filters of the name, and raise for some of EPICS Base.
        channel = ServerChannel("", self.circuit, request.cid)
        channel.name = request.name
        return True

    async def drop(self) -> None:
        """End the connection: the client is gone."""
        await self._on_disconnect()
        self.circuit.disconnect()
        await self.context.circuit_disconnected(self)

    def client_gone(self) -> None:
        """Forget what is kept for the client; called when it disconnects, maybe more than once."""

    async def _on_disconnect(self) -> None:
        """Disconnect as caproto does, but without waiting for the end of the sending task.

        That task may call this. If it waited for itself, it would raise and nothing be dropped.
        """
        self.client_gone()
        sending, self._sub_task = self._sub_task, None
        if sending is not None and sending is not asyncio.current_task():
            sending.cancel()
        await self.cancel(self.subscriptions.every())
        await super()._on_disconnect()
        with suppress(asyncio.QueueFull):
            self.command_queue.put_nowait(DISCONNECTED)  # so that ``command_queue_loop`` ends, too


class CaprotoServer(Context):  # type: ignore[misc]
    """caproto's server, with public methods to override and to call."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.subscriptions: defaultdict[Any, Subscribers] = defaultdict(Subscribers)

    async def accept(self, listening: socket.socket) -> socket.socket:
        """The connection of the next client."""
        raise NotImplementedError

    def search_replies(self, requests: Sequence[Any]) -> list[Any]:
        """The messages that answer the messages of one datagram."""
        raise NotImplementedError

    def broadcast_addresses(self) -> Mapping[str, str]:
        """The interface of each broadcast address at which searches may arrive."""
        return {}

    async def listen_to_broadcasts(self) -> Mapping[str, str]:
        """Open a socket for each broadcast address; returns those that could be opened."""
        opened = {}
        for broadcast, interface in self.broadcast_addresses().items():
            try:
                await self._create_broadcaster_transport(broadcast)
            except OSError as error:
                log.warning("searches to %s are not heard: %s", broadcast, error)
            else:
                opened[broadcast] = interface
        return opened

    def port_taken(self, port: int) -> None:
        """Called if the wanted port is taken and ``port`` is used instead; may raise OSError."""

    async def mark_queue(self, marker: QueueMarker) -> None:
        """Put a marker behind the updates that wait to be offered."""
        await self.subscription_queue.put(((), None, None, 0, marker))

    async def broadcaster_receive_loop(self) -> None:
        """Answer searches from the interface that they reached; caproto answers from all.

        A socket of the address of an interface hears no broadcasts, so these have sockets, too.
        """
        interface_of = await self.listen_to_broadcasts()
        while True:
            socket_name, data, address = await self.broadcaster_datagram_queue.async_get()
            interface = interface_of.get(socket_name, socket_name)
            if isinstance(data, Exception):
                log.debug("searches on %s: %s", interface, data)
                continue
            try:
                replies = self.search_replies(self.broadcaster.recv(data, address))
                if replies:
                    message = b"".join(map(bytes, replies))
                    await self.udp_socks[interface].sendto(message, address)
            except Exception as error:  # noqa: BLE001, whatever a datagram holds, searches go on
                log.debug("a search from %s: %s", address, error)

    async def _subscription_queue_iteration(
        self, sub_specs: Iterable[Any], metadata: Any, values: Any, flags: int, sub: Any
    ) -> None:
        """Give an update to its circuits; they send it once all that is queued was given out."""
        if isinstance(sub, QueueMarker):
            sub.reached()
        for spec in sub_specs:
            update = Update(spec, metadata, values, flags)
            for each in self.subscriptions.get(spec, ()) if sub is None else [sub]:
                each.circuit.latest[each.subscriptionid] = update
        if self.subscription_queue.empty():
            for circuit in self.circuits:
                circuit.updated()

    async def _bind_tcp_sockets_with_consistent_port_number(self, make_socket: Any) -> Any:
        listens = listening(make_socket)
        port, sockets = await super()._bind_tcp_sockets_with_consistent_port_number(listens)
        if port != self.ca_server_port:
            try:
                self.port_taken(port)
            except OSError:
                for each in sockets.values():
                    each.close()
                raise
        return port, sockets

    async def server_accept_loop(self, listening: socket.socket) -> None:
        """Accept the connections that `accept` returns, until cancelled."""
        while True:
            connection = await self.accept(listening)
            try:
                address = connection.getpeername()
                client = _TransportWrapper(*await asyncio.open_connection(sock=connection))
            except OSError:  # the client has gone already
                connection.close()
            else:
                self.server_tasks.create(self.tcp_handler(client, address))

    def keep_beacons(self, wanted: Callable[[str], bool]) -> None:
        """Send beacons only to the hosts that are ``wanted``."""
        for address, (_, beacons) in list(self.beacon_socks.items()):
            if not wanted(address[0]):
                beacons.close()
                del self.beacon_socks[address]

    def abort_connections(self) -> None:
        """Close all connections without waiting for clients, which may never answer."""
        for circuit in list(self.circuits):
            circuit.abort()
