"""Updates of subscriptions, each packed once for all clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from caproto import ChannelType, EventAddResponse, SubscriptionType, native_type

from ioc.ca.channels.timestamps import timestamp
from ioc.ca.serving.client_subscriptions import WITHOUT_VALUES
from ioc.ca.serving.messages import (
    JoinedMessages,
    PackedUpdate,
    message_of_number,
    message_without_value,
    split_message,
)
from ioc.model.wire_values import BigEndianBytes
from ioc.records.channel_names import NO_FILTER, channel_name

MOST_SHARED = 8
"""Series of updates whose joined messages are kept for the next client that gets the same."""


@dataclass(eq=False)
class Update:
    """A value with its metadata, for all subscriptions with the same ``SubscriptionSpec``.

    ``spec`` is caproto's ``SubscriptionSpec``, ``values`` an array (n,) or a list of texts, and
    ``flags`` say what changed. ``values`` is None if there are none of the type asked for.
    """

    spec: Any
    metadata: Any
    values: Any
    flags: int
    _packed: PackedUpdate | None = field(default=None, init=False)

    def serves(self, sub: Any) -> bool:
        """Whether a subscription gets the common message: all elements, unfiltered."""
        if self.values is None or sub.data_type in WITHOUT_VALUES:
            return True
        counted = sub.data_count in (0, len(self.values))
        return counted and channel_name(sub.channel.name).filter is NO_FILTER

    @property
    def number(self) -> float | None:
        """The value if it is a single number."""
        single = len(self.values) == 1 and isinstance(self.values, np.ndarray)
        return float(self.values[0]) if single else None

    @property
    def not_only_value(self) -> bool:
        """Whether more has changed than the value: its alarm, or properties."""
        return bool(self.flags & (SubscriptionType.DBE_ALARM | SubscriptionType.DBE_PROPERTY))

    def common(self, sub: Any) -> PackedUpdate:
        """The message to each subscription for which `serves` is true; it is packed once."""
        if self._packed is None and self.values is None:
            self._packed = message_without_value(sub.data_type)
        elif self._packed is None:
            self._packed = message_of_number(
                self.values, sub.data_type, self.metadata
            ) or split_message(self._response(sub.data_type))
        return self._packed

    def packed(self, sub: Any, values: Any, metadata: Any) -> list[Any]:
        """The bytes, in parts, of a message with other values to one subscription."""
        number, count = sub.subscriptionid, len(values)
        response = EventAddResponse(values, sub.data_type, count, 1, number, metadata=metadata)
        return [bytes(response.header), *response.buffers]

    def _response(self, data_type: Any) -> EventAddResponse:
        """The message, for subscription 0, in the type that its subscribers have asked for."""
        packed = getattr(self.values, "base", None)
        doubles = native_type(data_type) is ChannelType.DOUBLE
        data = packed if doubles and isinstance(packed, BigEndianBytes) else self.values
        count = 1 if data_type in WITHOUT_VALUES else len(self.values)
        return EventAddResponse(data, data_type, count, 1, 0, metadata=self.metadata)


def stamped(metadata: Any) -> Any:
    """A copy of ``metadata`` with the present time as its timestamp, if it has one."""
    if not hasattr(metadata, "stamp"):
        return metadata
    copy = type(metadata).from_buffer_copy(metadata)
    copy.stamp = timestamp(time.time_ns())
    return copy


class SharedMessages:
    """The messages of series of updates; those of a series are joined once for all clients."""

    def __init__(self) -> None:
        self._joined: dict[tuple[Update, ...], JoinedMessages] = {}

    def __len__(self) -> int:
        return len(self._joined)

    def of(self, updates: tuple[Update, ...], subs: Iterable[Any]) -> JoinedMessages:
        """The messages of updates to subscriptions for which `gets_common_messages` is true."""
        found = self._joined.get(updates)
        if found is None:
            if len(self._joined) >= MOST_SHARED:
                self._joined.clear()
            common = (update.common(sub) for update, sub in zip(updates, subs, strict=True))
            found = self._joined[updates] = JoinedMessages(common)
        return found


@dataclass(frozen=True, eq=False)
class QueueMarker:
    """A marker in a server's queue of updates.

    ``reached`` is called once all updates before the marker were given to their circuits.
    """

    reached: Callable[[], None]
