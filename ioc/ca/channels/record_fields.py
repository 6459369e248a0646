"""The fields of a process variable (``.DESC``, ``.EGU``, ``.SEVR`` …) as channels.

A channel has the fields of the record type that it reports: `ioc.records.record_types`. A field is
made when a client first asks for it. A record of caproto's, with all fields, would cost 156 kB and
2 ms for each process variable.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from caproto import (
    AccessRights,
    ChannelAlarm,
    ChannelType,
    Forbidden,
    SubscriptionType,
    TimeStamp,
    native_type,
)

from ioc.ca.channels.caproto_channel import CaprotoChannel
from ioc.ca.channels.conversion import NO_ALARM_LIMITS, received_number
from ioc.model.wire_type import EpicsType, WireType
from ioc.records.channel_names import ElementRange
from ioc.records.deadbands import Deadbands
from ioc.records.elements import selected
from ioc.records.record_types import (
    ELEMENT_TYPES,
    LEVELS,
    RANGES,
    RECORD_FIELDS,
    STATE_PREFIXES,
    FieldKind,
    RecordField,
)
from ioc.records.scalars import DTYPES, converted
from ioc.security.rules import Client, Guard

NATIVE: Mapping[FieldKind, ChannelType] = {
    FieldKind.STRING: ChannelType.STRING,
    FieldKind.SHORT: ChannelType.INT,
    FieldKind.ENUM: ChannelType.ENUM,
    FieldKind.UCHAR: ChannelType.CHAR,
    FieldKind.LONG: ChannelType.LONG,
    FieldKind.ULONG: ChannelType.DOUBLE,
    FieldKind.DOUBLE: ChannelType.DOUBLE,
    FieldKind.LINK: ChannelType.STRING,
}

MOST_STATES = 16
"""Most states of an enum of which Channel Access tells the words."""

METADATA = {
    "EGU": "units",
    "PREC": "precision",
    "HOPR": "upper_disp_limit",
    "LOPR": "lower_disp_limit",
    "DRVH": "upper_ctrl_limit",
    "DRVL": "lower_ctrl_limit",
}
"""Fields that are control metadata, with the names of caproto's attributes."""

TEXTS = (FieldKind.STRING, FieldKind.LINK)

NO_PRECISION = 6
"""Decimals of a number as text, in a record without a precision."""

WITH_RANGES = ("ai", "ao", "longin", "longout", "waveform")
"""Record types that tell the range of the type of a field that has no limits."""

LIMITS = ("lower_disp_limit", "upper_disp_limit", "lower_ctrl_limit", "upper_ctrl_limit")

DEADBANDS = ("MDEL", "ADEL")
"""Fields that clients may write: how much a value must change to be sent, and to be archived."""

CHANGED = SubscriptionType.DBE_VALUE | SubscriptionType.DBE_LOG


class FieldOwner(Protocol):
    """What fields need of the channel that they belong to."""

    name: str
    guard: Guard
    wire: WireType
    alarm: ChannelAlarm
    deadbands: Deadbands
    reported_record_type: str

    @property
    def epics_timestamp(self) -> TimeStamp: ...

    @property
    def number(self) -> float | None: ...

    async def read(self, data_type: ChannelType) -> tuple[Any, Any]: ...

    def field_value(self, name: str) -> str | float | None:
        """The value of a field that the channel decides; None for others."""


def present_value(record: FieldOwner, name: str, field: RecordField) -> str | float:
    """The value of a field of ``record`` now."""
    value = record.field_value(name)
    if value is None and name in METADATA and field.kind is not FieldKind.ENUM:
        value = getattr(record, METADATA[name], None)
    if value is None:
        value = _state_fields(record.wire.labels).get(name)
    value = field.default if value is None else value
    if field.kind in TEXTS:
        return value
    return float(value) if field.kind is FieldKind.DOUBLE else int(value)


@functools.cache
def _state_fields(labels: tuple[str, ...]) -> Mapping[str, str | int]:
    """The fields with the names and the numbers of the states of an enum, and their values."""
    fields: dict[str, str | int] = dict(zip(("ZNAM", "ONAM"), labels, strict=False))
    for number, (prefix, label) in enumerate(zip(STATE_PREFIXES, labels, strict=False)):
        fields |= {f"{prefix}ST": label, f"{prefix}VL": number}
    return fields


def element_type(wire: WireType) -> int:
    """The value of FTVL for the elements of an array."""
    return ELEMENT_TYPES.index("CHAR" if wire.epics_type is EpicsType.CHAR else "DOUBLE")


