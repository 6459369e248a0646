"""A channel of Channel Access as a normative type of pvAccess, and what clients put to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from caproto import AlarmStatus, ChannelType
from p4p import Type, Value
from p4p.nt import NTEnum, NTScalar

from ioc.ca.channel import PvChannel
from ioc.ca.timestamps import nanoseconds
from ioc.model.wire_type import EpicsType, WireKind, WireType
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
"""Alarm status of pvAccess (device 1, driver 2, record 3), as EPICS Base's QSRV has it."""
UNDEFINED_STATUS = 6


class Normative:
    """How a channel shows."""

    def __init__(self, channel: PvChannel) -> None:
        self.channel = channel
        self._type = NORMATIVE_TYPES[channel.wire.kind]
        self._posted: Any = None
        self._units = ""

    def whole(self) -> Value:
        """All there is to know, for a client that connects."""
        whole = self._stamped()
        for field, value in _description(self.channel).items():
            whole[field] = value
        whole["value"] = self._value()
        return whole

    def change(self) -> Value:
        """What may have changed since it was asked before; an array that did not is left out."""
        channel, units = self.channel, getattr(self.channel, "units", "")
        change = self._stamped()
        if not (channel.wire.is_array and channel.value is self._posted):
            change["value"] = self._value()
        if units != self._units:
            change["display.units"] = units
        self._posted, self._units = channel.value, units
        return change

    async def put(self, host: str, user: str, value: Value) -> None:
        """Put what a client sent, as from Channel Access; raises `Refused` or Forbidden."""
        channel = self.channel
        data, data_type = _written(channel.wire, channel.spec.pv, value)
        await channel.auth_write(host, user, data, data_type, None)

    def _stamped(self) -> Value:
        channel = self.channel
        return Value(self._type, {"alarm": alarm(channel), "timeStamp": time_stamp(channel)})

    def _value(self) -> Any:
        value, wire = self.channel.value, self.channel.wire
        if wire.labels:
            return {"index": wire.labels.index(value), "choices": wire.labels}
        return np.ascontiguousarray(value, np.float64) if wire.is_array else value


def alarm(channel: PvChannel) -> dict[str, Any]:
    """A channel's alarm as an ``alarm_t``; the message is the name of its status."""
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
    """What is said of a channel beside its value, by field of its type: what `.EGU` etc. say."""
    told: dict[str, Any] = {"display.description": channel.spec.description}
    if channel.wire.units is not None:
        told["display.units"] = channel.units
        told["display.precision"] = getattr(channel, "precision", 0)
        told["display.limitLow"] = channel.lower_disp_limit
        told["display.limitHigh"] = channel.upper_disp_limit
        if not channel.wire.is_array:
            told["control.limitLow"] = channel.lower_ctrl_limit
            told["control.limitHigh"] = channel.upper_ctrl_limit
    return told


def _written(wire: WireType, name: str, value: Value) -> tuple[Any, ChannelType]:
    """What a client put, in the form and type in which Channel Access brings it."""
    field = "value.index" if wire.labels else "value"
    if not value.changed(field):
        raise Refused(name, "nothing", "it takes a value")
    if wire.is_text:
        return [value[field]], ChannelType.STRING
    if wire.epics_type is EpicsType.DOUBLE:
        return np.atleast_1d(value[field]), ChannelType.DOUBLE
    return np.array([value[field]]), ChannelType.LONG
