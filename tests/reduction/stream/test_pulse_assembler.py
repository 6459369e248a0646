from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144

from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.stream.faults import Faults
from reduction.stream.marked import marked_partition
from reduction.stream.pending_chunks import AHEAD_NS
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import NO_PULSE

BEHIND_NS = 600 * 10**9

NOW = 1_767_225_600_000_000_000
PERIOD = 71_428_571
ONE = np.ones(1, np.int32)


def chunk(message_id: int, pulse: int, partition: int = 0) -> bytes:
    return encode_chunk(Chunk(f"s/{partition}", message_id, time(pulse), ONE, ONE))


def mark(pulse: int, chunks_sent: int) -> bytes:
    return encode_pulse_mark(pulse, time(pulse), chunks_sent)


def time(pulse: int) -> int:
    return NOW + pulse * PERIOD


def intake(*messages: bytes, partitions: tuple[Any, ...] = (0,)) -> PulseAssembler:
    made = PulseAssembler(list(partitions), clock_ns=lambda: NOW + 1000 * PERIOD)
    feed(made, *messages)
    return made


def feed(to: PulseAssembler, *messages: bytes, partition: int = 0) -> None:
    for message in messages:
        to.take(partition, message)


def whole(first: int, last: int, chunks: int = 2) -> Iterator[bytes]:
    """The messages of pulses from ``first`` to ``last``, ids from 0."""
    for nth, pulse in enumerate(range(first, last + 1)):
        for each in range(chunks):
            yield chunk(nth * chunks + each, pulse)
        yield mark(pulse, (nth + 1) * chunks)


def test_a_stream_heard_from_its_start_is_whole_from_its_first_pulse() -> None:
    heard = intake(*whole(3, 5))
    assert heard.complete_from_ns == time(3)
    assert heard.reached == (time(5), 5)
    assert heard.faults == Faults()
    assert heard.incomplete == []
    assert len(heard.cut(time(4))) == 4
    assert len(heard.pending) == 2


def test_a_stream_joined_in_a_pulse_is_whole_from_the_next() -> None:
    heard = intake(*list(whole(3, 5))[1:])
    assert time(3) < heard.complete_from_ns <= time(4)
    pulses = heard.uncut_until(time(5))
    assert [each.number for each in pulses if each.time_ns >= heard.complete_from_ns] == [4, 5]
    assert heard.faults == Faults()


def test_nothing_is_reached_before_every_partition_has_completed_a_pulse() -> None:
    heard = intake(*whole(0, 2), partitions=(0, 1))
    assert heard.reached == (NO_PULSE, NO_PULSE)
    feed(heard, mark(0, 0), mark(1, 0), partition=1)
    assert heard.reached == (time(1), 1)


def test_a_lost_chunk_makes_its_pulse_incomplete_and_no_other() -> None:
    messages = list(whole(0, 3))
    last_chunk_of_pulse_1 = messages.pop(4)
    heard = intake(*messages)
    assert heard.faults == Faults(missing=1)
    assert heard.incomplete == [(1, 1)]
    feed(heard, last_chunk_of_pulse_1)
    assert heard.faults == Faults(out_of_order=1)
    assert heard.incomplete == []
    assert len(heard.pending) == 8


def test_a_chunk_that_comes_twice_counts_once() -> None:
    heard = intake(*whole(0, 3), chunk(2, 1), chunk(7, 3))
    assert heard.faults == Faults(repeated=2)
    assert len(heard.pending) == 8


def test_chunks_in_any_order_within_a_pulse_are_all_taken() -> None:
    heard = intake(chunk(0, 0), chunk(3, 0), chunk(1, 0), chunk(2, 0), mark(0, 4))
    assert heard.faults == Faults(out_of_order=2)
    assert heard.incomplete == []
    assert len(heard.pending) == 4


def test_pulses_that_never_came_are_incomplete() -> None:
    heard = intake(*whole(0, 1), mark(5, 4))
    assert heard.incomplete == [(2, 4)]


def test_a_source_that_starts_anew_goes_on_where_time_goes_on() -> None:
    heard = intake(*whole(0, 3), *whole(20, 21))
    assert heard.faults == Faults()
    assert heard.reached == (time(21), 21)
    assert heard.incomplete == [(4, 19)]
    assert len(heard.pending) == 12


def test_what_is_missing_can_be_forgotten() -> None:
    heard = intake(*whole(0, 1), mark(5, 4), mark(9, 4))
    heard.forget(7)
    assert heard.incomplete == [(7, 8)]


@pytest.mark.parametrize("time_ns", [0, -5, NOW - BEHIND_NS, NOW + 1000 * PERIOD + AHEAD_NS + 1])
def test_a_message_with_an_absurd_time_is_counted_and_left(time_ns: int) -> None:
    heard = intake(*whole(0, 1))
    feed(heard, encode_chunk(Chunk("s", 4, time_ns, ONE, ONE)), encode_pulse_mark(9, time_ns, 5))
    assert heard.faults == Faults(bad_time=2)
    assert heard.reached == (time(1), 1)
    assert len(heard.pending) == 4


