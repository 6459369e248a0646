"""The only module that uses what caproto does not document: its private methods and its queues.

`ioc.ca.circuit` and `ioc.ca.server` override and call the public methods of its classes. The table
lists everything private of ``caproto.asyncio`` 1.3 that is used here. A test compares it with the
installed caproto and says in words what has changed.

=========  ==============================================================================
kind       name and arguments
=========  ==============================================================================
method     VirtualCircuit.__init__(circuit, client, context, loop)
coroutine  VirtualCircuit.send(commands)
coroutine  VirtualCircuit.subscription_queue_loop()
coroutine  VirtualCircuit._process_command(command)
coroutine  VirtualCircuit._on_disconnect()
coroutine  VirtualCircuit._start_write_task(handle_write)
method     VirtualCircuit._get_db_entry_from_command(command)
attribute  VirtualCircuit._sub_task
attribute  VirtualCircuit.client_hostname
attribute  VirtualCircuit.client_username
attribute  VirtualCircuit.events_on
attribute  VirtualCircuit.subscription_queue
attribute  VirtualCircuit.subscriptions
attribute  VirtualCircuit.tasks
attribute  VirtualCircuit.write_event
method     Context.__init__(pvdb, interfaces, loop)
coroutine  Context.run(log_pv_names, startup_hook)
coroutine  Context.tcp_handler(client, addr)
coroutine  Context.circuit_disconnected(circuit)
coroutine  Context.server_accept_loop(sock)
coroutine  Context.broadcast_beacon_loop()
coroutine  Context._bind_tcp_sockets_with_consistent_port_number(make_socket)
coroutine  Context._subscription_queue_iteration(sub_specs, metadata, values, flags, sub)
coroutine  Context._subscription_queue_send(sub_spec, sub, metadata, values, flags)
attribute  Context.beacon_socks
attribute  Context.ca_server_port
attribute  Context.circuits
attribute  Context.server_tasks
attribute  Context.subscription_queue
attribute  Context.subscriptions
method     _TransportWrapper.__init__(reader, writer)
method     _TransportWrapper.getpeername()
attribute  _TransportWrapper.send_lock
attribute  _TransportWrapper.writer
=========  ==============================================================================
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from caproto import VirtualCircuit as ProtocolState
from caproto.asyncio.server import Context, VirtualCircuit
from caproto.asyncio.utils import _TransportWrapper
from caproto.server.common import DisconnectedCircuit

from ioc.ca.updates import Update

__all__ = ["CaprotoCircuit", "CaprotoServer", "DisconnectedCircuit", "QueueMarker"]


@dataclass(frozen=True, eq=False)
class QueueMarker:
    """A marker in a server's queue of updates.

    ``reached`` is called once all updates before the marker were given to their circuits.
    """

    reached: Callable[[], None]


class CaprotoCircuit(VirtualCircuit):  # type: ignore[misc]
    """caproto's connection of a client, with public methods to override and to call."""

    def __init__(
        self, circuit: ProtocolState, client: _TransportWrapper, context: CaprotoServer
    ) -> None:
        super().__init__(circuit, client, context)
        self.client_hostname, _ = circuit.address  # never the name that a client claims
        self.client_username = ""
        self._sub_task: asyncio.Task[None] | None = None

    async def answer(self, request: Any) -> list[Any]:
        """The messages with which caproto answers a request of the client."""
        response: list[Any] = await super()._process_command(request)
        return response

    async def _process_command(self, command: Any) -> list[Any]:
        return await self.answer(command)

    def channel_of(self, request: Any) -> tuple[Any, Any]:
        """The client's channel that a request is for, and the entry of the database behind it."""
        channel, entry = self._get_db_entry_from_command(request)
        return channel, entry

    async def begin_put(self, put: Callable[[], Awaitable[None]]) -> None:
        """Run ``put`` as a task; later reads of the client wait for `end_put`, at most 1 ms."""
        self.write_event.clear()
        await self._start_write_task(put)

    def end_put(self) -> None:
        """Let the client's reads continue."""
        self.write_event.set()

    @property
    def subscription_ids(self) -> set[int]:
        """The client's numbers of its present subscriptions."""
        return {sub.subscriptionid for subs in self.subscriptions.values() for sub in subs}

    async def caproto_messages(self, sub: Any, update: Update) -> list[Any]:
        """The messages that caproto makes of an update; empty if the client's filter drops it."""
        await self.context.pack(sub, update)
        messages = []
        while not self.subscription_queue.empty():
            message = self.subscription_queue.get_nowait()()
            if message is not None:
                messages.append(message)
        return messages

    async def drop(self) -> None:
        """End the connection: the client is gone."""
        await self._on_disconnect()
        self.circuit.disconnect()
        await self.context.circuit_disconnected(self)

    async def _on_disconnect(self) -> None:
        """Disconnect as caproto does, but without waiting for the end of the sending task.

        The sending task itself may find the client gone and call this. A task that waits for
        itself, or for a cancelled task, raises; the circuit would then never be dropped.
        """
        sending, self._sub_task = self._sub_task, None
        if sending is not None and sending is not asyncio.current_task():
            sending.cancel()
        await super()._on_disconnect()


