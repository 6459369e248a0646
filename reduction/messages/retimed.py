"""Messages of events with other pulse times, made without a copy of their events."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.messages.ev44 import Ev44Field
from reduction.messages.flat_tables import Buffer, FlatTable

_INT64 = struct.Struct("<q")
VECTOR_BYTES = {
    Ev44Field.SOURCE: 1,
    Ev44Field.TIMES: 8,
    Ev44Field.STARTS: 4,
    Ev44Field.TOFS: 4,
    Ev44Field.PIXELS: 4,
}
"""The size of one element of each field of ``ev44`` that is no number."""


def retimed_ev44(
    message: Buffer, times_ns: NDArray[np.int64], message_id: int
) -> tuple[Buffer, ...] | None:
    """An ``ev44`` message with other pulse times (pulses,), ns since 1970, and another id.

    It comes in pieces, some of which are parts of ``message``. None if the times or the id are
    absent, or share bytes with anything else. ``message`` can be decoded, and has so many pulses.
    """
    event = FlatTable.root_of(message)
    id_at, times_at = event.field_at(Ev44Field.MESSAGE_ID), event.referred(Ev44Field.TIMES)
    if not times_at or (not id_at and message_id):
        return None
    times = range(times_at + 4, times_at + 4 + 8 * times_ns.size)
    changed = [(times, times_ns.astype("<i8").tobytes())]
    if id_at:
        changed.append((range(id_at, id_at + 8), _INT64.pack(message_id)))
    fixed = [range(8), *event.layout_bytes]
    for field, size in VECTOR_BYTES.items():
        at, place = event.field_at(field), event.referred(field)
        if at:
            length = event.length(field) if field is not Ev44Field.TIMES else 0
            fixed += [range(at, at + 4), range(place, place + 4 + size * length)]
    if _overlap([span for span, _ in changed], fixed):
        return None
    return _pieces(message, changed)


def _overlap(changed: Sequence[range], fixed: Sequence[range]) -> bool:
    """Whether one of the changed spans shares bytes with another one, or with a fixed one."""
    pairs = [(one, other) for one in changed for other in (*changed, *fixed) if other is not one]
    return any(one.start < other.stop and other.start < one.stop for one, other in pairs)


def _pieces(message: Buffer, changed: Sequence[tuple[range, bytes]]) -> tuple[Buffer, ...]:
    """The message in pieces, with other bytes in some spans."""
    data, place, found = memoryview(message), 0, list[Buffer]()
    for span, new in sorted(changed, key=lambda each: each[0].start):
        found += [data[place : span.start], new]
        place = span.stop
    return tuple(each for each in (*found, data[place:]) if len(each))
