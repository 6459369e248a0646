"""A client's connection, with what caproto's lacks: slow clients, and refused puts in words."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import caproto
from caproto import CaprotoError
from caproto.asyncio.server import VirtualCircuit
from caproto.server.common import DisconnectedCircuit

from ioc.ca.updates import Update, pieces
from ioc.model.wire_values import latin1
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

BATCH = 1 << 16
"""Bytes, about, that are packed for a client at once; an array may be more."""

LONGEST_WAIT_S = 1.0
"""Longest that the answer to a put waits for updates to leave; a client may not take them."""


@dataclass(frozen=True, eq=False)
class FlushMarker:
    """A place among the updates of a circuit; ``passed`` is done once all before it were sent."""

    circuit: Circuit
    passed: asyncio.Future[None]


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
        self._news = asyncio.Event()
        self._sub_task: asyncio.Task[None] | None = None

    def offer(self, sub: Any, update: Update | None) -> None:
        """Send ``update`` to the client when it takes it, unless a later one has come by then.

        A mark has none; it is passed when what was offered before it is sent.
        """
        self._latest[sub] = update
        self._news.set()

    async def subscription_queue_loop(self) -> None:
        """Send what is new, as fast as the client takes it, while it wants to be told."""
        self.events_on.set()
        try:
            while True:
                await self._news.wait()
                await self.events_on.wait()
                if any(self._latest.values()):  # and not marks alone
                    await self.context.turn()
                self._news.clear()
                leaving, self._latest = self._latest, {}
                await self._tell(leaving)
        except OSError:
            await self._on_disconnect()
            self.circuit.disconnect()
            await self.context.circuit_disconnected(self)
        except Exception:  # of which nobody would hear: no one waits for this task
            log.exception("no more updates for %s", self._who)
            raise

    async def _tell(self, leaving: dict[Any, Update | None]) -> None:
        """Send updates, then pass the marks among them.

        All that is there leaves before anything newer, so that what was posted together arrives
        together, also at a slow client.
        """
        marks = [sub for sub, update in leaving.items() if update is None]
        updates = [(sub, update) for sub, update in leaving.items() if update is not None]
        updates.reverse()
        writer = self.client.writer
        while updates:
            async with self.client.send_lock:  # answers to requests come between batches
                for piece in pieces(await self._batch(updates)):
                    writer.write(piece)
                    await writer.drain()
        for mark in marks:
            if not mark.passed.done():
                mark.passed.set_result(None)

    async def _batch(self, updates: list[tuple[Any, Update]]) -> list[Any]:
        """Messages of the last updates, which are taken off, but for what is cancelled by now."""
        wanted = {sub.subscriptionid for subs in self.subscriptions.values() for sub in subs}
        parts: list[Any] = []
        size = 0
        while updates and size < BATCH:
            sub, update = updates.pop()
            if sub.subscriptionid in wanted:
                told = (
                    update.message(sub) if update.serves(sub) else await self._filtered(sub, update)
                )
                parts += told
                size += sum(memoryview(each).nbytes for each in told)
        return parts

    async def _filtered(self, sub: Any, update: Update) -> list[Any]:
        """What caproto makes of an update for a client that asks for parts of it, or not always."""
        await self.context.pack(sub, update)
        queue, parts = self.subscription_queue, []
        while not queue.empty():
            command = queue.get_nowait()()
            if command is not None:
                parts += [bytes(command.header), *command.buffers]
        return parts

    async def _updates_sent(self) -> None:
        """Wait until the client was sent all that is posted by now, but not for ever.

        So a client that keeps what its monitors tell has the new values when its put returns.
        """
        mark = FlushMarker(self, asyncio.get_running_loop().create_future())
        await self.context.subscription_queue.put(((), None, None, 0, mark))
        await asyncio.wait({mark.passed}, timeout=LONGEST_WAIT_S)

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
