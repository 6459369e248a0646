"""Messages that are laid out here, and read here, beside the package that ESS has for them."""

from __future__ import annotations

import mmap

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.eventdata_ev44 import deserialise_ev44, serialise_ev44

from reduction.messages.ev44 import decoded_ev44, encoded_ev44

int32s = st.integers(-(2**31), 2**31 - 1)
events = st.lists(st.tuples(int32s, int32s), max_size=9)
words = (
    "streaming_data_types and flatbuffers have changed; `reduction.messages.ev44` relies on them"
)


@given(st.text(max_size=20), st.integers(0, 2**62), st.integers(-(2**62), 2**62), events)
def test_the_package_reads_what_is_written_here(
    source: str, message_id: int, time_ns: int, pairs: list[tuple[int, int]]
) -> None:
    pixel_id = np.array([pixel for pixel, _ in pairs], np.int32)
    tof_ns = np.array([tof for _, tof in pairs], np.int32)
    pieces = encoded_ev44(source, message_id, time_ns, pixel_id, tof_ns)
    found = deserialise_ev44(b"".join(pieces))
    assert (found.source_name, found.message_id) == (source, message_id), words
    assert found.reference_time.tolist() == [time_ns], words
    assert found.reference_time_index.tolist() == [0], words
    np.testing.assert_array_equal(found.time_of_flight, tof_ns, words)
    np.testing.assert_array_equal(found.pixel_id, pixel_id, words)


@given(st.text(max_size=20), st.integers(0, 2**62), st.lists(st.integers(0, 2**62)), events)
def test_what_the_package_writes_is_read_here(
    source: str, message_id: int, times_ns: list[int], pairs: list[tuple[int, int]]
) -> None:
    starts = list(range(len(times_ns)))
    pixel_id, tof_ns = ([pair[place] for pair in pairs] for place in (0, 1))
    message = serialise_ev44(source, message_id, times_ns, starts, tof_ns, pixel_id)
    found = decoded_ev44(message)
    assert (found.source, found.message_id) == (source, message_id), words
    assert (found.times_ns.tolist(), found.starts.tolist()) == (times_ns, starts), words
    assert (found.tof_ns.tolist(), found.pixel_id.tolist()) == (tof_ns, pixel_id), words


def test_neither_writing_nor_reading_copies_the_events() -> None:
    pixel_id, tof_ns = np.arange(1001, dtype=np.int32), np.arange(1001, dtype=np.int32)
    pieces = encoded_ev44("s", 1, 2, pixel_id, tof_ns)
    assert np.shares_memory(np.frombuffer(pieces[1], np.int32), tof_ns)
    assert np.shares_memory(np.frombuffer(pieces[3], np.int32), pixel_id)
    assert sum(map(len, pieces[:3:2])) < 200
    whole = b"".join(pieces)
    with mmap.mmap(-1, len(whole)) as memory:
        memory[:] = whole
        there = np.frombuffer(memory, np.uint8)
        found = decoded_ev44(memoryview(memory))
        assert np.shares_memory(found.tof_ns, there)
        assert np.shares_memory(found.pixel_id, there)
        assert found.pixel_id.ctypes.data % 8 == found.tof_ns.ctypes.data % 8 == 0
        del found, there
