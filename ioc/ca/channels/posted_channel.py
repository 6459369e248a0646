"""Channels as clients read them: values, alarms and units that are posted, and fields of records.

A client gets an update of what its subscription asks for: a changed value, one to be archived, a
changed alarm, or changed properties such as units.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from caproto import AlarmStatus, ChannelType, SubscriptionType

from ioc.ca.channels.alarms import ABSENT_ALARM, Alarm
from ioc.ca.channels.caproto_channel import CaprotoChannel
from ioc.ca.channels.conversion import equal_scalars
from ioc.ca.channels.record_fields import CHANGED, FieldChannel, element_type, field_channel
from ioc.ca.channels.stamp_channel import StampChannel
from ioc.ca.channels.timestamps import timestamp
from ioc.model.wire_type import EpicsType, wire_type
from ioc.records.channel_names import StampValue
from ioc.records.deadbands import Deadbands
from ioc.records.elements import Announcement, announced
from ioc.records.scalars import as_text, converted
from ioc.security.rules import Guard
from reduction.parameters.specs import Spec

FIRST_VALUE_WAIT_S = 0.5
"""How long a read waits for a value that is computed because a client has asked for it."""

BACKLOG = 2
"""Packed updates kept for each subscription; caproto's thousand costs hundreds of MB."""


