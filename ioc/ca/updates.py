"""Updates on their way to clients: packed once for all of them, and sent in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from caproto import ChannelType, EventAddResponse, native_type

from ioc.model.wire_values import BigEndianBytes

SMALL = 1 << 12
"""Bytes up to which a value is joined with what goes before it, rather than sent beside it."""

PIECE = 1 << 18
"""Bytes given to the system at once."""


@dataclass(eq=False)
class Update:
    """A value with its metadata, for all subscriptions of one kind, ``spec``."""

    spec: Any
    metadata: Any
    values: Any
    flags: int
    _packed: tuple[bytes, Sequence[Any]] | None = field(default=None, init=False)

    def serves(self, sub: Any) -> bool:
        """Whether a subscription gets what all others do: everything, at every update."""
        _, deadband, part, edge = sub.channel_filter
        whole = sub.data_count in (0, len(self.values))
        return whole and deadband is None and part is None and edge is None

    def message(self, sub: Any) -> list[Any]:
        """The bytes that tell a subscription, in parts, if it is one that this `serves`."""
        if self._packed is None:
            self._packed = parted(self._response(sub.data_type))
        head, tail = self._packed
        number = sub.subscriptionid.to_bytes(4, "big")
        first, *more = tail
        return [b"".join((head, number, first)), *more]

    def _response(self, data_type: Any) -> EventAddResponse:
        """What caproto sends to subscription 0, in the type that all of this kind ask for."""
        wire = getattr(self.values, "base", None)
        as_it_is = isinstance(wire, BigEndianBytes) and native_type(data_type) is ChannelType.DOUBLE
        data = wire if as_it_is else self.values
        return EventAddResponse(data, data_type, len(self.values), 1, 0, metadata=self.metadata)


def parted(command: EventAddResponse) -> tuple[bytes, Sequence[Any]]:
    """The bytes of an update before the number of its subscription, and after it, in parts."""
    header = bytes(command.header)  # the number is in bytes 12 to 15, also of the longer kind
    parts = [header[16:], *command.buffers]
    if sum(memoryview(each).nbytes for each in parts) <= SMALL:
        parts = [b"".join(parts)]
    return header[:12], parts


def pieces(parts: Sequence[Any], most: int = PIECE) -> Iterator[Any]:
    """All bytes of ``parts`` in order, ``most`` at a time: small parts together, large ones cut.

    What waits for a client to take it is then a piece, not a copy of a whole array.
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
