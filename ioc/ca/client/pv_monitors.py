"""Follows the values of one process variable, of this IOC or of another on the network."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from caproto import AlarmSeverity, CaprotoError, ChannelType
from caproto.asyncio.client import PV

from ioc.ca.channel import PvChannel
from ioc.ca.channels.timestamps import nanoseconds
from ioc.ca.client.client_context import client_context
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

CHECK_PERIOD_S = 1.0
"""Time between two checks of a silent connection: caproto may not report its end."""

SEARCH_TIMEOUT_S = 30.0
"""Time after which a new search begins, because caproto searches less and less often."""

INVALID = "INVALID"
NO_NUMBER = "not a finite number"
LOST = "not connected"
NO_ARRAY = "it holds an array, not a single number or text"


@dataclass(frozen=True)
class PvValue:
    """A value, and the time since which it holds, in ns since 1970."""

    time_ns: int
    value: float


PvUpdate = PvValue | str
"""A value, or the reason, in words, why there is none."""


@dataclass(frozen=True)
class PvText:
    """A value as text, and the time since which it holds, in ns since 1970."""

    time_ns: int
    text: str


UpdateT = TypeVar("UpdateT")


async def local_texts(channel: PvChannel) -> AsyncGenerator[PvText | str, None]:
    """The present value of a channel of this IOC as text, and each change of it.

    Raises `Refused` for an array.
    """
    if channel.wire.is_array and not channel.wire.is_text:
        raise Refused("PV", channel.name, NO_ARRAY)
    async with aclosing(_changes(channel)) as changes:
        async for _ in changes:
            yield _present_text(channel)


def _present_text(channel: PvChannel) -> PvText | str:
    if channel.alarm.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    labels = channel.wire.labels
    value = labels.index(channel.value) if labels else channel.value
    return PvText(nanoseconds(channel.epics_timestamp), _text_of(value))


def remote_texts(name: str) -> AsyncGenerator[PvText | str, None]:
    """The values of a process variable on Channel Access as texts; otherwise as `remote_updates`.

    A number without decimals has none in its text; an enum is the number of its state; the bytes of
    a char waveform are characters.
    """
    return _remote(name, _text_from_reply)


def _text_from_reply(name: str, reply: Any) -> PvText | str:
    chars = reply.data_type is ChannelType.TIME_CHAR and reply.data_count != 1
    if reply.data_count != 1 and not chars:
        raise Refused("PV", name, NO_ARRAY)
    if reply.metadata.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    data = bytes(bytearray(reply.data)) if chars else reply.data
    value = data if chars else data[0]
    return PvText(nanoseconds(reply.metadata.stamp), _text_of(value))


def _text_of(value: Any) -> str:
    """A value as text; see `remote_texts`."""
    match value:
        case bytes():
            return value.partition(b"\0")[0].decode("latin-1").strip()
        case str():
            return value.strip()
    number = float(value)
    return str(int(number)) if math.isfinite(number) and number == int(number) else str(number)


async def local_updates(channel: PvChannel) -> AsyncGenerator[PvUpdate, None]:
    """The present value of a channel of this IOC, and each change of it.

    Raises `Refused` if the channel does not hold a single number.
    """
    if channel.wire.is_text or channel.wire.is_array:
        raise Refused("Log", channel.name, "it holds no single number")
    async with aclosing(_changes(channel)) as changes:
        async for _ in changes:
            yield _present(channel)


async def _changes(channel: PvChannel) -> AsyncGenerator[None, None]:
    """Something at once, and whenever a channel changes."""
    changed = asyncio.Event()
    changed.set()
    channel.watchers.add(changed.set)
    try:
        while True:
            await changed.wait()
            changed.clear()
            yield
    finally:
        channel.watchers.discard(changed.set)


def _present(channel: PvChannel) -> PvUpdate:
    if channel.alarm.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    labels = channel.wire.labels
    value = labels.index(channel.value) if labels else channel.value
    return _update(nanoseconds(channel.epics_timestamp), float(value))


def remote_updates(name: str) -> AsyncGenerator[PvUpdate, None]:
    """The values of a process variable on Channel Access; reconnects whenever it is lost.

    Never ends. Raises `Refused` if the process variable does not hold a single number.
    """
    return _remote(name, _from_reply)


async def _remote(
    name: str, of_reply: Callable[[str, Any], UpdateT | str]
) -> AsyncGenerator[UpdateT | str, None]:
    """What ``of_reply`` makes of the values of a process variable, or why there is none."""
    while True:
        try:
            async with (
                _subscription(name) as (pv, replies),
                aclosing(_updates_until_lost(name, pv, replies, of_reply)) as updates,
            ):
                async for update in updates:
                    yield update
        except (CaprotoError, OSError) as error:
            log.warning("%s: %s", name, error)
            yield LOST
            await asyncio.sleep(CHECK_PERIOD_S)


async def _updates_until_lost(
    name: str,
    pv: PV,
    replies: asyncio.Queue[Any],
    of_reply: Callable[[str, Any], UpdateT | str],
) -> AsyncGenerator[UpdateT | str, None]:
    """The values until the connection is lost, or was not made in `SEARCH_TIMEOUT_S`."""
    loop = asyncio.get_running_loop()
    search_end_s = loop.time() + SEARCH_TIMEOUT_S
    connected = False
    while connected or loop.time() < search_end_s:
        try:
            reply = await asyncio.wait_for(replies.get(), CHECK_PERIOD_S)
        except TimeoutError:
            reply = None
        if reply is not None:
            connected = True
            yield of_reply(name, reply)
        elif not pv.connected:
            yield LOST
            if connected:
                return


def _from_reply(name: str, reply: Any) -> PvUpdate:
    is_text = reply.data_type is ChannelType.TIME_STRING
    if is_text or reply.data_count != 1:
        content = "text" if is_text else f"{reply.data_count} values"
        raise Refused("Log", name, f"it holds {content}, not a single number")
    if reply.metadata.severity == AlarmSeverity.INVALID_ALARM:
        return INVALID
    return _update(nanoseconds(reply.metadata.stamp), float(reply.data[0]))


def _update(time_ns: int, value: float) -> PvUpdate:
    return PvValue(time_ns, value) if math.isfinite(value) else NO_NUMBER


@contextlib.asynccontextmanager
async def _subscription(name: str) -> AsyncIterator[tuple[PV, asyncio.Queue[Any]]]:
    """A process variable and the queue of its messages; None means a change of connection."""
    replies: asyncio.Queue[Any] = asyncio.Queue()

    async def connection_changed(_pv: PV, _state: str) -> None:  # a plain function gets a thread
        replies.put_nowait(None)

    async def received(_subscription: Any, response: Any) -> None:
        replies.put_nowait(response)

    async with client_context() as context:
        (pv,) = await context.get_pvs(name, connection_state_callback=connection_changed)
        subscription = pv.subscribe(data_type="time")
        subscription.add_callback(received)
        try:
            yield pv, replies
        finally:
            with contextlib.suppress(CaprotoError, OSError):
                await subscription.clear()
