"""An event log that takes no messages: what is dropped is counted and told."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from reduction.event_log.entries import EntryKind, LogEntry
from reduction.event_log.writer import LogWriter
from simulator.output.event_output import REFUSAL_TOLD_S
from tests.support.stream.stream_bench import Bench, chunks_of, marks_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(Bench(tmp_path / "log")) as made:
        yield made


def test_a_chunk_that_cannot_be_written_is_counted_and_leaves_a_gap(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = bench.stream()
    bench.pulses(stream, 1)
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(LogWriter, "append", Mock(side_effect=full))
        bench.pulses(stream, 1)
    assert stream.status.chunks_dropped == 7
    assert stream.status.events_dropped == 1000
    words = f"event log {bench.folder}: No space left on device"
    assert stream.status.log_message == words
    bench.pulses(stream, 1)
    assert stream.status.log_message == words
    assert stream.status.events_sent == 2000
    [reader] = bench.readers(1)
    messages = reader.messages()
    assert [mark[2] for mark in marks_of(messages)] == [[0, 7], [2, 21]]
    assert [each.message_id for each in chunks_of(messages)] == [*range(7), *range(14, 21)]
    bench.clock.now_ns += int(REFUSAL_TOLD_S * 1e9)
    assert stream.status.log_message == ""


def test_a_log_that_takes_only_small_messages_says_so_all_the_time_and_is_logged_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stream, append = bench.stream(partitions=2), LogWriter.append

    def full(writer: LogWriter, partition: int, entry: LogEntry) -> None:
        if entry.kind is EntryKind.CHUNK:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(writer, partition, entry)

    monkeypatch.setattr(LogWriter, "append", full)
    for _ in range(30):
        bench.pulses(stream, 1)
        assert "No space left" in stream.status.log_message
    assert stream.status.events_dropped == 30_000
    assert caplog.text.count("No space left") == 1
