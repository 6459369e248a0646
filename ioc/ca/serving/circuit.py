"""A client's connection: a slow client delays no other, and a refused put is answered in words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import caproto
from caproto import CaprotoError

from ioc.ca.serving.caproto_internals import CaprotoCircuit, DisconnectedCircuit
from ioc.ca.serving.messages import Batch, pieces
from ioc.ca.serving.put_queue import ArrivedPut, PutQueue
from ioc.ca.serving.reads import Announcements, read_answer
from ioc.ca.serving.updates import QueueMarker, Update, stamped
from ioc.model.wire_values import latin1
from ioc.records.channel_names import channel_name
from ioc.records.monitor_filters import FilteredMonitor, MonitorFilter
from ioc.security.rules import shown_name
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

BATCH = 1 << 16
"""Bytes after which a batch of updates is sent; a single large array may exceed it."""

MOST_JOINED = 500
"""Most short messages that are joined for all clients which get the same."""

PUT_WAIT_S = 0.001
"""Longest time that a read waits for the end of an earlier put of the same client."""

LONGEST_WAIT_S = 1.0
"""Longest time that the answer to a put waits until updates are sent; the client may not read."""


@dataclass(frozen=True, eq=False)
class FlushMarker:
    """A marker among the updates of a circuit; ``passed`` is set once earlier updates are sent."""

    passed: asyncio.Future[None]


class Circuit(CaprotoCircuit):
    """A client's connection, which keeps no more than the latest value of each subscription.

    caproto queues every update for every client. If one client stops reading, its queue fills up,
    and then caproto sends updates to no client. The queues also fill the memory.
    """

    def __init__(self, circuit: Any, client: Any, context: Any) -> None:
        super().__init__(circuit, client, context)
        self._markers: list[FlushMarker] = []
        self._counts = Announcements(self._outgrown)
        self._filtered: dict[int, FilteredMonitor] = {}
        self._offered = asyncio.Event()
        self._puts = PutQueue(lambda put: self.begin_put(lambda: self._put(put)))

    def updated(self) -> None:
        if self.latest:
            self._offered.set()

    def mark(self, marker: FlushMarker) -> None:
        """Set a marker behind the updates that were offered."""
        self._markers.append(marker)
        self._offered.set()

    async def subscription_queue_loop(self) -> None:
        """Send updates as fast as the client reads, unless it has turned events off."""
        self.events_on.set()
        try:
            while True:
                await self._offered.wait()
                await self.events_on.wait()
                if self.latest:
                    await self.context.turns.next()
                self._offered.clear()
                leaving, self.latest = self.latest, {}
                markers, self._markers = self._markers, []
                await self._send_updates(leaving)
                for marker in markers:
                    if not marker.passed.done():
                        marker.passed.set_result(None)
        except OSError:
            await self.drop()
        except Exception:  # nobody awaits this task: log the error here
            log.exception("no more updates for %s", self._client_name)
            raise

    async def _send_updates(self, updates: dict[int, Update]) -> None:
        """Send updates, by the numbers of their subscriptions, and remove them.

        All these updates are sent before any newer one. So values that were posted together arrive
        together, even at a slow client.
        """
        writer = self.client.writer
        numbers = list(updates)
        while numbers:
            async with self.client.send_lock:  # answers to requests come between batches
                for piece in pieces(self._next_batch(numbers, updates)):
                    writer.write(piece)
                    await writer.drain()

    def _next_batch(self, numbers: list[int], updates: dict[int, Update]) -> list[Any]:
        """The messages to the first of ``numbers``, which are removed; about `BATCH` bytes.

        Updates of subscriptions that were cancelled meanwhile are left out.
        """
        table = self.subscriptions
        batch = Batch()
        while numbers and batch.size < BATCH:
            series = list(takewhile(table.common.__contains__, numbers[:MOST_JOINED]))
            if series:
                subs = map(table.by_number.__getitem__, series)
                joined = self.context.shared.of(tuple(map(updates.pop, series)), subs)
                batch.add_joined(joined, series)
            elif sub := table.by_number.get(numbers[0]):
                self._add_to(batch, sub, updates.pop(numbers[0]))
            del numbers[: len(series) or 1]
        return batch.parts

    def _add_to(self, batch: Batch, sub: Any, update: Update) -> None:
        """Add the message to one subscription."""
        if update.serves(sub):
            batch.add(update.common(sub), sub.subscriptionid)
        else:
            batch.add_parts(self.packed(sub, update))

    def packed(self, sub: Any, update: Update) -> list[Any]:
        """The bytes of an update for a client that asked for some elements, or with a filter.

        Empty if the client's filter drops the update.
        """
        wanted = channel_name(sub.channel.name).filter
        if wanted.monitors and not self._passes(sub, update, wanted.monitors):
            return []
        metadata = stamped(update.metadata) if wanted.stamped else update.metadata
        elements = wanted.elements if sub.db_entry.max_length > 1 else None
        values = sub.db_entry.selected(update.values, elements, sub.data_count)
        return update.packed(sub, values, metadata)

    def _passes(self, sub: Any, update: Update, filters: Sequence[MonitorFilter]) -> bool:
        """Whether a client's filters let an update pass."""
        monitor = self._filtered.setdefault(sub.subscriptionid, FilteredMonitor(filters))
        of_record = channel_name(sub.channel.name).filter.stamp is not None
        number = sub.db_entry.number if of_record else update.number
        return monitor.passes(number, update.not_only_value)

    async def _wait_until_sent(self) -> None:
        """Wait until the client was sent all updates posted by now, at most `LONGEST_WAIT_S`.

        So a client that reads the values of its monitors has the new ones when its put returns.
        """
        marker = FlushMarker(asyncio.get_running_loop().create_future())
        await self.context.mark_queue(QueueMarker(lambda: self.mark(marker)))
        await asyncio.wait({marker.passed}, timeout=LONGEST_WAIT_S)

    async def answer(self, request: Any) -> list[Any]:
        """The messages that answer a request of the client."""
        match request:
            case caproto.WriteRequest() | caproto.WriteNotifyRequest():
                await self._puts.add(ArrivedPut(request, *self.channel_of(request)))
                return []
            case caproto.HostNameRequest():
                return []
            case caproto.ClientNameRequest():
                return await super().answer(request) + self._access_rights()
            case caproto.CreateChanRequest():
                return self._opened(request)
            case caproto.ReadNotifyRequest() | caproto.ReadRequest():
                return await self._read_answer(request)
            case caproto.EventAddRequest():
                channel, _ = self.channel_of(request)
                request.header.data_count = self._counts.subscribed(channel, request.data_count)
            case caproto.EventCancelRequest():
                self._filtered.pop(request.subscriptionid, None)
            case caproto.ClearChannelRequest():
                return await self._closed(request)
        return await super().answer(request)

    def _opened(self, request: Any) -> list[Any]:
        """The messages that tell a client the rights, type and length of a channel."""
        entry = self.context[request.name]
        sid = self.circuit.new_channel_id()
        count = self._counts.announce(self.circuit.channels[request.cid], entry)
        rights = entry.check_access(self.client_hostname, self.client_username)
        return [
            caproto.AccessRightsResponse(request.cid, rights),
            caproto.CreateChanResponse(entry.data_type, count, request.cid, sid),
        ]

    async def _read_answer(self, request: Any) -> list[Any]:
        """The answer to a read; it waits a moment for a put of this client that is under way."""
        channel, entry = self.channel_of(request)
        if not self.write_event.is_set():
            await self.write_event.wait(timeout=PUT_WAIT_S)
        return [await read_answer(channel, entry, request, self._counts)]

    async def _closed(self, request: Any) -> list[Any]:
        """The answer to a client that does not need a channel any more."""
        channel, entry = self.channel_of(request)
        self._counts.forget(channel, entry)
        await self.cancel_of(channel)
        return [channel.clear()]

    def _outgrown(self, channel: Any) -> None:
        """A channel has more elements than its client was told: have it ask again."""
        self.tasks.create(self.disconnect(channel))

    def client_gone(self) -> None:
        self._counts.forget_all()

    def _access_rights(self) -> list[Any]:
        """The access rights to each channel, sent after the client has told its user name."""
        return [
            caproto.AccessRightsResponse(
                channel.cid,
                self.context[channel.name].check_access(self.client_hostname, self.client_username),
            )
            for channel in self.circuit.channels_sid.values()
        ]

    async def _put(self, put: ArrivedPut) -> None:
        """Obey a client's put, and answer it; a refusal is logged as one line."""
        self.context.turns.puts += 1
        try:
            answer = await self._put_answer(put)
        except asyncio.CancelledError:
            self._puts.drop()
            raise
        finally:
            self.end_put()
            self.context.turns.puts -= 1
            self._puts.end(put)
        if answer:
            if self.subscriptions:
                await self._wait_until_sent()
            # A client that uses a number for two puts at once gets one answer, and one that has
            # closed the channel none.
            with suppress(DisconnectedCircuit, caproto.LocalProtocolError):
                await self.send(*answer)

    async def _put_answer(self, put: ArrivedPut) -> list[Any]:
        """Do what a put asks; the messages that answer it, if any."""
        request, channel = put.request, put.channel
        host, user = self.client_hostname, self.client_username
        data = request.data, request.data_type, request.metadata
        try:
            put.check_age()
            await put.entry.auth_write(host, user, *data)
        except (Refused, CaprotoError) as refusal:
            log.warning("%s from %s: %s", shown_name(channel.name), self._client_name, refusal)
            return _failed(request, channel, refusal)
        except Exception as error:
            # A defect of this program. Without an answer the client would wait for ever.
            log.exception("%s from %s failed", shown_name(channel.name), self._client_name)
            return _failed(request, channel, error)
        return _completed(request, channel, caproto.CAStatus.ECA_NORMAL)

    @property
    def _client_name(self) -> str:
        host, port = self.circuit.address
        return f"{shown_name(self.client_username)}@{host}:{port}"


