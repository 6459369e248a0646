"""The messages of a pulse hold all its events once, in either dialect and with any habits."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from reduction.event_log.entries import EntryKind, OutputMessage
from reduction.messages.contents import Chunk, LogValue, decode
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseEvents
from simulator.output.habits import (
    LATE_PULSES,
    QUIET_EVERY,
    RESEND_PULSES,
    RESTART_PULSES,
    SOURCES,
    Habit,
    habits_of,
    is_quiet,
)
from simulator.output.pulse_messages import MONITOR_SOURCE, SOURCE, Pulse, PulseMessages

PERIOD_NS = 71_428_571
ALL = frozenset(Habit)


def events(count: int, first: int = 0) -> PulseEvents:
    numbers = np.arange(first, first + count, dtype=np.int32)
    return PulseEvents(numbers, numbers * 2)


def pulse(number: int, temperature: float = 0.0) -> Pulse:
    logs = {"temperature": temperature, "charge": float(number)}
    return Pulse(number, number * PERIOD_NS, events(100, number), events(10, 10_000), logs)


def content(message: OutputMessage) -> list[Chunk] | LogValue:
    return decode(b"".join(message.entry.pieces))


def chunks(messages: list[OutputMessage]) -> list[Chunk]:
    found = [content(each) for each in messages if each.events]
    return [chunk for each in found if isinstance(each, list) for chunk in each]


@pytest.mark.parametrize("habits", [frozenset[Habit](), *({each} for each in Habit), ALL])
@pytest.mark.parametrize("partitions", [1, 3])
def test_every_event_is_sent_once(partitions: int, habits: frozenset[Habit]) -> None:
    made = PulseMessages(partitions, Dialect.PLAIN, frozenset(habits))
    for number in range(2 * RESTART_PULSES):
        of_pulse = list(made.of(pulse(number), 30))
        pixels = np.concatenate([each.pixel_id for each in chunks(of_pulse)])
        assert sorted(pixels) == [*range(number, number + 100), *range(10_000, 10_010)]
        assert sum(each.events for each in of_pulse) == 110
        assert {each.entry.kind for each in of_pulse} <= {EntryKind.CHUNK, EntryKind.LOG}


def test_marks_count_the_chunks_of_their_partition() -> None:
    made = PulseMessages(2, Dialect.MARKED, frozenset())
    sent = [0, 0]
    for number in range(5):
        for each in made.of(pulse(number), 30):
            sent[each.partition] += each.entry.kind is EntryKind.CHUNK
            if each.entry.kind is EntryKind.MARK:
                mark = content(each)
                assert isinstance(mark, LogValue)
                assert mark.value.tolist() == [number, sent[each.partition]]
            elif each.events:
                assert each.source == SOURCE


def test_each_source_numbers_its_chunks_in_each_partition() -> None:
    made = PulseMessages(2, Dialect.PLAIN, frozenset({Habit.SEVERAL_SOURCES}))
    ids = defaultdict(list)
    for number in range(10):
        for each in made.of(pulse(number), 30):
            if each.events:
                (chunk,) = chunks([each])
                ids[each.partition, chunk.source].append(chunk.message_id)
    assert {source for _, source in ids} == {
        MONITOR_SOURCE,
        *(f"{SOURCE}{n}" for n in range(SOURCES)),
    }
    assert all(each == list(range(len(each))) for each in ids.values())


def test_ids_begin_again() -> None:
    made = PulseMessages(1, Dialect.PLAIN, frozenset({Habit.ID_RESTARTS}))
    first = {}
    for number in range(2 * RESTART_PULSES):
        first[number] = chunks(list(made.of(pulse(number), 200)))[0].message_id
    assert (first[0], first[RESTART_PULSES - 1], first[RESTART_PULSES]) == (0, 39, 0)


def test_late_logs_come_when_they_change_and_with_the_time_of_the_change() -> None:
    made = PulseMessages(1, Dialect.PLAIN, frozenset({Habit.LATE_LOGS}))
    found = []
    for number in range(1, 2 * RESEND_PULSES + 1):
        for each in made.of(pulse(number, 5.0 if number >= 7 else 4.0), 200):
            log = content(each)
            if isinstance(log, LogValue) and log.name == "temperature":
                found.append((number, log.time_ns // PERIOD_NS, log.value[0]))
    assert found == [
        (1 + LATE_PULSES, 1, 4.0),
        (7 + LATE_PULSES, 7, 5.0),
        (RESEND_PULSES, 7, 5.0),
        (2 * RESEND_PULSES, 7, 5.0),
    ]


def test_quiet_pulses() -> None:
    quiet = [number for number in range(3 * QUIET_EVERY) if is_quiet(number, ALL)]
    assert quiet == [0, QUIET_EVERY, 2 * QUIET_EVERY]
    assert not is_quiet(0, frozenset())


def test_habits_are_named_in_a_text() -> None:
    assert habits_of("") == frozenset()
    assert habits_of("late-logs, id-restarts") == {Habit.LATE_LOGS, Habit.ID_RESTARTS}
