"""Channels made from specs: the values that clients read, and the first checks of their puts.

A put is checked here for access, scan lock, type and limits, on Channel Access and on pvAccess. The
spec checks the value and says in words why it refuses it; caproto's own check of limits is not
used. `ioc.puts` then checks what depends on instrument, files and logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caproto import (
    AccessRights,
    ChannelAlarm,
    ChannelChar,
    ChannelDouble,
    ChannelEnum,
    ChannelInteger,
    ChannelString,
    ChannelType,
    Forbidden,
    native_type,
)

from ioc.ca.channels.alarms import NO_ALARM, REFUSED_ALARM, Alarm
from ioc.ca.channels.conversion import NO_ALARM_LIMITS, limit_fields, received
from ioc.ca.channels.posted_channel import PostedChannel
from ioc.ca.channels.timestamps import timestamp
from ioc.model.wire_type import EpicsType, WireType, wire_type
from ioc.security.rules import Client, Guard
from reduction.parameters.specs import Command, Refused, Spec

Put = Callable[[Any, Client], Awaitable[Any]]
"""Takes a checked value and the client that puts it; returns the accepted value.

It returns once the change has taken effect, and raises `Refused` otherwise.
"""

TURN_S = 30.0
"""Longest time that a put waits for the end of earlier puts to the same channel."""

OPEN_TO_ALL = Guard()
"""The guard that lets everybody write."""


@dataclass(frozen=True)
class ClientPuts:
    """What happens to the puts of clients to a channel; without ``put`` the channel is read only.

    ``guard`` decides who may put. ``on_refusal`` is called after a put was refused. ``on_text`` is
    called after a put of a text was accepted, with the text as written and the accepted value.
    """

    put: Put | None = None
    guard: Guard = OPEN_TO_ALL
    on_refusal: Callable[[Client, Refused], Awaitable[None]] | None = None
    on_text: Callable[[str, str], Awaitable[None]] | None = None


READ_ONLY = ClientPuts()


class PvChannel(PostedChannel):
    """A posted channel that clients may put to, as ``puts`` says."""

    def __init__(self, name: str, spec: Spec, value: Any, puts: ClientPuts, **kind: Any) -> None:
        super().__init__(name, spec, value, puts.guard, puts.put is not None, **kind)
        self._puts, self._put = puts, puts.put
        self._put_lock = asyncio.Lock()

    def check_access(self, hostname: str, username: str) -> AccessRights:
        """What a user may do; ``hostname`` is an IP address."""
        may_write = self._put is not None and self.guard.may_write(Client(hostname, username))
        return AccessRights.READ | AccessRights.WRITE if may_write else AccessRights.READ

    def check_may_put(self, client: Client) -> None:
        """Raise `Forbidden`, with the reason, for a client that may not put to this channel."""
        if self._put is None:
            raise Forbidden(f"{self.name} is read only")
        if not self.guard.may_write(client):
            raise Forbidden(f"{self.name}: {client} may not write to {self.guard.asg}")

    async def auth_write(
        self,
        hostname: str,
        username: str,
        data: Any,
        data_type: ChannelType,
        metadata: Any,
        **_more: Any,
    ) -> None:
        """Obey a client's put; raises `Forbidden` or `Refused`, with nothing changed.

        ``hostname`` is the client's IP address. caproto calls this method in a task for each put.
        """
        client = Client(hostname, username)
        self.check_may_put(client)
        if data_type in (ChannelType.PUT_ACKS, ChannelType.PUT_ACKT):
            self.guard.admit(client)
            await self.acknowledge(data_type, int(metadata.value))
            return
        try:
            await self._take(client, data, data_type)
        except Refused as refused:
            if self._puts.on_refusal is not None:
                await self._puts.on_refusal(client, refused)
            raise

    async def _take(self, client: Client, data: Any, data_type: ChannelType) -> None:
        """Check what a client wrote and put it; raises `Refused`."""
        assert self._put is not None
        self.guard.admit(client)  # a refusal by the lock sets no alarm
        try:
            written = received(self.spec, data, native_type(data_type))
            value = self.spec.checked(written)
            if isinstance(self.spec, Command) and self.spec.endless:
                await self._begin_or_end(self._put, value, client)
                return
            async with self._turn(value):
                accepted = await self._run_put(self._put, value, client)
                if self.wire.is_text and self._puts.on_text is not None:
                    await self._puts.on_text(written, accepted)
        except Refused:
            await self.publish_alarm(REFUSED_ALARM)
            raise

    @contextlib.asynccontextmanager
    async def _turn(self, value: Any) -> AsyncIterator[None]:
        """A context in which the earlier puts to this channel have ended; raises `Refused`.

        So puts take effect in the order of their arrival, and none long after it has come.
        """
        try:
            async with asyncio.timeout(TURN_S if self._put_lock.locked() else None):
                await self._put_lock.acquire()
        except TimeoutError:
            why = f"earlier puts to it have not ended within {TURN_S:g} s"
            raise Refused(self.spec.pv, value, why) from None
        try:
            yield
        finally:
            self._put_lock.release()

    async def _begin_or_end(self, put: Put, value: Any, client: Client) -> None:
        """Run an endless command, or end it; the put that ends it does not wait for its end."""
        if not value:
            await put(value, client)
            await self.publish_alarm(NO_ALARM)
        elif self._put_lock.locked():
            raise Refused(self.spec.pv, value, "it is under way; 0 stops it")
        else:
            async with self._put_lock:
                await self._run_put(put, value, client)

    async def _run_put(self, put: Put, value: Any, client: Client) -> Any:
        if not isinstance(self.spec, Command):
            accepted = await put(value, client)
            await self.publish_value(accepted, alarm=NO_ALARM)
            return accepted
        await self.publish_value(value)
        try:
            await put(value, client)
        finally:
            await self.publish_value(False)
        await self.publish_alarm(NO_ALARM)
        return False


class _Double(PvChannel, ChannelDouble):  # type: ignore[misc]
    pass


class _Integer(PvChannel, ChannelInteger):  # type: ignore[misc]
    pass


class _Enum(PvChannel, ChannelEnum):  # type: ignore[misc]
    pass


class _String(PvChannel, ChannelString):  # type: ignore[misc]
    pass


class _Char(PvChannel, ChannelChar):  # type: ignore[misc]
    pass


CHANNEL_CLASSES: Mapping[EpicsType, type[PvChannel]] = {
    EpicsType.DOUBLE: _Double,
    EpicsType.LONG: _Integer,
    EpicsType.ENUM: _Enum,
    EpicsType.STRING: _String,
    EpicsType.CHAR: _Char,
}


def channel(
    spec: Spec,
    value: Any,
    puts: ClientPuts = READ_ONLY,
    *,
    name: str = "",
    max_length: int = 1,
    alarm: Alarm = NO_ALARM,
    time_ns: int | None = None,
    units: str | None = None,
) -> PvChannel:
    """A new channel for ``spec``, named as the spec says unless there is a ``name``.

    ``max_length`` is the most elements of an array whose spec gives no number. ``time_ns`` is the
    time of the value in ns since 1970; None: now. ``units`` replace those of ``spec``.
    """
    wire = wire_type(spec)
    return CHANNEL_CLASSES[wire.epics_type](
        name=name or spec.pv,
        spec=spec,
        value=value,
        puts=puts,
        alarm=ChannelAlarm(status=alarm.status, severity=alarm.severity),
        timestamp=timestamp(time.time_ns() if time_ns is None else time_ns),
        **_metadata(wire, units, max_length),
    )


def _metadata(wire: WireType, units: str | None, max_length: int) -> dict[str, Any]:
    """What caproto's channel of this type takes besides value, alarm and time."""
    given = limit_fields(wire.limits)
    if wire.epics_type is EpicsType.DOUBLE:
        given |= NO_ALARM_LIMITS
    if wire.labels:
        given["enum_strings"] = wire.labels
    if wire.units is not None:
        given["units"] = wire.units if units is None else units
    if wire.precision is not None:
        given["precision"] = wire.precision
    if wire.max_length != 1:
        given["max_length"] = wire.max_length or max_length
    return given