class CaprotoServer(Context):  # type: ignore[misc]
    """caproto's server, with public methods to override and to call."""

    def offer(self, sub: Any, update: Update) -> None:
        """Take an update for one subscription; called in the order of the updates."""
        raise NotImplementedError

    def port_taken(self, port: int) -> None:
        """Called if the wanted port is taken and ``port`` is used instead; may raise OSError."""

    async def mark_queue(self, marker: QueueMarker) -> None:
        """Put a marker behind the updates that wait to be offered."""
        await self.subscription_queue.put(((), None, None, 0, marker))

    async def pack(self, sub: Any, update: Update) -> None:
        """Let caproto pack an update for a subscription and put it into the circuit's queue."""
        await self._subscription_queue_send(
            update.spec, sub, update.metadata, update.values, update.flags
        )

    async def _subscription_queue_iteration(
        self, sub_specs: Iterable[Any], metadata: Any, values: Any, flags: int, sub: Any
    ) -> None:
        if isinstance(sub, QueueMarker):
            sub.reached()
            return
        for spec in sub_specs:
            update = Update(spec, metadata, values, flags)
            for each in self.subscriptions[spec] if sub is None else [sub]:
                self.offer(each, update)

    async def _bind_tcp_sockets_with_consistent_port_number(self, make_socket: Any) -> Any:
        port, sockets = await super()._bind_tcp_sockets_with_consistent_port_number(make_socket)
        if port != self.ca_server_port:
            try:
                self.port_taken(port)
            except OSError:
                for each in sockets.values():
                    each.close()
                raise
        return port, sockets

    async def server_accept_loop(self, listening: socket.socket) -> None:
        """Accept connections as caproto does; closes the asyncio server before its socket."""

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # asyncio sets TCP_NODELAY only on sockets made with IPPROTO_TCP; caproto's are not.
            # Without it a second small message waits 40 ms for the client's acknowledgement.
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = _TransportWrapper(reader, writer)
            self.server_tasks.create(self.tcp_handler(transport, transport.getpeername()))

        server = await asyncio.start_server(connected, sock=listening)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()

    def keep_beacons(self, wanted: Callable[[str], bool]) -> None:
        """Send beacons only to the hosts that are ``wanted``."""
        for address, (_, beacons) in list(self.beacon_socks.items()):
            if not wanted(address[0]):
                beacons.close()
                del self.beacon_socks[address]

    def abort_connections(self) -> None:
        """Close all connections without waiting for clients, which may never answer."""
        for circuit in list(self.circuits):
            circuit.client.writer.transport.abort()
