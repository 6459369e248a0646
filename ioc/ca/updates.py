"""Updates of subscriptions: packed once for all clients, and sent in pieces."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from caproto import ChannelType, EventAddResponse, SubscriptionType, native_type

from ioc.ca.timestamps import timestamp
from ioc.model.wire_values import BigEndianBytes
from ioc.records.channel_names import NO_FILTER, channel_name

LARGEST_JOINED = 1 << 12
"""Largest message, in bytes, that is copied into one buffer; larger ones stay in parts."""

PIECE = 1 << 18
"""Most bytes given to the operating system at once."""


@dataclass(eq=False)
class Update:
    """A value with its metadata, for all subscriptions with the same ``SubscriptionSpec``.

    ``spec`` is caproto's ``SubscriptionSpec``, ``values`` an array (n,) or a list of texts, and
    ``flags`` say what changed.
    """

    spec: Any
    metadata: Any
    values: Any
    flags: int
    _packed: tuple[bytes, Sequence[Any]] | None = field(default=None, init=False)

    def serves(self, sub: Any) -> bool:
        """Whether a subscription gets the common message: all elements, unfiltered."""
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

    def message(self, sub: Any) -> list[Any]:
        """The bytes, in parts, of the message to a subscription for which `serves` is true."""
        if self._packed is None:
            self._packed = split_message(self._response(sub.data_type))
        head, tail = self._packed
        number = sub.subscriptionid.to_bytes(4, "big")
        first, *more = tail
        return [b"".join((head, number, first)), *more]

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
        return EventAddResponse(data, data_type, len(self.values), 1, 0, metadata=self.metadata)


def stamped(metadata: Any) -> Any:
    """A copy of ``metadata`` with the present time as its timestamp, if it has one."""
    if not hasattr(metadata, "stamp"):
        return metadata
    copy = type(metadata).from_buffer_copy(metadata)
    copy.stamp = timestamp(time.time_ns())
    return copy


def split_message(command: EventAddResponse) -> tuple[bytes, Sequence[Any]]:
    """The bytes before the number of the subscription, and the bytes after it, in parts."""
    header = bytes(command.header)  # bytes 12 to 15 are the number, in the long header too
    parts = [header[16:], *command.buffers]
    if sum(memoryview(each).nbytes for each in parts) <= LARGEST_JOINED:
        parts = [b"".join(parts)]
    return header[:12], parts


def pieces(parts: Sequence[Any], most: int = PIECE) -> Iterator[Any]:
    """All bytes of ``parts`` in order, ``most`` at a time: small parts joined, large ones cut.

    So the event loop copies at most one piece, not a long array, while a slow client reads.
    """
    small: list[Any] = []
    size = 0
    for part in parts:
        bytes_more = memoryview(part).nbytes
        if size + bytes_more > most:
            yield b"".join(small)
            small, size = [], 0
        if bytes_more > most:
            view = np.frombuffer(part, np.uint8).data
            yield from (view[begin : begin + most] for begin in range(0, bytes_more, most))
        else:
            small.append(part)
            size += bytes_more
    yield b"".join(small)
