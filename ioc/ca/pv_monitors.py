"""The values of a process variable as they come: of this IOC, or of any other on the network."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from caproto import AlarmSeverity, CaprotoError, ChannelType
from caproto.asyncio.client import PV, Context

from ioc.ca.channel import PvChannel
from ioc.ca.timestamps import nanoseconds
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

CLIENT = "live-reduction"

LOOK_S = 1.0
"""Time after which a connection is looked at that says nothing: caproto may not tell its end."""

PATIENCE_S = 30.0
"""Time given to a search, before one that asks more often again takes its place."""

INVALID = "INVALID"
LOST = "not connected"


@dataclass(frozen=True)
class PvValue:
    """A value that holds from ``time_ns`` on (ns since 1970)."""

    time_ns: int
    value: float


PvUpdate = PvValue | str
"""A sample, or in words why there is none."""


async def local_updates(channel: PvChannel) -> AsyncGenerator[PvUpdate, None]:
    """The news of one of our own channels. Raises `Refused` if it holds no number."""
    if channel.wire.is_text or channel.wire.is_array:
        raise Refused("Log", channel.name, "it holds no single number")
    changed = asyncio.Event()
    changed.set()
    channel.watchers.add(changed.set)
    try:
        while True:
            await changed.wait()
            changed.clear()
            yield _news_here(channel)
    finally:
        channel.watchers.discard(changed.set)


def _news_here(channel: PvChannel) -> PvUpdate:
    if channel.alarm.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    value = channel.value
    if isinstance(value, str):
        value = channel.enum_strings.index(value)
    return PvValue(nanoseconds(channel.epics_timestamp), float(value))


async def remote_updates(name: str) -> AsyncGenerator[PvUpdate, None]:
    """The news of a process variable on Channel Access, for ever: it is found again when lost.

    A new context each time: what caproto's may keep from a lost connection ends with it. Raises
    `Refused` if it holds no single number.
    """
    while True:
        try:
            async with _connection(name) as (pv, replies):
                async for news in _until_lost(name, pv, replies):
                    yield news
        except (CaprotoError, OSError) as error:
            log.warning("%s: %s", name, error)
            yield LOST
            await asyncio.sleep(LOOK_S)


async def _until_lost(
    name: str, pv: PV, replies: asyncio.Queue[Any]
) -> AsyncGenerator[PvUpdate, None]:
    """The news of a connection until it ends, or until patience with its search does."""
    loop = asyncio.get_running_loop()
    patient_until_s = loop.time() + PATIENCE_S
    connected = False
    while connected or loop.time() < patient_until_s:
        try:
            reply = await asyncio.wait_for(replies.get(), LOOK_S)
        except TimeoutError:
            reply = None
        if reply is not None:
            connected = True
            yield _news_elsewhere(name, reply)
        elif not pv.connected:
            yield LOST
            if connected:
                return


def _news_elsewhere(name: str, reply: Any) -> PvUpdate:
    words = reply.data_type is ChannelType.TIME_STRING
    if words or reply.data_count != 1:
        kind = "text" if words else f"{reply.data_count} values"
        raise Refused("Log", name, f"it holds {kind}, not a single number")
    if reply.metadata.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    return PvValue(nanoseconds(reply.metadata.stamp), float(reply.data[0]))


@contextlib.asynccontextmanager
async def _connection(name: str) -> AsyncIterator[tuple[PV, asyncio.Queue[Any]]]:
    """A subscription to a process variable: its replies, and None when the connection changes."""
    context = Context(client_name=CLIENT)
    replies: asyncio.Queue[Any] = asyncio.Queue()

    async def connection(_pv: PV, _state: str) -> None:  # caproto runs plain functions in threads
        replies.put_nowait(None)

    async def reply(_subscription: Any, response: Any) -> None:
        replies.put_nowait(response)

    try:
        (pv,) = await context.get_pvs(name, connection_state_callback=connection)
        subscription = pv.subscribe(data_type="time")
        subscription.add_callback(reply)
        try:
            yield pv, replies
        finally:
            with contextlib.suppress(CaprotoError, OSError):
                await subscription.clear()
    finally:
        await context.disconnect()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn
