"""What messages of facilities hold, in a stream without marks: each as it is meant, or told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.alarm_al00 import Severity, serialise_al00
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.run_start_pl72 import serialise_pl72
from streaming_data_types.run_stop_6s4t import serialise_6s4t
from streaming_data_types.status_x5f2 import serialise_x5f2

from reduction.messages.contents import Chunk, encode_chunk
from reduction.stream.faults import Faults
from tests.support.cost import costs_at_most
from tests.support.stream.plain_stream import (
    NONE,
    NOW,
    SECOND,
    Clock,
    chunk,
    events_of,
    feed,
    plain,
    pulses_of,
    time,
)


def ev44(times: list[int], starts: list[int], tof: Any, pixel: Any, source: str = "bank") -> bytes:
    arrays = np.array(times, np.int64), np.array(starts, np.int32)
    return bytes(
        serialise_ev44(source, 0, *arrays, np.array(tof, np.int32), np.array(pixel, np.int32))
    )


def test_an_empty_message_is_an_empty_pulse_whichever_index_it_has() -> None:
    """Trial 5."""
    stream = plain()
    feed(stream, [ev44([time(0)], [0], [], []), ev44([time(1)], [-1], [], [])])
    assert pulses_of(stream) == [time(0), time(1)]
    assert (stream.faults.corrupt, events_of(stream)) == (0, 0)


def test_a_message_of_several_pulses_is_as_many_chunks() -> None:
    stream = plain()
    feed(stream, [ev44([time(0), time(1), time(2)], [0, -1, 2], [1, 2, 3], [4, 5, 6])])
    assert [each.tof_ns.tolist() for each in stream.pending] == [[1, 2], [], [3]]
    assert pulses_of(stream) == [time(0), time(1), time(2)]


def test_a_message_of_one_pulse_need_not_tell_where_its_events_begin() -> None:
    stream = plain()
    feed(stream, [ev44([time(0)], [], [1, 2], [3, 4]), ev44([time(1), time(2)], [], [1], [2])])
    assert pulses_of(stream) == [time(0)]
    assert (stream.faults.corrupt, events_of(stream)) == (1, 2)


def test_events_without_pixel_ids_are_of_the_monitor_that_their_source_is_mapped_to() -> None:
    """Trial 4."""
    messages = [
        ev44([time(0)], [0], [1, 2, 3], [], "monitor_1"),
        ev44([time(0)], [0], [1, 2], [7, 8], "bank"),
        ev44([time(0)], [0], [4], [], "monitor_2"),
    ]
    stream = plain(monitors={"monitor_1": 70_001})
    feed(stream, messages)
    found = {each.source: each.pixel_id.tolist() for each in stream.pending}
    assert found == {"monitor_1": [70_001] * 3, "bank": [7, 8], "monitor_2": []}
    assert stream.faults.ignored == 1
    assert stream.faults.corrupt == 0


def test_messages_of_other_schemas_between_are_foreign_and_not_corrupt() -> None:
    stream = plain()
    foreign = [
        serialise_al00("log", NOW, Severity.OK, "fine"),
        serialise_pl72("job", "file", NOW, run_name="run"),
        serialise_6s4t("job", run_name="run"),
        serialise_x5f2("name", "1", "service", "host", 1, 1000, "{}"),
        b"\x10\0\0\0ep01....",
    ]
    feed(stream, [chunk(0, 0), *foreign, chunk(1, 1)])
    assert stream.faults == Faults(unknown=3)
    assert [each.starts for each in stream.runs.waiting] == [True, False]
    assert stream.notices.message == ""


@pytest.mark.parametrize("unit_ns", [10**3, 10**6, 10**9])
def test_pulses_whose_times_are_in_another_unit_are_told(unit_ns: int) -> None:
    stream = plain()
    feed(stream, [ev44([time(pulse) // unit_ns], [0], [1], [2]) for pulse in range(3)])
    assert stream.notices.message == "pulses are from before 1990: are their times in ns?"


@pytest.mark.parametrize("schema", ["ev42", "ev43", "f142"])
def test_an_old_schema_is_named_in_words(schema: str) -> None:
    stream = plain()
    feed(stream, [b"\x10\0\0\0" + schema.encode() + b"...."])
    assert schema in stream.notices.message


@pytest.mark.parametrize(
    "message", [b"\x10\0\0\0zz99....", b"\x10\0\0\0ev44....", b"", b"text alone"]
)
def test_a_stream_of_which_nothing_can_be_made_is_told_within_seconds(message: bytes) -> None:
    """Trial 2."""
    clock = Clock()
    stream = plain(clock)
    for _ in range(30):
        clock.now_ns += SECOND // 10
        feed(stream, [message])
    assert "messages that are not read" in stream.notices.message
    assert stream.pending == []


@pytest.mark.parametrize("pulses", [1001, 1_000_000])
def test_a_message_that_announces_very_many_pulses_is_refused_at_once(pulses: int) -> None:
    times_ns = NOW + np.arange(pulses, dtype=np.int64)
    message = serialise_ev44("bank", 0, times_ns, np.zeros(pulses, np.int32), NONE, NONE)
    stream = plain()
    with costs_at_most(0.2):
        feed(stream, [message])
    assert stream.faults == Faults(corrupt=1)


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(-(2**62), 2**62)), max_size=30))
def test_no_message_costs_more_than_a_moment_whatever_its_id_and_time(
    messages: list[tuple[int, int]],
) -> None:
    stream = plain()
    feed(stream, [chunk(0, 0)])
    for number, time_ns in messages:
        with costs_at_most(0.2):
            feed(stream, [encode_chunk(Chunk("bank", number, time_ns, NONE, NONE))])
