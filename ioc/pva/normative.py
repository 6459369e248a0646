"""A channel of Channel Access as a normative type of pvAccess, and what clients put to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from caproto import AlarmStatus, ChannelType
from p4p import Type, Value
from p4p.nt import NTEnum, NTScalar

from ioc.ca.channel import PvChannel
from ioc.ca.conversion import labels
from ioc.ca.pv_monitors import nanoseconds
from reduction.parameters.specs import Array, Choice, Float, Integer, Refused, Spec, Switch, Text

DOUBLE, INT32 = (
    NTScalar.buildType(code, display=True, control=True, form=True) for code in ("d", "i")
)
DOUBLES = NTScalar.buildType("ad", display=True, form=True)
STRING = NTScalar.buildType("s", display=True)
ENUM = NTEnum.buildType(extra=[("display", ("S", None, [("description", "s")]))])

STATUS = {
    AlarmStatus.NO_ALARM: 0,
    AlarmStatus.WRITE: 1,
    AlarmStatus.STATE: 1,
    AlarmStatus.COMM: 2,
    AlarmStatus.UDF: 2,
    AlarmStatus.CALC: 3,
}
"""Alarm status of pvAccess (device 1, driver 2, record 3), as EPICS Base's QSRV has it."""
UNDEFINED = 6


class Normative:
    """How a channel shows."""

    def __init__(self, channel: PvChannel) -> None:
        self.channel = channel
        self._type = _type(channel.spec)
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
        if not (isinstance(channel.spec, Array) and channel.value is self._posted):
            change["value"] = self._value()
        if units != self._units:
            change["display.units"] = units
        self._posted, self._units = channel.value, units
        return change

    async def put(self, host: str, user: str, value: Value) -> None:
        """Put what a client sent, as from Channel Access; raises `Refused` or Forbidden."""
        await self.channel.auth_write(host, user, *_written(self.channel.spec, value), None)

    def _stamped(self) -> Value:
        channel = self.channel
        return Value(self._type, {"alarm": alarm(channel), "timeStamp": time_stamp(channel)})

    def _value(self) -> Any:
        channel = self.channel
        match channel.spec:
            case Choice() | Switch() as spec:
                return {"index": labels(spec).index(channel.value), "choices": labels(spec)}
            case Array():
                return np.ascontiguousarray(channel.value, np.float64)
        return channel.value


def alarm(channel: PvChannel) -> dict[str, Any]:
    """A channel's alarm as an ``alarm_t``; the message is the name of its status."""
    status = AlarmStatus(channel.alarm.status)
    return {
        "severity": int(channel.alarm.severity),
        "status": STATUS.get(status, UNDEFINED),
        "message": status.name if status else "",
    }


def time_stamp(channel: PvChannel) -> dict[str, int]:
    """A channel's timestamp as a ``time_t``."""
    seconds, nanosec = divmod(nanoseconds(channel.epics_timestamp), 1_000_000_000)
    return {"secondsPastEpoch": seconds, "nanoseconds": nanosec}


def _type(spec: Spec) -> Type:
    match spec:
        case Float():
            return DOUBLE
        case Integer():
            return INT32
        case Choice() | Switch():
            return ENUM
        case Text():
            return STRING
        case Array():
            return DOUBLES
    raise TypeError(f"no normative type for {type(spec).__name__} {spec.pv}")


def _description(channel: PvChannel) -> dict[str, Any]:
    """What is said of a channel beside its value, by field of its type: what `.EGU` etc. say."""
    told: dict[str, Any] = {"display.description": channel.spec.description}
    if isinstance(channel.spec, Float | Integer | Array):
        told["display.units"] = channel.units
        told["display.precision"] = getattr(channel, "precision", 0)
        told["display.limitLow"] = channel.lower_disp_limit
        told["display.limitHigh"] = channel.upper_disp_limit
    if isinstance(channel.spec, Float | Integer):
        told["control.limitLow"] = channel.lower_ctrl_limit
        told["control.limitHigh"] = channel.upper_ctrl_limit
    return told


def _written(spec: Spec, value: Value) -> tuple[Any, ChannelType]:
    """What a client put, as Channel Access would have brought it."""
    field = "value.index" if isinstance(spec, Choice | Switch) else "value"
    if not value.changed(field):
        raise Refused(spec.pv, "nothing", "it takes a value")
    match spec:
        case Text():
            return [value[field]], ChannelType.STRING
        case Float() | Array():
            return np.atleast_1d(value[field]), ChannelType.DOUBLE
        case _:
            return np.array([value[field]]), ChannelType.LONG
