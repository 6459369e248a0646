"""Recordings for tests, a fake of where they are played to, and what a rank makes of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from streaming_data_types.alarm_al00 import Severity, serialise_al00
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import serialise_f144

from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.event_log.entries import LogEntry, OutputMessage, entry_of
from reduction.event_log.writer import LogWriter
from reduction.messages.run_messages import RunMessage, encoded_run_message
from reduction.ranks.recording_control import from_start
from reduction.recordings.open_recording import open_recording
from reduction.recordings.protocol import Recording
from tests.support.ranks.one_rank import OneRank
from tests.support.stream.event_logs import LIMIT, START_NS, data_of, pulse_entries


def recorded(
    path: Path, pulses: int, partitions: int = 1, first: int = 0, start_ns: int = START_NS
) -> Path:
    """An event log with pulses from a number on, the same in each partition."""
    with closing(LogWriter(path, partitions, LIMIT)) as writer:
        for number in range(first, first + pulses):
            for partition in range(partitions):
                for entry in pulse_entries(number, start_ns=start_ns):
                    writer.append(partition, entry)
    return path


def messages_of(path: Path) -> list[list[bytes]]:
    """All messages of an event log, by partition."""
    recording = open_recording(path, 1)
    return [all_bytes(recording, each) for each in range(recording.partitions)]


def all_bytes(recording: Recording, partition: int) -> list[bytes]:
    """All messages of a partition of a recording."""
    with closing(recording.reader(partition)) as reader:
        found: list[bytes] = []
        while some := reader.read():
            found += [bytes(each.data) for each in some]
        return found


def odd_messages(time_ns: int) -> list[LogEntry]:
    """Messages of all schemas, of a pulse, several pulses, or none."""
    numbers = np.arange(7, dtype=np.int32)
    return [
        entry_of(each)
        for each in (
            serialise_ev44("two", 5, [time_ns, time_ns + 9], [0, 3], numbers, numbers),
            serialise_ev44("bare", 6, [time_ns + 9], [0], numbers, []),
            serialise_ev44("empty", 7, [time_ns + 9], [0], [], []),
            serialise_ev44("none", 8, [time_ns + 9], [-1], [], []),
            serialise_ev44("wrong", 9, [time_ns + 9], [0], numbers, numbers[:2]),
            serialise_f144("integer", 3, time_ns),
            serialise_f144("array", np.arange(3.0), time_ns - 10**15),
            serialise_f144("float", np.float32(0.7), time_ns),
            serialise_f144("pulse", 3.5, time_ns),
            serialise_al00("alarm", time_ns, Severity.MAJOR, "hot"),
            encoded_run_message(RunMessage(True, "job", "17", "title", time_ns)),
            encoded_run_message(RunMessage(False, "job", "17", "", time_ns)),
            b"no message of any schema",
            b"",
            b"ev44",
        )
    ]


class ListOutput:
    """An output that keeps all messages in a list; with a ``refusal`` it takes none."""

    socket = None
    waits = False

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.put_messages: list[OutputMessage] = []
        self.served = 0

    def put(self, message: OutputMessage) -> None:
        self.put_messages.append(message)

    def serve(self) -> None:
        self.served += 1

    def entries(self, partition: int = 0) -> list[LogEntry]:
        return [each.entry for each in self.put_messages if each.partition == partition]

    def data(self, partition: int = 0) -> list[bytes]:
        return [data_of(each) for each in self.entries(partition)]


class HandClock:
    """A clock that is set by hand, ns since 1970."""

    def __init__(self, now_ns: int = START_NS + 10**15) -> None:
        self.now_ns = now_ns

    def __call__(self) -> int:
        return self.now_ns


def read_by_rank(recording: Recording, order: RanksOrder) -> RanksReport:
    """The report of a rank that has read a recording to its end."""
    readers = {each: recording.reader(each) for each in range(recording.partitions)}
    rank = OneRank(START_NS + 10**12, readers=readers)
    return rank.obeyed(from_start(order, recording))
