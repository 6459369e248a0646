"""A partition that sends no marks holds the pulses of all others, which is told in words."""

from __future__ import annotations

import pytest

from reduction.messages.contents import encode_pulse_mark
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from tests.support.stream.plain_stream import NOW, SECOND, Clock, time


def held_for(seconds: int, *, ended: bool = True, dialect: Dialect = Dialect.AUTO) -> str:
    """What is told when one of two partitions sends marks for so long, and the other nothing."""
    clock = Clock()
    stream = PulseAssembler([0, 1], clock, StreamFormat(dialect))
    for second in range(seconds):
        clock.now_ns = NOW + second * SECOND
        for pulse in range(14):
            number = second * 14 + pulse
            stream.take(0, encode_pulse_mark(number, time(number), 0))
        stream.note_end(0, ended=True)
        stream.note_end(1, ended=ended)
        stream.tell_holding(stream.newest_ns)
    return stream.notices.message


def test_a_partition_without_marks_is_told_within_seconds() -> None:
    assert "partition 1 of the stream sends no marks" in held_for(6)
    assert "partition 0" not in held_for(6)


def test_it_is_not_told_at_once() -> None:
    assert held_for(2) == ""


def test_a_partition_that_is_not_read_to_its_end_is_not_said_to_be_silent() -> None:
    assert held_for(6, ended=False) == ""


def test_nothing_is_told_once_its_marks_come() -> None:
    clock = Clock()
    stream = PulseAssembler([0, 1], clock)
    for step in range(4):
        clock.now_ns = NOW + 3 * step * SECOND
        stream.take(0, encode_pulse_mark(42 * step, time(42 * step), 0))
        stream.note_end(1, ended=True)
        stream.tell_holding(stream.newest_ns)
    assert "partition 1" in stream.notices.message
    for step in range(4):
        stream.take(1, encode_pulse_mark(42 * step, time(42 * step), 0))
    stream.tell_holding(stream.newest_ns)
    assert "partition 1" not in stream.notices.message


@pytest.mark.parametrize("dialect", [Dialect.PLAIN])
def test_in_a_stream_without_marks_a_silent_partition_is_as_it_should_be(dialect: Dialect) -> None:
    assert "sends no marks" not in held_for(6, dialect=dialect)