def _completed(request: Any, channel: Any, status: caproto.CAStatus) -> list[Any]:
    """The message that completes a put; none if the client has not asked for completion."""
    if not isinstance(request, caproto.WriteNotifyRequest):
        return []
    return [channel.write(ioid=request.ioid, status=status, data_count=request.data_count)]


def _without_completion(request: Any, channel: Any) -> Any:
    """The same put as one whose completion nobody awaits.

    libca prints the words of an error only if it answers such a put. For one that is awaited it
    takes the status alone, as ``caput -c`` shows it: "Channel write request failed".
    """
    if not isinstance(request, caproto.WriteNotifyRequest):
        return request
    return caproto.WriteRequest(
        request.data, request.data_type, request.data_count, request.sid, channel.cid
    )


def _failed(request: Any, channel: Any, error: Exception) -> list[Any]:
    """An error message in words, which the C library prints, and the completion for all clients."""
    message = latin1(str(error)).encode("latin-1") + b"\0"
    forbidden = isinstance(error, caproto.Forbidden)
    status = caproto.CAStatus.ECA_NOWTACCESS if forbidden else caproto.CAStatus.ECA_PUTFAIL
    refusal = caproto.ErrorResponse(
        _without_completion(request, channel), channel.cid, status=status, error_message=message
    )
    return [refusal, *_completed(request, channel, status)]
