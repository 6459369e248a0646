"""``ev44`` messages without a copy of their events.

The package ``streaming_data_types`` copies the arrays of a message about five times when it writes
one, and takes ``bytes`` alone when it reads one. So the bytes are laid out and read here. Tests
compare both with the functions of the package.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.messages.flat_tables import Buffer, FlatTable

EV44 = b"ev44"

TABLE = struct.Struct("<I4s8Hi4xqIIIIII")
"""Root offset, identifier, vtable, and the table: each field of the schema in its order.

The vtable has its own length, that of the table, and the place of each field in the table: source
name, message id, pulse times, starts of pulses, times of flight, pixel ids.
"""

VTABLE_AT, TABLE_AT = 8, 24
FIELD_AT = (16, 8, 20, 24, 28, 32)
TABLE_BYTES = 36


class Ev44Field(IntEnum):
    """The fields of the schema, by their numbers."""

    SOURCE = 0
    MESSAGE_ID = 1
    TIMES = 2
    STARTS = 3
    TOFS = 4
    PIXELS = 5


FIRST_VECTOR_AT = 64
"""Where the source name begins: what is before it has a fixed length."""


class EventVectors(NamedTuple):
    """The content of an ``ev44`` message; the arrays lie in the message.

    ``times_ns`` (pulses,) int64, ns since 1970; ``starts`` (pulses,) int32, where the events of
    each pulse begin; ``tof_ns`` and ``pixel_id`` (events,) int32.
    """

    source: str
    message_id: int
    times_ns: NDArray[np.int64]
    starts: NDArray[np.int32]
    tof_ns: NDArray[np.int32]
    pixel_id: NDArray[np.int32]


def encoded_ev44(
    source: str,
    message_id: int,
    time_ns: int,
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
) -> tuple[Buffer, ...]:
    """The bytes of a message with the events of one pulse, at ``time_ns``, ns since 1970.

    They come in pieces, of which two are the arrays ``pixel_id`` and ``tof_ns``, (events,) int32.
    """
    name = source.encode()
    tof, pixel = (np.ascontiguousarray(each, np.dtype("<i4")) for each in (tof_ns, pixel_id))
    time_at = _aligned(FIRST_VECTOR_AT + 4 + len(name) + 1 + 4, 8) - 4  # length, then int64
    start_at = time_at + 4 + 8
    tof_at = start_at + 4 + 4 + 4  # its length ends at a multiple of 8
    gap = 4 - tof.nbytes % 8  # the pixels, too, begin at a multiple of 8
    pixel_at = tof_at + 4 + tof.nbytes + gap
    vectors = (FIRST_VECTOR_AT, time_at, start_at, tof_at, pixel_at)
    name_ref, *refs = (at - TABLE_AT for at in vectors)
    head = bytearray(tof_at + 4)
    TABLE.pack_into(
        head,
        0,
        TABLE_AT,
        EV44,
        TABLE_AT - VTABLE_AT,
        TABLE_BYTES,
        *FIELD_AT,
        TABLE_AT - VTABLE_AT,
        message_id,
        name_ref - FIELD_AT[0],
        *(ref - place for ref, place in zip(refs, FIELD_AT[2:], strict=True)),
        0,
    )
    struct.pack_into(f"<I{len(name)}s", head, FIRST_VECTOR_AT, len(name), name)
    struct.pack_into("<IqIiII", head, time_at, 1, time_ns, 1, 0, 0, tof.size)
    before_pixels = bytes(gap) + struct.pack("<I", pixel.size)
    return bytes(head), tof.data.cast("B"), before_pixels, pixel.data.cast("B")


def _aligned(place: int, to: int) -> int:
    return -(-place // to) * to


def decoded_ev44(message: Buffer) -> EventVectors:
    """The content of a message, without a copy of its arrays; an absent array is empty.

    Raises ValueError or struct.error for bytes that do not hold the schema.
    """
    event = FlatTable.root_of(message)
    source = event.text(Ev44Field.SOURCE)
    if source is None:
        raise ValueError("there is no source name")
    return EventVectors(
        source,
        event.int64(Ev44Field.MESSAGE_ID),
        event.array(Ev44Field.TIMES, np.int64),
        event.array(Ev44Field.STARTS, np.int32),
        event.array(Ev44Field.TOFS, np.int32),
        event.array(Ev44Field.PIXELS, np.int32),
    )


def event_count(message: Buffer) -> int:
    """The number of events in a message, whose arrays are not looked at.

    Raises ValueError or struct.error for bytes that do not hold the schema.
    """
    return FlatTable.root_of(message).length(Ev44Field.TOFS)
