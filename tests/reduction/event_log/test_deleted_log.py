"""Event logs whose files are deleted while they are written and read."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.folder import FOLDER_LOOK_INTERVAL_S, MESSAGE_S
from reduction.event_log.network.remote import ASK_AGAIN_S, RemoteLogReader
from reduction.event_log.network.server import LogServer
from reduction.event_log.protocol import LogRefused
from reduction.event_log.storage.segments import partition_folder, segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import (
    LIMIT,
    SMALL_SEGMENT,
    all_of,
    data_of,
    pulse_entries,
    read_served,
    write,
    written,
)


class Clock:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def go_on(self, seconds: float = FOLDER_LOOK_INTERVAL_S) -> None:
        self.now_s += seconds


def pulses(start: int, stop: int) -> list[tuple[int, bytes]]:
    """Offsets and bytes of pulses in a log that begins with ``start``."""
    stream = [entry for number in range(start, stop) for entry in pulse_entries(number, 200)]
    return [(offset, data_of(entry)) for offset, entry in enumerate(stream)]


def append(writer: LogWriter, start: int, stop: int, partition: int = 0) -> None:
    for number in range(start, stop):
        write(writer, pulse_entries(number, 200), partition)


def test_writer_and_readers_go_on_in_a_new_log_and_say_so(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "log"
    writer = LogWriter(path, 1, LIMIT, SMALL_SEGMENT, clock)
    reader = EmbeddedLogReader(path, 0, clock)
    append(writer, 0, 20)
    assert all_of(reader) == pulses(0, 20)
    identity, size = reader.identity, writer.size_bytes
    shutil.rmtree(path)
    clock.go_on()
    assert reader.read() == []
    assert reader.message == f"log {path}: it has been deleted"
    assert writer.message == ""
    append(writer, 20, 90)
    assert writer.message == f"log {path}: it was deleted, and a new one is begun"
    assert writer.size_bytes == sum(each.stat().st_size for each in segment_paths(path, 0)) > size
    clock.go_on()
    assert all_of(reader) == pulses(20, 90)
    assert reader.message == f"log {path}: it was deleted, and a new one is read"
    assert reader.identity not in ("", identity)
    assert (reader.began, reader.dropped.messages) == (0, 0)
    clock.go_on(MESSAGE_S)
    assert (reader.message, writer.message) == ("", "")
    assert all_of(EmbeddedLogReader(path, 0)) == pulses(20, 90)
    writer.close()


def test_what_a_reader_had_not_read_of_a_deleted_log_counts_as_dropped(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "log"
    written(path, [entry for number in range(100) for entry in pulse_entries(number, 200)])
    reader = EmbeddedLogReader(path, 0, clock)
    before = [(each.offset, bytes(each.data)) for each in reader.read(10)]
    assert reader.behind.messages == 290
    shutil.rmtree(path)
    before += all_of(reader)  # the rest of the segment that it has mapped
    assert before == pulses(0, 100)[: len(before)]
    assert 10 <= len(before) < 300
    written(path, [entry for number in range(100, 250) for entry in pulse_entries(number, 200)])
    clock.go_on()
    assert all_of(reader) == pulses(100, 250)
    assert reader.dropped.messages == 300 - len(before)


def test_a_log_that_another_source_has_put_in_place_is_left_to_it(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "log"
    writer = LogWriter(path, 1, LIMIT, SMALL_SEGMENT, clock)
    append(writer, 0, 5)
    shutil.rmtree(path)
    other = LogWriter(path, 1, LIMIT, SMALL_SEGMENT)
    append(other, 5, 10)
    for _ in range(2):
        clock.go_on()
        with pytest.raises(LogRefused, match=f"process {os.getpid()} writes to it; the log of "):
            append(writer, 10, 11)
        with pytest.raises(LogRefused, match="writes to it"):
            append(writer, 10, 11)
    other.close()
    clock.go_on()
    append(writer, 10, 12)
    assert all_of(EmbeddedLogReader(path, 0)) == pulses(5, 12)
    writer.close()


@pytest.mark.parametrize("whole_partition", [False, True])
def test_deleted_segments_of_a_log_that_is_still_there_are_told_and_offsets_go_on(
    tmp_path: Path, whole_partition: bool
) -> None:
    clock = Clock()
    writer = LogWriter(tmp_path, 2, LIMIT, SMALL_SEGMENT, clock)
    reader = EmbeddedLogReader(tmp_path, 1, clock)
    append(writer, 0, 10, 1)
    assert all_of(reader) == pulses(0, 10)
    if whole_partition:
        shutil.rmtree(partition_folder(tmp_path, 1))
    else:
        segment_paths(tmp_path, 1)[-1].unlink()
    clock.go_on()
    append(writer, 10, 20, 1)
    assert writer.message.endswith("the last segment of partition 1 was deleted or cut")
    clock.go_on()
    assert all_of(reader) == pulses(0, 20)[30:]
    assert reader.dropped.messages == 0
    append(writer, 20, 22, 0)
    assert all_of(EmbeddedLogReader(tmp_path, 0)) == pulses(20, 22)
    writer.close()


def test_a_remote_reader_goes_on_in_the_new_log_of_a_new_server(tmp_path: Path) -> None:
    clock, path, endpoint = Clock(), tmp_path / "log", f"ipc://{tmp_path}/served"
    written(path, [entry for number in range(100) for entry in pulse_entries(number, 200)])
    with zmq.Context() as context, closing(RemoteLogReader(context, endpoint, 0, clock)) as reader:
        with closing(LogServer(context, endpoint, path, 1)) as server:
            read_served(server, reader, 60)
        identity, unread = reader.identity, reader.behind.messages
        shutil.rmtree(path)
        written(path, [entry for number in range(100, 250) for entry in pulse_entries(number, 200)])
        while reader.read():
            unread -= 1
        with closing(LogServer(context, endpoint, path, 1)) as server:
            clock.go_on(ASK_AGAIN_S)
            assert read_served(server, reader, 450) == pulses(100, 250)
        assert reader.identity not in ("", identity)
        assert reader.began == 0
        assert reader.dropped.messages >= 0
