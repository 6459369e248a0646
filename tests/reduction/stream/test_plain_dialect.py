"""Streams without marks: which events count, when, and what is told of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144

from reduction.messages.contents import PULSE_MARK, Chunk, encode_chunk, encode_pulse_mark
from reduction.stream.dialect import UNMARKED_PULSES, Dialect, StreamFormat
from reduction.stream.faults import Faults
from reduction.stream.plain import plain_partition
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import NEVER_NS, NO_PULSE
from tests.support.cost import costs_at_most
from tests.support.stream.plain_stream import (
    NONE,
    PERIOD,
    SECOND,
    Clock,
    chunk,
    events_of,
    feed,
    plain,
    pulses_of,
    time,
)


def recorded(number: int) -> Iterator[bytes]:
    """A recording of 300 pulses of 20 events each; ids go on from ``number``."""
    events = np.arange(20, dtype=np.int32)
    for pulse in range(300):
        yield encode_chunk(Chunk("bank", number + pulse, time(pulse), events, events))


def test_a_pulse_is_complete_once_a_later_one_is_seen() -> None:
    stream = plain()
    assert stream.reached.time_ns == NO_PULSE
    feed(stream, [chunk(0, 0), chunk(0, 1)])
    assert stream.reached.time_ns < time(0)
    feed(stream, [chunk(1, 2)])
    assert time(0) <= stream.reached.time_ns < time(1)
    assert sum(each.tof_ns.size for each in stream.cut(stream.reached.time_ns)) == 2


def test_a_pulse_is_complete_after_the_grace_time_by_the_clock_alone() -> None:
    clock = Clock()
    stream = plain(clock)
    feed(stream, [chunk(0, 0)])
    stream.wait()
    assert stream.ages.aged_ns == NO_PULSE
    clock.now_ns += stream.ages.grace_ns
    stream.wait()
    assert stream.ages.aged_ns == time(0)
    stream.note_end(0, ended=False)
    assert stream.unread_ns < time(0), "what waits to be read may be of that pulse"
    stream.note_end(0, ended=True)
    assert stream.unread_ns == NEVER_NS


def test_a_chunk_after_its_pulse_was_cut_counts_and_is_late() -> None:
    stream = plain()
    feed(stream, [chunk(0, 0), chunk(1, 1), chunk(2, 2)])
    stream.cut(time(1))
    feed(stream, [chunk(1, 3), chunk(0.5, 4)])
    assert stream.faults.late == 2
    assert pulses_of(stream) == [time(0.5), time(1), time(2)]
    assert len(stream.cut(time(1))) == 2


@given(
    st.permutations(range(30)),
    st.lists(st.integers(0, 29), max_size=5),
    st.sampled_from([0, 5, 30]),
)
def test_every_chunk_counts_once_in_any_order_and_whenever_pulses_are_cut(
    order: list[int], again: list[int], cut_after: int
) -> None:
    stream = plain()
    feed(stream, [chunk(0, 0), chunk(0, 1), chunk(0, 2), chunk(0, 3)])
    numbers = [4 + each for each in order] + [4 + each for each in again]
    taken = 0
    for nth, number in enumerate(numbers):
        feed(stream, [chunk(number // 4, number)])
        if nth == cut_after:
            taken = len(stream.cut(stream.reached.time_ns))
    assert taken + len(stream.pending) == 34 + len(again) - stream.faults.repeated
    assert stream.faults.bad_time == 0


@pytest.mark.parametrize(
    "ids", [lambda pulse: time(pulse), lambda pulse: 0, lambda pulse: 71 * pulse]
)
def test_ids_that_do_not_count_up_are_no_lost_messages_and_cost_nothing(ids: Any) -> None:
    """Trial 12: the ids are times."""
    stream = plain()
    with costs_at_most(2):
        for pulse in range(200):
            feed(stream, [chunk(pulse, ids(pulse))])
    assert stream.faults == Faults(unnumbered=200)
    assert "ids of bank do not count up" in stream.notices.message
    assert events_of(stream) == 200


def test_lost_messages_are_counted_for_each_source_by_its_own_ids() -> None:
    stream = plain()
    for pulse in range(40):
        for source, first in (("left", 0), ("right", 5000), ("timed", time(pulse))):
            number = first if source == "timed" else first + pulse
            if (source, pulse) not in {("left", 7), ("left", 8), ("right", 20)}:
                feed(stream, [chunk(pulse, number, source=source)])
    assert (stream.faults.missing, stream.faults.unnumbered) == (3, 40)
    feed(stream, [chunk(7, 7, source="left")])
    assert (stream.faults.missing, stream.faults.out_of_order) == (2, 1)


def test_a_source_that_is_restarted_counts_from_0_and_loses_nothing() -> None:
    stream = plain()
    feed(stream, (chunk(pulse, pulse) for pulse in range(20)))
    feed(stream, (chunk(20 + pulse, pulse) for pulse in range(20)))
    assert stream.faults == Faults()
    assert events_of(stream) == 40


def test_a_message_that_comes_twice_counts_once() -> None:
    stream = plain()
    feed(stream, (chunk(pulse, pulse) for pulse in (0, 1, 2, 2, 3, 1)))
    assert stream.faults.repeated == 2
    assert events_of(stream) == 4


def test_a_recording_played_again_does_not_count_and_is_told_until_a_reset() -> None:
    """Trial 11."""
    stream = plain()
    feed(stream, [*recorded(0), *recorded(300)])
    assert events_of(stream) == 300 * 20
    assert "pulses come again" in stream.notices.message
    stream.cut(time(299))
    stream.restart(time(299) + 1)
    feed(stream, recorded(600))
    assert pulses_of(stream) == [time(pulse) for pulse in range(300)]
    assert stream.complete_from_ns <= time(0)
    assert events_of(stream) == 300 * 20


def test_after_a_reset_late_chunks_of_pulses_before_it_do_not_begin_the_accumulation() -> None:
    stream = plain()
    feed(stream, (chunk(pulse, pulse) for pulse in range(10)))
    stream.cut(time(8))
    stream.restart(time(8) + 1)
    feed(stream, [chunk(8, 10), chunk(10, 11), chunk(7, 12), chunk(11, 13)])
    assert stream.complete_from_ns == time(8) + 1
    assert [each for each in pulses_of(stream) if each > time(8)] == [time(9), time(10), time(11)]


def test_many_late_chunks_right_after_a_reset_are_no_recording_played_again() -> None:
    stream = plain()
    feed(stream, (chunk(pulse, pulse) for pulse in range(100)))
    stream.cut(time(99))
    stream.restart(time(99) + 1)
    feed(stream, [chunk(pulse, pulse, "late") for pulse in range(80, 98)])
    stream.wait()
    assert pulses_of(stream) == []
    feed(stream, [chunk(100, 100), chunk(101, 101)])
    assert stream.complete_from_ns == time(99) + 1
    assert [each for each in pulses_of(stream) if each > time(99)] == [time(100), time(101)]


def test_a_short_recording_is_played_again_after_a_reset_if_nothing_newer_comes() -> None:
    clock = Clock()
    stream = plain(clock)
    feed(stream, (chunk(pulse, pulse) for pulse in range(50)))
    stream.cut(time(49))
    stream.restart(time(49) + 1)
    feed(stream, (chunk(pulse, pulse) for pulse in range(20)))
    stream.wait()
    assert pulses_of(stream) == []
    clock.now_ns += 2 * SECOND
    feed(stream, (chunk(pulse, pulse) for pulse in range(20, 30)))
    stream.wait()
    assert pulses_of(stream) == [time(pulse) for pulse in range(30)]
    assert stream.complete_from_ns <= time(0)


@pytest.mark.parametrize("ahead_s", [2, 50, 3600, 10**9])
def test_one_time_far_ahead_is_one_lost_message_and_is_told(ahead_s: int) -> None:
    """Trial 10."""
    stream = plain()
    feed(stream, (chunk(pulse, pulse) for pulse in range(10)))
    ahead = encode_chunk(Chunk("bank", 10, time(9) + ahead_s * SECOND, NONE, NONE))
    feed(stream, [ahead, *(chunk(pulse, pulse + 1) for pulse in range(10, 20))])
    assert pulses_of(stream) == [time(pulse) for pulse in range(20)]
    assert stream.faults == Faults(bad_time=1)
    assert f"{ahead_s - 3 * PERIOD / SECOND:.1f} s ahead" in stream.notices.message


@pytest.mark.parametrize("pause_s", [0.5, 5, 3600])
def test_after_a_pause_of_the_source_all_pulses_count(pause_s: float) -> None:
    stream, pause = plain(), pause_s * SECOND / PERIOD
    feed(stream, (chunk(pulse, pulse) for pulse in range(10)))
    feed(stream, (chunk(pulse + pause, pulse) for pulse in range(10, 20)))
    assert len(pulses_of(stream)) == 20
    assert stream.faults == Faults()


def test_a_lone_pulse_after_a_pause_counts_when_nothing_else_comes() -> None:
    clock = Clock()
    stream = plain(clock)
    feed(stream, [*(chunk(pulse, pulse) for pulse in range(10)), chunk(500, 10)])
    assert len(pulses_of(stream)) == 10
    clock.now_ns += 2 * SECOND
    stream.wait()
    assert len(pulses_of(stream)) == 11


def test_a_source_of_rare_pulses_is_read() -> None:
    stream = plain()
    feed(stream, (chunk(pulse * 100, pulse) for pulse in range(10)))
    assert len(pulses_of(stream)) == 10


def test_a_source_whose_clock_is_an_hour_ahead_does_not_move_the_others() -> None:
    stream = plain()
    for pulse in range(100):
        feed(stream, [chunk(pulse, pulse), chunk(pulse + 50_400, pulse, source="ahead")])
    assert stream.newest_ns == time(99)
    assert events_of(stream) == 100
    assert stream.faults.bad_time >= 90
    assert "3600.0 s ahead of" in stream.notices.message or "ahead of" in stream.notices.message


def test_memory_of_chunks_that_wait_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_partition, "MOST_PENDING_BYTES", 20_000)
    monkeypatch.setattr(plain_partition, "MOST_HELD_BYTES", 5_000)
    stream = plain()
    assert not stream.full(0)
    feed(stream, (chunk(pulse, pulse) for pulse in range(100)))
    assert stream.full(0), "no more is read before some is cut"
    assert len(stream.pending) < 20
    assert "some are dropped" in stream.notices.message
    feed(stream, (chunk(10**6 - pulse, 100 + pulse) for pulse in range(0, 90_000, 1000)))
    stream.cut(time(10**7))
    assert not stream.full(0)


def test_the_dialect_is_plain_if_several_pulses_come_without_a_mark() -> None:
    stream = PulseAssembler([0], Clock())
    feed(stream, (chunk(pulse, pulse) for pulse in range(UNMARKED_PULSES - 1)))
    assert stream.shown_dialect == "auto"
    feed(stream, [chunk(UNMARKED_PULSES, UNMARKED_PULSES - 1)])
    assert stream.shown_dialect == "plain"
    stream.decide_dialect(stream.shown_dialect)
    assert len(pulses_of(stream)) == UNMARKED_PULSES
    assert stream.complete_from_ns <= time(0)
    assert stream.faults == Faults()


def test_one_mark_shows_that_the_dialect_is_marked() -> None:
    stream = PulseAssembler([0], Clock())
    feed(stream, [chunk(0, 0), encode_pulse_mark(0, time(0), 1)])
    feed(stream, (chunk(pulse, pulse) for pulse in range(1, 2 * UNMARKED_PULSES)))
    assert stream.shown_dialect is Dialect.MARKED


def test_the_pulses_of_one_message_show_the_dialect() -> None:
    times_ns = np.array([time(pulse) for pulse in range(UNMARKED_PULSES)])
    starts = np.zeros(UNMARKED_PULSES, np.int32)
    stream = PulseAssembler([0], Clock())
    feed(stream, [serialise_ev44("bank", 0, times_ns, starts, NONE, NONE)])
    assert stream.shown_dialect is Dialect.PLAIN


@pytest.mark.parametrize("dialect", [Dialect.AUTO, Dialect.PLAIN])
def test_a_log_of_a_facility_may_have_the_name_of_marks(dialect: Dialect) -> None:
    stream = PulseAssembler([0], Clock(), StreamFormat(dialect))
    for pulse in range(2 * UNMARKED_PULSES):
        feed(stream, [serialise_f144(PULSE_MARK, float(pulse), time(pulse)), chunk(pulse, pulse)])
    assert stream.shown_dialect is not Dialect.MARKED
    assert stream.faults == Faults()
    assert stream.logs.at(PULSE_MARK, np.array([time(3)])).tolist() == [3.0]
