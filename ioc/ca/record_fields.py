"""The fields of a process variable (``.DESC``, ``.EGU``, …) as read-only channels.

A few channels, made when a client first asks, and not caproto's records: those cost 156 kB and
2 ms each.
"""

from __future__ import annotations

from typing import Any

from caproto import (
    AccessRights,
    AlarmStatus,
    ChannelData,
    ChannelDouble,
    ChannelInteger,
    ChannelString,
)

from reduction.parameters.specs import (
    LONGEST_STRING,
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Spec,
    Switch,
    Text,
)


def record_type(spec: Spec, writable: bool) -> str:
    """The record of EPICS Base that is most like the channel."""
    match spec:
        case Float():
            return "ao" if writable else "ai"
        case Integer():
            return "longout" if writable else "longin"
        case Choice():
            return "mbbo" if writable else "mbbi"
        case Command() | Switch():
            return "bo" if writable else "bi"
        case Text() if spec.max_length <= LONGEST_STRING:
            return "stringout" if writable else "stringin"
        case Text() | Array():
            return "waveform"
    raise TypeError(f"{type(spec).__name__} {spec.pv} is like no record")


SEVERITIES = ("NO_ALARM", "MINOR", "MAJOR", "INVALID")

METADATA = {
    "EGU": "units",
    "PREC": "precision",
    "HOPR": "upper_disp_limit",
    "LOPR": "lower_disp_limit",
    "DRVH": "upper_ctrl_limit",
    "DRVL": "lower_ctrl_limit",
    "HIGH": "upper_warning_limit",
}
"""Fields that are part of the control metadata, under caproto's names."""


def field_of(channel: Any, name: str, field: str) -> Any:
    """The present value of a field of ``channel``, whose own name is ``name``.

    Raises KeyError if it has no such field.
    """
    match field:
        case "NAME":
            return name
        case "DESC":
            return channel.spec.description
        case "ASG":
            return str(channel.guard.asg)
        case "RTYP":
            return channel.reported_record_type
        case "STAT":
            return AlarmStatus(channel.alarm.status).name
        case "SEVR":
            return SEVERITIES[channel.alarm.severity]
        case "HSV":
            return SEVERITIES[bool(channel.upper_warning_limit)]
        case _:
            return getattr(channel, METADATA[field])


class _ReadOnly(ChannelData):  # type: ignore[misc]
    def check_access(self, hostname: str, username: str) -> AccessRights:  # noqa: ARG002
        return AccessRights.READ


class _StringField(_ReadOnly, ChannelString):  # type: ignore[misc]
    pass


class _IntegerField(_ReadOnly, ChannelInteger):  # type: ignore[misc]
    pass


class _DoubleField(_ReadOnly, ChannelDouble):  # type: ignore[misc]
    pass


def field_channel(value: str | float) -> ChannelData:
    """A read-only channel of the type that ``value`` has."""
    match value:
        case str():
            return _StringField(value=value)
        case int():
            return _IntegerField(value=value)
        case _:
            return _DoubleField(value=value)