class PostedChannel(CaprotoChannel):
    """A channel with a spec; ``kind`` holds further arguments of caproto's class.

    ``guard`` decides who may write to it or to its fields.
    """

    def __init__(
        self, name: str, spec: Spec, value: Any, guard: Guard, writable: bool, **kind: Any
    ) -> None:
        self.name, self.spec, self.guard = name, spec, guard
        self.wire = wire_type(spec)
        super().__init__(
            value=self.wire.served(value),
            reported_record_type=self.wire.record(writable=writable),
            max_subscription_backlog=BACKLOG,
            **kind,
        )
        self.watchers: set[Callable[[], None]] = set()
        """Functions in this process that are called after every change of value or alarm."""
        numeric = self.wire.units is not None and not self.wire.is_array
        self.deadbands = Deadbands(mlst=self.value, alst=self.value) if numeric else Deadbands()
        self.announcements: dict[Any, Announcement] = {}
        """What clients were told of the number of elements, by their channel."""
        self._expected_until_s = -math.inf
        self._last_given = value
        self._present_alarm = Alarm(self.alarm.status, self.alarm.severity)
        self._fields: dict[str, FieldChannel] = {}
        self._stamps: dict[StampValue, StampChannel] = {}

    def expect_value(self) -> None:
        """Have reads from now on wait for a value, `FIRST_VALUE_WAIT_S` from now at most."""
        self._expected_until_s = asyncio.get_running_loop().time() + FIRST_VALUE_WAIT_S

    async def read(self, data_type: ChannelType) -> tuple[Any, Any]:
        """Metadata and values in a type of Channel Access."""
        if self._present_alarm == ABSENT_ALARM:
            await self._expected_value()
        return await super().read(data_type)

    async def _expected_value(self) -> None:
        """Wait until there is a value, or until it is expected no more."""
        if self._expected_until_s <= asyncio.get_running_loop().time():
            return
        changed = asyncio.Event()
        self.watchers.add(changed.set)
        try:
            async with asyncio.timeout_at(self._expected_until_s):
                while self._present_alarm == ABSENT_ALARM:
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            pass
        finally:
            self.watchers.discard(changed.set)

    def get_field(self, field: str, *, as_characters: bool = False) -> CaprotoChannel:
        """The channel of ``NAME.FIELD``, or of ``NAME.FIELD$`` with ``as_characters``.

        Raises KeyError if there is no such field, or if it is no text.
        """
        if field == "VAL" and (not as_characters or self.wire.epics_type is EpicsType.CHAR):
            return self
        name = field + "$" * as_characters
        if name not in self._fields:
            self._fields[name] = field_channel(self, field, as_characters=as_characters)
        return self._fields[name]

    def stamp_channel(self, stamp: StampValue) -> CaprotoChannel:
        """The channel of the time of the value, as the filter ``ts`` of EPICS Base gives it."""
        if stamp not in self._stamps:
            self._stamps[stamp] = StampChannel(self, stamp)
        return self._stamps[stamp]

    def field_value(self, name: str) -> str | float | None:
        """The value of a field that this channel decides; None for others."""
        match name:
            case "NAME":
                return self.name
            case "DESC":
                return self.spec.description
            case "ASG":
                return str(self.guard.asg)
            case "RTYP":
                return str(self.reported_record_type)
            case "STAT" | "SEVR" | "ACKS" | "ACKT" | "UDF":
                return self._alarm_field(name)
            case "HSV" if self.wire.units is not None:
                return int(self.upper_warning_limit > 0)  # MINOR, if there is a limit
            case "HIGH" if self.wire.units is not None and self.upper_warning_limit > 0:
                return float(self.upper_warning_limit)
            case "VAL" | "OVAL" | "PVAL" | "LALM" if not (self.wire.is_array or self.wire.labels):
                return self.value  # type: ignore[no-any-return]
            case "LALM" | "MLST" if self.wire.labels:
                return self.wire.labels.index(self.value)
            case "MDEL" | "ADEL" | "MLST" | "ALST" if self.wire.units is not None:
                last = getattr(self.deadbands, name.lower())
                return self.value if last != last else last  # type: ignore[no-any-return]
            case "NELM" | "NORD":
                return announced(self.size, None) if name == "NELM" else len(self.value)
            case "FTVL" if self.max_length > 1:
                return element_type(self.wire)
        return None

    def _alarm_field(self, name: str) -> int:
        alarm = self.alarm
        match name:
            case "STAT":
                return int(alarm.status)
            case "SEVR":
                return int(alarm.severity)
            case "ACKS":
                return int(alarm.severity_to_acknowledge)
            case "ACKT":
                return int(alarm.must_acknowledge_transient)
        return int(alarm.status == AlarmStatus.UDF)

    @property
    def number(self) -> float | None:
        if self.wire.is_array or self.wire.is_text:
            return None
        labels = self.wire.labels
        return float(labels.index(self.value) if labels else self.value)

    @property
    def holds_one_value(self) -> bool:
        return super().holds_one_value and not self.wire.is_array

    @property
    def size(self) -> int:
        """The number of elements of an array now; of a text, the longest that it may have."""
        return len(self.value) if self.wire.is_array else int(self.max_length)

    @property
    def is_watched(self) -> bool:
        """Whether a client is connected to this array, or anything in this process watches it."""
        return bool(self.announcements or self.watchers)

    def wire_values(self, target: ChannelType) -> Any:
        """The value in a native type; None for arrays and characters, which caproto converts."""
        if self.wire.is_array and target is ChannelType.STRING:
            precision = self.wire.precision or 0
            return [as_text(float(each), precision).encode() for each in self.value]
        if self.max_length > 1:
            return None
        labels = self.wire.labels
        value = labels.index(self.value) if labels else self.value
        return converted(value, target, labels, self.wire.precision or 0)

    async def publish_value(
        self, value: Any, time_ns: int | None = None, alarm: Alarm | None = None
    ) -> None:
        """Set the value, and send it to subscribers.

        ``value`` is of the type that the spec has, or an array (n,) of numbers; n is at most the
        length of the channel. A scalar with an equal value, or the same array object as last time,
        is not sent again. ``time_ns`` is in ns since 1970; None: now. Without ``alarm`` the present
        alarm stays. Never suspends, so clients see all values of a series of calls change together.
        """
        same_alarm = alarm is None or alarm == self._present_alarm
        given = value is self._last_given
        if given and same_alarm:
            return
        array = self.wire.is_array
        if given and array:
            await self.publish_alarm(alarm or self._present_alarm)
            return
        new = self.wire.served(value)
        same = not array and equal_scalars(new, self.value)
        if same and same_alarm:
            return
        self._last_given = value
        self.store(new, timestamp(time.time_ns() if time_ns is None else time_ns))
        flags = 0 if same else self._value_changes()
        if alarm is not None:
            flags |= await self._set_alarm(alarm)
        await self._changed(flags)
        if array and self.announcements:
            self._reannounce(len(new))

    def _value_changes(self) -> int:
        """The flags of an update to the present value, which is new."""
        return self.deadbands.changes(self.value) if self._has_deadbands else int(CHANGED)

    @property
    def _has_deadbands(self) -> bool:
        return self.wire.units is not None and not self.wire.is_array

    def _reannounce(self, size: int) -> None:
        """Have clients ask again that were told of fewer elements than an array (size,) has."""
        for client, told in list(self.announcements.items()):
            if not told.covers(size):
                del self.announcements[client]
                told.outgrown()

    async def publish_alarm(self, alarm: Alarm) -> None:
        """Change the alarm and keep value and timestamp."""
        if flags := await self._set_alarm(alarm):
            await self._changed(flags)

    async def _set_alarm(self, alarm: Alarm) -> int:
        """Set the alarm without sending it; the flags of the update, 0 if it is as it was."""
        if alarm == self._present_alarm:
            return 0
        await self.alarm.write(status=alarm.status, severity=alarm.severity, publish=False)
        self._present_alarm = alarm
        return int(SubscriptionType.DBE_ALARM)

    async def publish_units(self, units: str) -> None:
        """Change the units; subscribers of values get them with the next value."""
        if units != self.units:
            self.describe(units=units)
            await self._changed(int(SubscriptionType.DBE_PROPERTY), watched=False)

    async def publish_high(self, limit: float) -> None:
        """Change the field ``.HIGH``, the limit above which there is a MINOR alarm.

        The alarm itself is published by `publish_alarm`.
        """
        if limit != self.upper_warning_limit:
            self.describe(upper_warning_limit=limit)
            await self._changed(int(SubscriptionType.DBE_PROPERTY), watched=False)

    async def acknowledge(self, data_type: ChannelType, value: int) -> None:
        """Acknowledge alarms up to a severity, or set whether passed ones must be acknowledged."""
        if data_type is ChannelType.PUT_ACKT:
            await self.alarm.write(must_acknowledge_transient=value, publish=False)
        elif value >= self.alarm.severity_to_acknowledge:
            await self.alarm.write(severity_to_acknowledge=value, publish=False)
        await self._changed(int(SubscriptionType.DBE_ALARM))

    async def _changed(self, flags: int, *, watched: bool = True) -> None:
        """Send what has changed to subscribers, and tell the watchers in this process."""
        await self.publish(flags)
        for field in self._fields.values():
            await field.refresh()
        for each in self._stamps.values():
            await each.publish(flags)
        if watched:
            for watcher in list(self.watchers):
                watcher()