def test_bad_messages_are_counted_each_under_its_name() -> None:
    corrupt_mark = encode_log("pulse", time(2), 3.0)
    absurd_mark = encode_pulse_mark(-5, time(2), 5)
    too_large = serialise_f144("pulse", np.array([2**63, 5], np.uint64), time(2))
    cut = chunk(4, 2)[:40]
    bad = (b"\0\0\0\0xx99....", cut, corrupt_mark, absurd_mark, too_large)
    heard = intake(*whole(0, 1), *bad)
    assert heard.faults == Faults(unknown=1, corrupt=4)


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.int32, np.uint32])
@pytest.mark.parametrize("first", [5, 2**31 - 2, 2**32, 2**53 + 1, 2**63 - 3])
def test_pulse_numbers_of_64_bits_signed_or_not_are_read(kind: Any, first: int) -> None:
    numbers = [number for number in range(first, first + 3) if number <= np.iinfo(kind).max]
    marks = [
        serialise_f144("pulse", np.array([number, 0], kind), time(nth))
        for nth, number in enumerate(numbers)
    ]
    heard = intake(*marks)
    assert heard.reached.number == (numbers[-1] if numbers else NO_PULSE)
    assert heard.faults == Faults()


def test_a_jump_of_pulse_numbers_as_far_as_it_goes_is_a_gap() -> None:
    far = [encode_pulse_mark(2**63 - 3 + n, time(2 + n), 4) for n in range(3)]
    heard = intake(*whole(0, 1), *far[:2])
    assert heard.incomplete == [], "one such number, or two, may be wrong"
    feed(heard, far[2])
    assert heard.incomplete == [(2, 2**63 - 4)]


def test_an_absurd_message_id_does_not_stop_the_stream() -> None:
    heard = intake(*whole(0, 1), chunk(2**60, 2), mark(2, 5), *list(whole(3, 6)))
    assert heard.reached == (time(6), 6)
    assert len(heard.pending) == 4 + 1 + 8


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_every_chunk_is_taken_once_whatever_the_order_and_however_often_it_comes(
    order: list[int], again: set[int]
) -> None:
    heard = intake(chunk(0, 0), mark(0, 1))
    ids = [each + 1 for each in order]
    feed(heard, *(chunk(each, 1) for each in ids), *(chunk(each + 1, 1) for each in again))
    feed(heard, mark(1, 13))
    assert len(heard.pending) == 13
    assert heard.faults.repeated == len(again)
    assert heard.faults.missing == 0
    assert heard.incomplete == []


@pytest.mark.parametrize("age_s", [1, 599, 601, 3600, 86_400, 30 * 86_400])
@pytest.mark.parametrize("first", [True, False])
def test_a_log_value_holds_however_old_it_is(age_s: int, first: bool) -> None:
    log, pulses = encode_log("position", NOW - age_s * 10**9, 3.0), list(whole(0, 1))
    heard = intake(*([log, *pulses] if first else [*pulses, log]))
    assert heard.logs.at("position", np.array([time(0), time(1)])).tolist() == [3.0, 3.0]
    assert heard.faults == Faults()


@pytest.mark.parametrize(
    "time_ns",
    [0, 1, -5, 631_152_000 * 10**9, NOW + 1000 * PERIOD + 3600 * 10**9, 2**63 - 1],
)
def test_a_log_value_whose_time_cannot_be_holds_from_its_arrival(time_ns: int) -> None:
    def values() -> list[float]:
        return list(heard.logs.at("T", np.array([time(pulse) for pulse in (0, 1, 2, 3)])))

    heard = intake(encode_log("T", time_ns, 1.0), *whole(0, 1))
    assert values() == [1, 1, 1, 1]
    feed(heard, encode_log("T", time_ns, 2.0))
    assert values() == [1, 1, 2, 2]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.array([1.0, 2.0]), np.empty(0)])
def test_what_is_no_number_is_no_value_of_a_log_and_is_counted(value: Any) -> None:
    heard = intake(encode_log("T", time(0), 1.0), *whole(0, 1))
    feed(heard, serialise_f144("T", value, time(1)), serialise_f144("U", value, time(1)))
    assert heard.faults == Faults(bad_log=2)
    assert heard.logs.names == ("T",)
    assert heard.logs.at("T", np.array([time(1)])).tolist() == [1.0]


def test_a_chunk_without_pixel_ids_leaves_its_pulse_complete() -> None:
    times_ns, start, none = np.array([time(0)]), np.zeros(1, np.int32), np.empty(0, np.int32)
    monitor = serialise_ev44("monitor", 1, times_ns, start, np.arange(3, dtype=np.int32), none)
    heard = intake(chunk(0, 0), monitor, mark(0, 2), chunk(2, 1), mark(1, 3))
    assert heard.faults == Faults(ignored=1)
    assert heard.incomplete == []
    assert sum(each.tof_ns.size for each in heard.cut(time(1))) == 2


def test_an_empty_pulse_by_its_index_is_a_complete_pulse() -> None:
    times_ns, none = np.array([time(1)]), np.empty(0, np.int32)
    empty = serialise_ev44("bank", 1, times_ns, np.array([-1], np.int32), none, none)
    heard = intake(chunk(0, 0), mark(0, 1), empty, mark(1, 2))
    assert heard.faults == Faults()
    assert (heard.reached, heard.incomplete) == ((time(1), 1), [])


def test_a_stream_without_marks_takes_bounded_memory_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marked_partition, "MOST_UNMARKED_BYTES", 20_000)
    clock_ns = NOW
    heard = PulseAssembler([0], clock_ns=lambda: clock_ns)
    for nth in range(10):
        heard.take(0, chunk(nth, nth))
    heard.wait()
    assert heard.notices.message == ""
    clock_ns += 6 * 10**9
    heard.wait()
    assert "events come, but no marks" in heard.notices.message
    for nth in range(10, 100):
        heard.take(0, chunk(nth, nth))
    assert len(heard.pending) < 20
    assert heard.faults.bad_time == 100 - len(heard.pending)
    assert "chunks are dropped" in heard.notices.message
