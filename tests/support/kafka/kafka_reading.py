"""A stream of pulses as messages of a topic, and what a reader of the topic gives of it."""

from __future__ import annotations

import time

from reduction.event_log.entries import LogEntry
from reduction.event_log.protocol import LogReader
from tests.support.kafka.kafka_broker import wait_until
from tests.support.stream.event_logs import data_of, pulse_entries

NOW_NS = time.time_ns()
START_NS = NOW_NS - 3600 * 10**9
HOUR_NS = 3600 * 10**9


def stream(pulses: range) -> list[LogEntry]:
    return [each for number in pulses for each in pulse_entries(number, start_ns=START_NS)]


STREAM = stream(range(400))


def read(reader: LogReader, count: int, most: int = 7) -> list[tuple[int, bytes]]:
    """The next messages, as many as ``count``, and no more."""
    found: list[tuple[int, bytes]] = []

    def come() -> bool:
        while some := reader.read(most):
            assert len(some) <= most
            found.extend((each.offset, bytes(each.data)) for each in some)
        return len(found) >= count

    wait_until(come)
    assert reader.read() == []
    assert len(found) == count
    return found


def numbered(entries: list[LogEntry], first: int = 0) -> list[tuple[int, bytes]]:
    return [(first + offset, data_of(entry)) for offset, entry in enumerate(entries)]


def said(reader: LogReader, words: str) -> bool:
    reader.read(0)
    return words in reader.message
