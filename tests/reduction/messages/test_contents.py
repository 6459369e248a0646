from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144

from reduction.messages.contents import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    encode_chunk,
    encode_log,
    encode_pulse_mark,
)

int32s = st.integers(-(2**31), 2**31 - 1)


def ints(values: list[int]) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def chunks_of(message: bytes) -> list[Chunk]:
    """The chunks of an event message."""
    decoded = decode(message)
    assert isinstance(decoded, list)
    return decoded


def log_of(message: bytes) -> LogValue:
    """The value in a log message."""
    decoded = decode(message)
    assert isinstance(decoded, LogValue)
    return decoded


@pytest.mark.parametrize("meant", [0.1, 0.3, 0.7, -273.15, 1e-7, 16777216.0])
def test_a_log_of_32_bits_has_the_decimal_number_that_was_meant(meant: float) -> None:
    for value in (np.float32(meant), np.array([meant], np.float32)):
        assert log_of(serialise_f144("T", value, 10**18)).value.tolist() == [meant]


CHUNK = encode_chunk(Chunk("source", 5, 10**18, ints([1, 2, 3]), ints([10, 20, 30])))
LOG = encode_log("temperature", 10**18, 4.2)
MARK = encode_pulse_mark(17, 10**18, 3)


@given(st.lists(st.tuples(int32s, int32s), max_size=50), st.integers(0, 2**62), st.integers(0, 99))
def test_a_chunk_comes_back_as_it_was(
    events: list[tuple[int, int]], time_ns: int, message_id: int
) -> None:
    pixel_id, tof_ns = ints([p for p, _ in events]), ints([t for _, t in events])
    (chunk,) = chunks_of(encode_chunk(Chunk("bank 1", message_id, time_ns, pixel_id, tof_ns)))
    assert (chunk.source, chunk.message_id, chunk.pulse_time_ns) == ("bank 1", message_id, time_ns)
    np.testing.assert_array_equal(chunk.pixel_id, pixel_id)
    np.testing.assert_array_equal(chunk.tof_ns, tof_ns)


def test_a_message_with_several_pulses_is_a_chunk_for_each() -> None:
    message = serialise_ev44("s", 1, [100, 200, 300], [0, 2, 2], [1, 2, 3], [4, 5, 6])
    chunks = chunks_of(message)
    assert [chunk.pulse_time_ns for chunk in chunks] == [100, 200, 300]
    assert [chunk.pixel_id.tolist() for chunk in chunks] == [[4, 5], [], [6]]


def test_log_values_and_pulse_marks_come_back_as_they_were() -> None:
    log = log_of(LOG)
    assert (log.name, log.time_ns, log.value.tolist()) == ("temperature", 10**18, [4.2])
    mark = log_of(MARK)
    assert (mark.name, mark.value.tolist()) == (PULSE_MARK, [17, 3])


@pytest.mark.parametrize(
    "message",
    [
        serialise_ev44("s", 1, [100], [0], [1, 2, 3], [4, 5]),
        serialise_ev44("s", 1, [], [], [1], [1]),
        serialise_ev44("s", 1, [100, 200], [0], [1], [1]),
        serialise_ev44("s", 1, [100, 200], [1, 0], [1], [1]),
        serialise_ev44("s", 1, [100, 200], [0, 9], [1], [1]),
        CHUNK[: len(CHUNK) // 2],
        LOG[:20],
    ],
)
def test_a_message_that_contradicts_itself_or_is_cut_short_is_corrupt(message: bytes) -> None:
    with pytest.raises(CorruptMessage, match="message of"):
        decode(message)


@pytest.mark.parametrize("message", [b"", b"abc", b"\0\0\0\0hs01" + bytes(40), MARK[:7]])
def test_another_schema_is_unknown(message: bytes) -> None:
    with pytest.raises(UnknownSchema):
        decode(message)


def test_a_log_that_is_no_number_is_corrupt_or_read_as_numbers() -> None:
    message = serialise_f144("words", np.array([1, 2], np.uint8), 1)
    assert log_of(message).value.tolist() == [1, 2]


@settings(max_examples=400)
@given(
    st.sampled_from([CHUNK, LOG, MARK]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    st.integers(0, 300),
)
@example(CHUNK, [(4, 255)], 300)
def test_no_bytes_do_worse_than_corrupt_or_unknown(
    message: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    damaged = bytearray(message)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        decode(bytes(damaged[:length]))
    except (CorruptMessage, UnknownSchema) as error:
        assert str(error)


def ev44(starts: list[int], tof_ns: list[int], pixel_id: list[int]) -> bytes:
    """A message of as many pulses as it has ``starts``, 10 ns apart."""
    times_ns = 10**18 + 10 * np.arange(len(starts))
    message: bytes = serialise_ev44(
        "source", 5, times_ns, ints(starts), ints(tof_ns), ints(pixel_id)
    )
    return message


@pytest.mark.parametrize(
    ("starts", "sizes"),
    [
        ([-1], [0]),
        ([-1, -1], [0, 0]),
        ([-1, 0], [0, 3]),
        ([0, -1], [3, 0]),
        ([0, -1, 2, -1], [2, 0, 1, 0]),
        ([-1, 0, 0, 3], [0, 0, 3, 0]),
    ],
)
def test_an_index_of_minus_one_is_a_pulse_without_events(
    starts: list[int], sizes: list[int]
) -> None:
    events = list(range(sum(sizes)))
    chunks = chunks_of(ev44(starts, events, events))
    assert [each.tof_ns.size for each in chunks] == sizes
    assert [each.pulse_time_ns - 10**18 for each in chunks] == [10 * n for n in range(len(sizes))]
    assert np.concatenate([each.pixel_id for each in chunks]).tolist() == events
    assert all(each.without_pixels == 0 for each in chunks)


@pytest.mark.parametrize("starts", [[-1], [-1, -1], [-2], [1, -1], [-1, 2], [0, -1, 9]])
def test_indices_that_leave_events_without_a_pulse_are_corrupt(starts: list[int]) -> None:
    with pytest.raises(CorruptMessage, match="starts of pulses"):
        decode(ev44(starts, [1, 2, 3], [4, 5, 6]))


@pytest.mark.parametrize("starts", [[0], [0, 2], [-1, 0]])
def test_events_without_pixel_ids_are_none_and_are_told(starts: list[int]) -> None:
    chunks = chunks_of(ev44(starts, [10, 20, 30], []))
    assert [each.pixel_id.size for each in chunks] == [0] * len(starts)
    assert [each.tof_ns.size for each in chunks] == [0] * len(starts)
    assert chunks[-1].without_pixels == 3
