"""Messages to clients: packed once for all of them, joined for each, and cut into pieces."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from caproto import DBR_TYPES, CAStatus, ChannelType, EventAddResponse, native_type, native_types

from ioc.records.scalars import DTYPES

NUMBER = struct.Struct(">I")
"""The number of a subscription in a message."""

HEADER_START = struct.Struct(">HHHHI")
"""The header but for the number: command, bytes that follow, type, elements, and status."""

NORMAL = 1
"""The status of a message that brings a value."""

HEADER_BYTES = 16
"""Length of the header of a message; that of a long one has 8 bytes more."""

LARGEST_JOINED = 1 << 12
"""Largest message, in bytes, that is copied into one buffer; larger ones stay in parts."""

PIECE = 1 << 18
"""Most bytes given to the operating system at once."""

WIRE_DTYPES: Mapping[int, np.dtype[Any]] = {
    each: np.dtype(DTYPES[native_type(each)]) for each in ChannelType if native_type(each) in DTYPES
}
"""The form in which the numbers of a message lie in memory, by its type."""


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


def message_of_number(values: Any, data_type: int, metadata: Any) -> PackedUpdate | None:
    """The message with a single number, packed six times as fast as caproto does.

    ``values`` is an array (1,), and ``metadata`` the structure of a type of Channel Access. None
    if there are other values, or if the array does not have the elements of that type.
    """
    if len(values) != 1 or not isinstance(values, np.ndarray) or data_type not in WIRE_DTYPES:
        return None
    if values.dtype != WIRE_DTYPES[data_type]:
        return None
    content = bytes(metadata) + values.tobytes()
    content += bytes(-len(content) % 8)
    head = HEADER_START.pack(EventAddResponse.ID, len(content), data_type, 1, NORMAL)
    return PackedUpdate(head, content, (), HEADER_BYTES + len(content))


def message_without_value(data_type: int) -> PackedUpdate:
    """The message that there is no value of a type: that status and zeros, as of EPICS Base.

    It has one element. libca takes an update without any for none.
    """
    number = WIRE_DTYPES.get(data_type)
    size = 0 if number is None else number.itemsize
    if data_type not in native_types:
        size += ctypes.sizeof(DBR_TYPES[ChannelType(data_type)])
    size += -size % 8
    failed = CAStatus.ECA_GETFAIL.value.code_with_severity
    head = HEADER_START.pack(EventAddResponse.ID, size, data_type, 1, failed)
    return PackedUpdate(head, bytes(size), (), HEADER_BYTES + size)


def split_message(command: EventAddResponse) -> PackedUpdate:
    """The parts of a message around the number of its subscription."""
    header = bytes(command.header)  # bytes 12 to 15 are the number, in the long header too
    parts = [header[HEADER_BYTES:], *command.buffers]
    size = sum(memoryview(each).nbytes for each in parts)
    if size <= LARGEST_JOINED:
        parts = [b"".join(parts)]
    tail, *rest = parts
    return PackedUpdate(header[:12], tail, rest, HEADER_BYTES + size)


class JoinedMessages:
    """Messages that follow each other, with a gap for the number of each subscription."""

    def __init__(self, messages: Iterable[PackedUpdate]) -> None:
        self.size = 0
        """The number of bytes, with those of the numbers."""
        self._parts = [b""]
        for each in messages:
            self._parts[-1] += each.head
            self._parts += b"", each.tail
            self.size += each.size

    def to(self, numbers: Iterable[int]) -> bytes:
        """The messages to the subscriptions of a client with these numbers, as many as messages."""
        parts = self._parts.copy()
        parts[1::2] = map(NUMBER.pack, numbers)
        return b"".join(parts)


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

    def add_joined(self, messages: JoinedMessages, numbers: Iterable[int]) -> None:
        """Add messages to the subscriptions of these numbers."""
        self.size += messages.size
        self._short.append(messages.to(numbers))

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