class FieldChannel(CaprotoChannel):
    """A field of a record as a channel; it has the alarm and the timestamp of the record."""

    def __init__(self, record: FieldOwner, name: str, field: RecordField) -> None:
        super().__init__(
            alarm=record.alarm,
            value=present_value(record, name, field),
            max_length=1,
            reported_record_type=record.reported_record_type,
            max_subscription_backlog=2,
        )
        self.data_type = NATIVE[field.kind]
        self._record, self._name, self._field = record, name, field
        self.describe(enum_strings=field.labels[:MOST_STATES])

    @property
    def epics_timestamp(self) -> TimeStamp:
        return self._record.epics_timestamp

    def check_access(self, hostname: str, username: str) -> AccessRights:
        """Only deadbands can be written, by those whom the guard of the record lets write."""
        may_write = self._name in DEADBANDS and self._record.guard.may_write(
            Client(hostname, username)
        )
        return AccessRights.READ | AccessRights.WRITE if may_write else AccessRights.READ

    async def auth_write(
        self, hostname: str, username: str, data: Any, data_type: ChannelType, *_: Any, **__: Any
    ) -> None:
        """Obey a client's put to a deadband; raises `Forbidden` for other fields."""
        if AccessRights.WRITE not in self.check_access(hostname, username):
            raise Forbidden(f"{self._record.name}.{self._name} is read only")
        self._record.guard.admit(Client(hostname, username))
        width = received_number(self._name, data, native_type(data_type))
        setattr(self._record.deadbands, self._name.lower(), width)
        await self.refresh()

    async def refresh(self) -> None:
        """Send the present value of the field if it has changed."""
        value = present_value(self._record, self._name, self._field)
        if value != self.value:
            self.store(value)
            await self.publish(CHANGED)
        else:
            await self.publish(0)

    def wire_values(self, target: ChannelType) -> Any:
        """The value in a native type; raises ValueError if it has none of that type."""
        record, field = self._record, self._field
        self.store(present_value(record, self._name, field))
        if field.kind is FieldKind.LINK and target is not ChannelType.STRING:
            raise ValueError(f"{self._name} is a link")
        if field.kind in RANGES:
            self.describe(**_properties(record, self._name, field.kind))
        precision = record.wire.precision
        return converted(
            self.value, target, field.labels, NO_PRECISION if precision is None else precision
        )


def _properties(record: FieldOwner, name: str, kind: FieldKind) -> dict[str, Any]:
    """Unit, precision and limits of a field that is a number."""
    double = kind is FieldKind.DOUBLE
    numeric = record.wire.units is not None
    low, high = RANGES[kind] if record.reported_record_type in WITH_RANGES else (0, 0)
    limits = dict(zip(LIMITS, (low, high, low, high), strict=True))
    if name in LEVELS and numeric:
        limits = {each: getattr(record, each) for each in LIMITS}
    return {
        **limits,
        **(NO_ALARM_LIMITS if double or kind is FieldKind.ULONG else {}),
        "units": getattr(record, "units", "") if name in LEVELS or double else "",
        "precision": record.wire.precision or 0 if double else 0,
    }


class CharactersChannel(FieldChannel):
    """A field that is a text, as characters: a NUL follows the text, up to the field's size."""

    def __init__(self, record: FieldOwner, name: str, field: RecordField) -> None:
        super().__init__(record, name, field)
        self.data_type = ChannelType.CHAR

    @property
    def max_length(self) -> int:
        """The size of the field in bytes."""
        return self._field.size

    def wire_values(self, target: ChannelType) -> Any:
        """The text and a NUL, as bytes, or as numbers (n,) of another type."""
        self.store(present_value(self._record, self._name, self._field))
        text = str(self.value).encode("latin-1", "replace")[: self._field.size - 1] + b"\0"
        if target is ChannelType.CHAR:
            return text
        numbers = np.frombuffer(text.ljust(self._field.size, b"\0"), "u1")
        if target is ChannelType.STRING and (
            self._field.kind is FieldKind.LINK or self._name == "RTYP"
        ):
            return [text[:-1]]
        if target is ChannelType.STRING:
            return [str(each).encode() for each in numbers]
        return numbers.astype(DTYPES[target])

    def selected(self, values: Any, elements: ElementRange | None, count: int) -> Any:
        """The values that are sent: of several characters, the last one is always a NUL.

        A range is of all bytes of the field. If a client asks for as many as there are, what
        follows the first NUL is left out.
        """
        if not isinstance(values, bytes):
            return selected(values, elements, count)
        if elements is None:
            return _ended(selected(values, elements, count))
        chosen = elements.chosen(values.ljust(self._field.size, b"\0"))
        chosen = _ended(chosen) if len(chosen) > 1 else chosen
        return selected(chosen, None, count or chosen.find(b"\0") + 1)


def _ended(characters: bytes) -> bytes:
    """Characters, of which the last is replaced by a NUL."""
    return characters[:-1] + b"\0" if characters else characters


def field_channel(record: FieldOwner, name: str, *, as_characters: bool = False) -> FieldChannel:
    """The channel of ``NAME.FIELD``, or with ``as_characters`` of ``NAME.FIELD$``.

    Raises KeyError if a record of this type has no such field, or one that is no text.
    """
    field = RECORD_FIELDS[record.reported_record_type][name]
    if not as_characters:
        return FieldChannel(record, name, field)
    if field.kind not in TEXTS:
        raise KeyError(f"{name}$")
    return CharactersChannel(record, name, field)
