"""What is used of caproto's channels that it does not document.

Only this module and `ioc.ca.serving.caproto_internals` use private parts of caproto.

=========  ==========================================
kind       name and arguments
=========  ==========================================
method     ChannelData._is_eligible(ss)
method     ChannelData._read_metadata(dbr_metadata)
coroutine  ChannelData._read(data_type)
coroutine  ChannelData.publish(flags)
attribute  ChannelData._data
=========  ==========================================
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from caproto import (
    DBR_TYPES,
    CaprotoError,
    ChannelData,
    ChannelType,
    TimeStamp,
    native_type,
    native_types,
    time_types,
)

from ioc.records.channel_names import ElementRange
from ioc.records.elements import selected

FOR_PUTS = (ChannelType.PUT_ACKT, ChannelType.PUT_ACKS)
"""Types in which nothing can be read."""


class CaprotoChannel(ChannelData):  # type: ignore[misc]
    """caproto's channel, whose updates go only to subscriptions that ask for such a change."""

    changed_flags = 0
    """What has changed in the update that is being sent: flags of caproto's SubscriptionType."""

    @property
    def number(self) -> float | None:
        """The value of the record if it is a single number, by which a deadband judges."""
        return None

    @property
    def holds_one_value(self) -> bool:
        """Whether it always holds one value, no more and no fewer."""
        return int(self.max_length) == 1

    def store(self, value: Any, stamp: TimeStamp | None = None) -> None:
        """Set the value, and its timestamp if one is given, without sending them."""
        self._data["value"] = value
        if stamp is not None:
            self._data["timestamp"] = stamp

    @property
    def epics_timestamp(self) -> TimeStamp:
        """The time of the value; never changed in place, so caproto's slow copy is not needed."""
        return self._data["timestamp"]

    def describe(self, **metadata: Any) -> None:
        """Set metadata, such as units, without sending them."""
        self._data |= metadata

    async def publish(self, flags: int) -> None:
        """Send the present state to subscriptions whose mask has one of ``flags``.

        The initial value of later subscriptions is the present state also if ``flags`` is 0.
        """
        self.changed_flags = int(flags)
        await super().publish(flags)

    def _is_eligible(self, ss: Any) -> bool:
        return bool(int(ss.mask) & self.changed_flags) and super()._is_eligible(ss)

    def wire_values(self, target: ChannelType) -> Any:  # noqa: ARG002
        """The value in a native type, as caproto sends it; None: as caproto converts it.

        Raises ValueError if it has no value of that type.
        """
        return None

    def selected(self, values: Any, elements: ElementRange | None, count: int) -> Any:
        """The values that are sent to a client that wants ``count`` in a range; 0: all."""
        return selected(values, elements, count)

    async def read(self, data_type: int) -> tuple[Any, Any]:
        """Metadata and values in a type of Channel Access; raises ValueError if it has none."""
        values = None
        if data_type in time_types:  # the most frequent ones: those of monitors
            values = self.wire_values(native_type(data_type))
        if values is None:
            with np.errstate(invalid="ignore"):  # limits that are not set have no integer
                return await self.read_other(ChannelType(data_type))
        alarm = self.alarm
        return DBR_TYPES[data_type](alarm.status, alarm.severity, self.epics_timestamp), values

    async def _read(self, data_type: int) -> tuple[Any, Any]:
        """What caproto sends to monitors of a type: None in place of values if it has none.

        Raising would end the server with the next update, for one client that asked for this type.
        """
        try:
            return await CaprotoChannel.read(self, data_type)
        except (ArithmeticError, CaprotoError, LookupError, TypeError, ValueError, struct.error):
            return b"", None

    async def read_other(self, data_type: ChannelType) -> tuple[Any, Any]:
        """Metadata and values in a type without timestamp, or of what caproto converts."""
        if data_type in FOR_PUTS:
            raise ValueError(f"{data_type.name} is a type of puts")
        if data_type is ChannelType.CLASS_NAME:
            return await super()._read(data_type)  # type: ignore[no-any-return]
        acknowledged = data_type is ChannelType.STSACK_STRING
        values = self.wire_values(ChannelType.STRING if acknowledged else native_type(data_type))
        if acknowledged and values is not None:
            alarm = await self.alarm.read()
            alarm.value = values[0]
            return alarm, b""
        if values is None:
            return await super()._read(data_type)  # type: ignore[no-any-return]
        if data_type in native_types:
            return b"", values
        # EPICS Base sends texts with the same metadata in these; caproto adds a timestamp.
        of_text = data_type in (ChannelType.GR_STRING, ChannelType.CTRL_STRING)
        metadata = DBR_TYPES[ChannelType.STS_STRING if of_text else data_type]()
        self._read_metadata(metadata)
        if data_type in (ChannelType.GR_ENUM, ChannelType.CTRL_ENUM):
            labels = self._data.get("enum_strings", ())
            metadata.enum_strings = [each.encode("latin-1") for each in labels]
        metadata.status, metadata.severity = self.alarm.status, self.alarm.severity
        return metadata, values
