"""A message with another time differs from what it was in nothing else."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_data_types.eventdata_ev44 import deserialise_ev44, serialise_ev44
from streaming_data_types.logdata_f144 import deserialise_f144, serialise_f144

from reduction.messages.ev44 import EventVectors, decoded_ev44, encoded_ev44, event_count
from reduction.messages.f144 import LogVector, decoded_f144, encoded_float
from reduction.messages.log_layouts import LogLayouts
from reduction.messages.retimed import retimed_ev44

TIME_NS = 1_800_000_000_000_000_000
IDS = np.arange(5, dtype=np.int32)

EVENTS = [
    b"".join(encoded_ev44("bank", 7, TIME_NS, IDS, IDS + 9)),
    serialise_ev44("several", 8, [TIME_NS, TIME_NS + 1, 3], [0, 2, -1], IDS, IDS),
    serialise_ev44("bare", 9, [TIME_NS], [0], IDS, []),
    serialise_ev44("empty", 10, [TIME_NS], [-1], [], []),
]
LOGS = [
    encoded_float("T", TIME_NS, 2.5),
    serialise_f144("number", np.float32(0.7), TIME_NS),
    serialise_f144("count", 3, TIME_NS),
    serialise_f144("array", np.arange(4, dtype=np.int16), TIME_NS),
]


def events_words(event: EventVectors) -> tuple[object, ...]:
    """All of a message, to compare."""
    return (event.source, event.message_id, *(each.tolist() for each in event[2:]))


def log_words(log: LogVector) -> tuple[object, ...]:
    return log.name, log.time_ns, log.value.dtype, log.value.tobytes()


@pytest.mark.parametrize("message", EVENTS)
def test_events_have_other_times_and_another_id(message: bytes) -> None:
    before = decoded_ev44(message)
    times_ns = before.times_ns + 12345
    pieces = retimed_ev44(message, times_ns, 2**40)
    assert pieces is not None
    data = b"".join(pieces)
    assert len(data) == len(message)
    expected = before._replace(times_ns=times_ns, message_id=2**40)
    assert events_words(decoded_ev44(data)) == events_words(expected)
    assert deserialise_ev44(data).time_of_flight.tolist() == before.tof_ns.tolist()
    assert event_count(data) == before.tof_ns.size


@pytest.mark.parametrize("message", LOGS)
def test_a_log_value_has_another_time(message: bytes) -> None:
    layouts = LogLayouts()
    data = layouts.retimed(message, 77)
    assert data is not None
    layouts.decoded(message)  # now it is remembered
    assert layouts.retimed(message, 77) == data
    assert log_words(decoded_f144(data)) == log_words(decoded_f144(message)._replace(time_ns=77))
    assert deserialise_f144(data).timestamp_unix_ns == 77


def test_an_id_that_is_not_in_the_message_is_not_written() -> None:
    message = bytearray(EVENTS[0])
    struct.pack_into("<H", message, 14, 0)  # its place in the table
    times_ns = np.array([5], np.int64)
    assert retimed_ev44(bytes(message), times_ns, 1) is None
    pieces = retimed_ev44(bytes(message), times_ns, 0)
    assert pieces is not None
    assert decoded_ev44(b"".join(pieces))[1:3] == (0, times_ns)


def test_times_that_share_bytes_with_events_are_not_written() -> None:
    message = bytearray(EVENTS[0])
    # The times of flight, which come behind the pulse times, are now those of the pulses, too.
    times_field, tofs_field = 24 + 20, 24 + 28
    tofs = tofs_field + struct.unpack_from("<I", message, tofs_field)[0]
    struct.pack_into("<I", message, times_field, tofs - times_field)
    times_ns = decoded_ev44(bytes(message[:-8]) + bytes(40)).times_ns
    assert retimed_ev44(bytes(message) + bytes(40), times_ns, 7) is None


CHANGES = st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=3)


def changed(message: bytes, changes: list[tuple[int, int]]) -> bytes:
    """A message with other bytes in some places."""
    data = bytearray(message)
    for place, byte in changes:
        data[place % len(data)] = byte
    return bytes(data)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EVENTS), CHANGES)
def test_in_any_events_nothing_else_differs(message: bytes, changes: list[tuple[int, int]]) -> None:
    data = changed(message, changes)
    try:
        before = decoded_ev44(data)
    except (ValueError, struct.error):
        return
    times_ns = np.full(before.times_ns.size, 99, np.int64)
    pieces = retimed_ev44(data, times_ns, before.message_id)
    if pieces is not None:
        found = decoded_ev44(b"".join(pieces))
        assert events_words(found) == events_words(before._replace(times_ns=times_ns))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(LOGS), CHANGES)
def test_in_any_log_value_nothing_else_differs(
    message: bytes, changes: list[tuple[int, int]]
) -> None:
    data = changed(message, changes)
    try:
        before = decoded_f144(data)
    except (ValueError, struct.error):
        return
    layouts = LogLayouts()
    for each in LOGS:
        layouts.decoded(each)
    moved = layouts.retimed(data, 99)
    if moved is not None:
        assert log_words(decoded_f144(moved)) == log_words(before._replace(time_ns=99))
