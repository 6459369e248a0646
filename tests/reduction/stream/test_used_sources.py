"""Of a topic, the sources that are named are used, under the names and pixel ids given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reduction.messages.contents import (
    PULSE_MARK,
    Chunk,
    LogValue,
    encode_chunk,
    encode_log,
    encode_pulse_mark,
)
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import NEVER_NS
from reduction.stream.used_sources import UsedSources

TIME_NS = 1_700_000_000_000_000_000


def chunk(source: str, time_ns: int = TIME_NS) -> Chunk:
    return Chunk(source, 0, time_ns, np.array([1, 2], np.int32), np.array([5, 6], np.int32))


def value(name: str) -> LogValue:
    return LogValue(name, 1, np.array([2.0]))


def test_all_is_used_unless_something_is_named() -> None:
    everything = UsedSources()
    assert everything.used(value("T")) == value("T")
    chunks = [chunk("a")]
    assert everything.used(chunks) is chunks
    assert everything.has_events
    assert everything.has_logs


def test_only_named_sources_are_used() -> None:
    some = UsedSources(frozenset({"a"}), {"m": 7}, {"SITE:T": "T"})
    assert some.used([chunk("a")]) is not None
    assert some.used([chunk("b")]) is None
    assert some.used(value("SITE:T")) == value("T")
    assert some.used(value("T")) is None


def test_marks_of_pulses_are_always_used() -> None:
    assert UsedSources(logs={}).used(value(PULSE_MARK)) == value(PULSE_MARK)


def test_events_of_a_monitor_get_its_pixel_id() -> None:
    found = UsedSources(frozenset(), {"m": 7}, {}).used([chunk("m"), chunk("m")])
    assert isinstance(found, list)
    assert [each.pixel_id.tolist() for each in found] == [[7, 7], [7, 7]]
    assert found[0].pixel_id.dtype == np.int32


@pytest.mark.parametrize(("sources", "holds"), [(UsedSources(frozenset()), False)])
def test_a_topic_of_logs_has_no_events(sources: UsedSources, holds: bool) -> None:
    assert sources.has_events is holds


def test_an_assembler_uses_what_its_partition_says() -> None:
    clock = [TIME_NS]
    sources = {0: UsedSources(frozenset({"a"}), {}, {"SITE:T": "T"})}
    intake = PulseAssembler([0], lambda: clock[0], StreamFormat(Dialect.PLAIN, {}, sources))
    intake.take(0, encode_log("SITE:T", TIME_NS, 1.5))
    intake.take(0, encode_log("other", TIME_NS, 1.5))
    for number in range(3):
        intake.take(0, encode_chunk(chunk("b", TIME_NS + number)))
    clock[0] += 3 * 10**9
    intake.take(0, encode_chunk(chunk("b", TIME_NS + 5)))
    assert intake.logs.names == ("T",)
    assert intake.pending == []
    assert "no events come" in intake.notices.message
    assert "of other sources" in intake.notices.message
    intake.take(0, encode_chunk(chunk("a")))
    assert len(intake.pending) == 1


@pytest.mark.parametrize("dialect", [Dialect.MARKED, Dialect.PLAIN])
def test_pulses_do_not_wait_for_partitions_without_events(dialect: Dialect) -> None:
    used = StreamFormat(dialect, sources={1: UsedSources(frozenset(), logs=None)})
    stream = PulseAssembler([0, 1], lambda: TIME_NS, used)
    stream.take(1, encode_log("T", TIME_NS, 3.0))
    for n in range(3):
        at_ns = TIME_NS + n * 10**8
        stream.take(0, encode_chunk(replace(chunk("a", at_ns), message_id=n)))
        stream.take(0, encode_pulse_mark(n, at_ns, n + 1))
    last_ns = TIME_NS + 2 * 10**8
    assert stream.reached.time_ns == (last_ns if dialect is Dialect.MARKED else last_ns - 1)
    stream.note_end(0, ended=True)
    assert stream.unread_ns == NEVER_NS
    assert stream.logs.names == ("T",)


def test_a_rank_without_partitions_of_events_holds_no_other_rank() -> None:
    used = StreamFormat(Dialect.PLAIN, sources={4: UsedSources(frozenset(), logs=None)})
    stream = PulseAssembler([4], lambda: TIME_NS, used)
    assert stream.reached.time_ns == stream.unread_ns == NEVER_NS
    assert stream.uncut_until(NEVER_NS) == []
