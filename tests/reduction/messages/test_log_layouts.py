"""Messages that are read by the layout of earlier ones: whatever came before, they say the same."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_data_types.logdata_f144 import serialise_f144

from reduction.messages.f144 import LogVector, decoded_f144, encoded_float, encoded_integers
from reduction.messages.log_layouts import LogLayouts, layout_of

TIMES = st.integers(-(2**63), 2**63 - 1)
VALUES = [
    *(kind(7) for kind in (np.int8, np.uint16, np.int32, np.uint64, np.float32, np.float64)),
    np.array([0.7], np.float32),
    np.array([3, 4], np.int64),
]


def read(message: bytes, layouts: LogLayouts | None = None) -> tuple[str, int, str, bytes] | None:
    """What a message says, with the type of its value; None if it is corrupt."""
    try:
        found: LogVector = decoded_f144(message) if layouts is None else layouts.decoded(message)
    except (ValueError, struct.error):
        return None
    return found.name, found.time_ns, found.value.dtype.str, found.value.tobytes()


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message of a log, in which some bytes may be others."""
    name, value = draw(st.sampled_from(["T", "U", "pressure"])), draw(st.sampled_from(VALUES))
    made = bytearray(serialise_f144(name, value, draw(TIMES)))
    for _ in range(draw(st.integers(0, 3))):
        made[draw(st.integers(0, len(made) - 1))] = draw(st.integers(0, 255))
    return bytes(made)


@settings(max_examples=300)
@given(st.lists(messages(), max_size=20))
def test_a_message_says_the_same_whichever_came_before(stream: list[bytes]) -> None:
    layouts = LogLayouts()
    for message in stream + stream:
        number, said = layouts.number(message), read(message)
        if number is not None:
            bits = np.float64(number.number).tobytes()
            assert (number.name, number.time_ns, "<f8", bits) == said
        assert read(message, layouts) == said


@given(st.lists(st.tuples(st.sampled_from("TU"), TIMES, st.floats()), min_size=3, max_size=9))
def test_logs_whose_messages_differ_in_time_and_value_alone_are_told_apart(
    values: list[tuple[str, int, float]],
) -> None:
    layouts = LogLayouts()
    for name, time_ns, value in values:
        found = layouts.decoded(memoryview(encoded_float(name, time_ns, value)))
        assert (found.name, found.time_ns) == (name, time_ns)
        assert found.value.tobytes() == np.float64(value).tobytes()


def test_a_time_that_shares_bytes_with_something_else_has_no_layout() -> None:
    message = bytearray(encoded_float("temperature", 10**18, 1.0))
    assert layout_of(bytes(message)) is not None
    table_at = struct.unpack_from("<I", message)[0]
    fields_at = table_at - struct.unpack_from("<i", message, table_at)[0] + 4
    (value_field,) = struct.unpack_from("<H", message, fields_at + 2 * 3)
    struct.pack_into("<H", message, fields_at + 2 * 1, value_field)
    assert read(bytes(message)) is not None
    assert layout_of(bytes(message)) is None


def test_memory_is_bounded_whatever_names_come() -> None:
    layouts = LogLayouts(most=5)
    for number in range(100):
        name = "x" * (number % 40)
        mark = encoded_integers(name, number, [number, 1])
        assert layouts.decoded(mark).value.tolist() == [number, 1]
        assert len(layouts) <= 5
