"""Updates of subscriptions: packed once for all clients, and sent in pieces."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from caproto import ChannelType, EventAddResponse, SubscriptionType, native_type

from ioc.ca.timestamps import timestamp
from ioc.model.wire_values import BigEndianBytes
from ioc.records.channel_names import NO_FILTER, channel_name

NUMBER = struct.Struct(">I")
"""The number of a subscription in a message."""

HEADER_BYTES = 16
"""Length of the header of a message; that of a long one has 8 bytes more."""

LARGEST_JOINED = 1 << 12
"""Largest message, in bytes, that is copied into one buffer; larger ones stay in parts."""

PIECE = 1 << 18
"""Most bytes given to the operating system at once."""


@dataclass(frozen=True)
class PackedUpdate:
    """The bytes of a message to any subscription, of ``size`` bytes.

    ``head`` comes before the number of the subscription, ``tail`` after it. Then come the ``rest``:
    the parts of a long array, which is not copied.
    """

    head: bytes
    tail: bytes
    rest: Sequence[Any]
    size: int


class Batch:
    """Messages to one client in the order in which they are added, with as few parts as possible.

    Short messages are copied into common parts; long arrays stay as they are.
    """

    def __init__(self) -> None:
        self.size = 0
        """The number of bytes of all messages."""
        self._short: list[Any] = []
        self._parts: list[Any] = []

    def add(self, packed: PackedUpdate, subscription_id: int) -> None:
        """Add a message to the subscription of this number."""
        self.size += packed.size
        self._short += packed.head, NUMBER.pack(subscription_id), packed.tail
        if packed.rest:
            self._join()
            self._parts += packed.rest

    def add_parts(self, message: Sequence[Any]) -> None:
        """Add a message that is packed for one subscription alone."""
        self._join()
        self._parts += message
        self.size += sum(memoryview(each).nbytes for each in message)

    @property
    def parts(self) -> list[Any]:
        """The bytes of all messages, in order."""
        self._join()
        return self._parts

    def _join(self) -> None:
        if self._short:
            self._parts.append(b"".join(self._short))
            self._short.clear()


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
    _packed: PackedUpdate | None = field(default=None, init=False)

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

    def common(self, sub: Any) -> PackedUpdate:
        """The message to each subscription for which `serves` is true; it is packed once."""
        if self._packed is None:
            self._packed = split_message(self._response(sub.data_type))
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
        return EventAddResponse(data, data_type, len(self.values), 1, 0, metadata=self.metadata)


@dataclass(frozen=True, eq=False)
class QueueMarker:
    """A marker in a server's queue of updates.

    ``reached`` is called once all updates before the marker were given to their circuits.
    """

    reached: Callable[[], None]


def stamped(metadata: Any) -> Any:
    """A copy of ``metadata`` with the present time as its timestamp, if it has one."""
    if not hasattr(metadata, "stamp"):
        return metadata
    copy = type(metadata).from_buffer_copy(metadata)
    copy.stamp = timestamp(time.time_ns())
    return copy


def split_message(command: EventAddResponse) -> PackedUpdate:
    """The parts of a message around the number of its subscription."""
    header = bytes(command.header)  # bytes 12 to 15 are the number, in the long header too
    parts = [header[HEADER_BYTES:], *command.buffers]
    size = sum(memoryview(each).nbytes for each in parts)
    if size <= LARGEST_JOINED:
        parts = [b"".join(parts)]
    tail, *rest = parts
    return PackedUpdate(header[:12], tail, rest, HEADER_BYTES + size)


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
