"""How a client subscribes and ends subscriptions: as many as it may have, each at the same cost.

Of caproto's server this uses, besides what `ioc.ca.serving.caproto_internals` does:

=========  ==============================================================================
kind       name and arguments
=========  ==============================================================================
coroutine  VirtualCircuit._process_command(command)
coroutine  VirtualCircuit._command_queue_iteration(command)
coroutine  VirtualCircuit.send(commands)
method     VirtualCircuit._get_db_entry_from_command(command)
attribute  VirtualCircuit.subscriptions
attribute  Context.subscriptions
attribute  Context.subscription_queue
=========  ==============================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from caproto import (
    CAStatus,
    ChannelType,
    ErrorResponse,
    EventAddRequest,
    EventCancelRequest,
    ReadNotifyRequest,
    ReadRequest,
    ServerDisconnResponse,
)
from caproto.asyncio.server import VirtualCircuit
from caproto.server.common import DisconnectedCircuit

from ioc.ca.serving.client_limits import MOST_MONITORS
from ioc.ca.serving.client_subscriptions import ClientSubscriptions, spec_of

TYPES = frozenset(map(int, ChannelType))
"""The types of Channel Access."""

log = logging.getLogger(__name__)


class SubscribingCircuit(VirtualCircuit):  # type: ignore[misc]
    """caproto's connection of a client, with a bound for its subscriptions."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.subscriptions = ClientSubscriptions()
        self.refused = 0
        """How many subscriptions were refused."""

    async def _command_queue_iteration(self, command: Any) -> Any:
        """Handle a message of the client, which is disconnected if it asks for a type of none."""
        match command:
            case ReadRequest() | ReadNotifyRequest() | EventAddRequest():
                asked = command.header.data_type
                if asked not in TYPES:
                    log.warning("%s:%d is disconnected: no type %d", *self.circuit.address, asked)
                    raise DisconnectedCircuit
        return await super()._command_queue_iteration(command)

    async def subscribe(self, request: EventAddRequest) -> list[Any]:
        """The messages that answer a client that subscribes: none, or why it may not.

        A number that the client uses for another subscription is from now on that of this one.
        """
        number = request.subscriptionid
        if number in self.subscriptions.by_number:
            await self.cancel([self.subscriptions.by_number[number]])
        if len(self.subscriptions) >= MOST_MONITORS:
            return [self.refusal(request)]
        self.circuit.event_add_commands[number] = _compact(request)
        response: list[Any] = await super()._process_command(request)
        return response

    def refusal(self, request: EventAddRequest) -> ErrorResponse:
        """What tells a client that it has too many subscriptions; the first one is logged."""
        del self.circuit.event_add_commands[request.subscriptionid]
        words = f"a client may have {MOST_MONITORS} monitors: end some, or connect again"
        if not self.refused:
            log.warning("%s:%d: %s", *self.circuit.address, words)
        self.refused += 1
        channel, _ = self._get_db_entry_from_command(request)
        message = words.encode() + b"\0"
        return ErrorResponse(request, channel.cid, CAStatus.ECA_ALLOCMEM, message)

    async def unsubscribe(self, request: EventCancelRequest) -> list[Any]:
        """The messages that answer a client that ends a subscription."""
        channel, _ = self._get_db_entry_from_command(request)
        sub = self.subscriptions.by_number[request.subscriptionid]
        answer = channel.unsubscribe(
            sub.subscriptionid, data_type=request.data_type, data_count=sub.data_count
        )
        await self.cancel([sub])
        return [answer]

    async def cancel_of(self, channel: Any) -> None:
        """End all subscriptions of a channel that ends."""
        subs = self.subscriptions.of_channel(channel)
        await self.cancel(subs)
        for each in subs:
            self.circuit.event_add_commands.pop(each.subscriptionid, None)

    async def disconnect(self, channel: Any) -> None:
        """End a channel; the client searches for it again and gets its present properties."""
        await self.cancel_of(channel)
        with suppress(DisconnectedCircuit):
            await self.send(ServerDisconnResponse(cid=channel.cid))

    async def cancel(self, subs: Iterable[Any]) -> None:
        """End subscriptions."""
        everybody = self.context.subscriptions
        for sub in subs:
            spec = spec_of(sub)
            self.subscriptions.remove(sub)
            everybody[spec].remove(sub)
            if not everybody[spec]:
                del everybody[spec]
                await spec.db_entry.unsubscribe(self.context.subscription_queue, spec)


def _compact(request: EventAddRequest) -> EventAddRequest:
    """The same request, which does not hold all that came from the client with it, up to 64 kB."""
    return EventAddRequest(
        request.data_type,
        request.data_count,
        request.sid,
        request.subscriptionid,
        request.low,
        request.high,
        request.to,
        request.mask,
    )
