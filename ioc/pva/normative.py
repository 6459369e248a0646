"""A channel on pvAccess, as a normative type (NTScalar, NTScalarArray or NTEnum)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from caproto import AlarmStatus, ChannelType
from p4p import Type, Value
from p4p.nt import NTEnum, NTScalar

from ioc.ca.channel import PvChannel
from ioc.ca.channels.timestamps import nanoseconds
from ioc.model.wire_type import EpicsType, WireKind, WireType
from ioc.security.rules import Client
from reduction.parameters.specs import Refused

_STRING = NTScalar.buildType("s", display=True)
_ENUM = NTEnum.buildType(extra=[("display", ("S", None, [("description", "s")]))])

NORMATIVE_TYPES: Mapping[WireKind, Type] = {
    WireKind.DOUBLE: NTScalar.buildType("d", display=True, control=True, form=True),
    WireKind.LONG: NTScalar.buildType("i", display=True, control=True, form=True),
    WireKind.CHOICE: _ENUM,
    WireKind.SWITCH: _ENUM,
    WireKind.COMMAND: _ENUM,
    WireKind.STRING: _STRING,
    WireKind.CHARS: _STRING,
    WireKind.DOUBLES: NTScalar.buildType("ad", display=True, form=True),
}

ALARM_STATUS = {
    AlarmStatus.NO_ALARM: 0,
    AlarmStatus.WRITE: 1,
    AlarmStatus.STATE: 1,
    AlarmStatus.COMM: 2,
    AlarmStatus.UDF: 2,
    AlarmStatus.CALC: 3,
}
"""The alarm status of pvAccess (1 device, 2 driver, 3 record), as QSRV of EPICS Base maps it."""

UNDEFINED_STATUS = 6
"""The alarm status of pvAccess for every status that is not in `ALARM_STATUS`."""


class Normative:
    """Makes pvAccess values of a channel, and passes puts to the channel."""

    def __init__(self, channel: PvChannel) -> None:
        self.channel = channel
        self._type = NORMATIVE_TYPES[channel.wire.kind]
        self._posted: Any = None
        self._units = ""

    def complete(self) -> Value:
        """All fields, for a client that connects."""
        complete = self._alarm_and_time()
        for field, value in _description(self.channel).items():
            complete[field] = value
        complete["value"] = self._value()
        return complete

    def changes(self) -> Value:
        """The fields that may have changed since the last call.

        An array is left out if it is the same object as at the last call.
        """
        channel, units = self.channel, getattr(self.channel, "units", "")
        changes = self._alarm_and_time()
        if not (channel.wire.is_array and channel.value is self._posted):
            changes["value"] = self._value()
        if units != self._units:
            changes["display.units"] = units
        self._posted, self._units = channel.value, units
        return changes

    async def put(self, host: str, user: str, value: Value) -> None:
        """Put the value of a client, as Channel Access does; raises `Refused` or Forbidden.

        A put without a value changes nothing: with it a client asks whether it may put.
        """
        channel = self.channel
        channel.check_may_put(Client(host, user))
        if not value.changed():
            return
        data, data_type = _written(channel.wire, channel.spec.pv, value)
        await channel.auth_write(host, user, data, data_type, None)

    def _alarm_and_time(self) -> Value:
        channel = self.channel
        return Value(self._type, {"alarm": alarm(channel), "timeStamp": time_stamp(channel)})

    def _value(self) -> Any:
        value, wire = self.channel.value, self.channel.wire
        if wire.labels:
            return {"index": wire.labels.index(value), "choices": wire.labels}
        return np.ascontiguousarray(value, np.float64) if wire.is_array else value


def alarm(channel: PvChannel) -> dict[str, Any]:
    """A channel's alarm as an ``alarm_t``, with the name of its status as message."""
    status = AlarmStatus(channel.alarm.status)
    return {
        "severity": int(channel.alarm.severity),
        "status": ALARM_STATUS.get(status, UNDEFINED_STATUS),
        "message": status.name if status else "",
    }


def time_stamp(channel: PvChannel) -> dict[str, int]:
    """A channel's timestamp as a ``time_t``."""
    seconds, nanosec = divmod(nanoseconds(channel.epics_timestamp), 1_000_000_000)
    return {"secondsPastEpoch": seconds, "nanoseconds": nanosec}


def _description(channel: PvChannel) -> dict[str, Any]:
    """The fields of a channel's type that describe it: description, units, precision, limits."""
    description: dict[str, Any] = {"display.description": channel.spec.description}
    if channel.wire.units is not None:
        description["display.units"] = channel.units
        description["display.precision"] = getattr(channel, "precision", 0)
        description["display.limitLow"] = channel.lower_disp_limit
        description["display.limitHigh"] = channel.upper_disp_limit
        if not channel.wire.is_array:
            description["control.limitLow"] = channel.lower_ctrl_limit
            description["control.limitHigh"] = channel.upper_ctrl_limit
    return description


def _written(wire: WireType, name: str, value: Value) -> tuple[Any, ChannelType]:
    """The value that a client put, and its type, in the form in which caproto gives them."""
    field = "value.index" if wire.labels else "value"
    if not value.changed(field):
        raise Refused(name, "nothing", "it takes a value")
    if wire.is_text:
        return [value[field]], ChannelType.STRING
    if wire.epics_type is EpicsType.DOUBLE:
        return np.atleast_1d(value[field]), ChannelType.DOUBLE
    return np.array([value[field]]), ChannelType.LONG
