"""What is recorded is what the stream has, message by message."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import entry_of
from reduction.event_log.protocol import LogReader
from reduction.event_log.writer import LogWriter
from reduction.host.stop import Stop
from reduction.recordings.record import LATE_S, WRONG_S, Recorder, RecordLimits, record
from reduction.recordings.recorded_streams import folder_readers
from tests.support.stream.event_logs import LIMIT, pulse_entries
from tests.support.stream.recordings import messages_of, recorded

LEAST_LIMIT = 2 * 2**20


class Seconds:
    """A clock of seconds that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def readers_of(path: Path) -> list[LogReader]:
    readers = folder_readers(path)
    for reader in readers:
        reader.seek_offset(0)
    return readers


def recorded_again(source: Path, target: Path, limits: RecordLimits) -> Recorder:
    """Record a log until nothing is left or a limit is reached."""
    readers = readers_of(source)
    with closing(LogWriter(target, len(readers), LIMIT, keep=True)) as writer:
        recorder = Recorder(readers, writer, limits)
        while not recorder.ended and recorder.tick():
            pass
    return recorder


def test_all_messages_are_written_as_they_are(tmp_path: Path) -> None:
    source = recorded(tmp_path / "source", pulses=30, partitions=2)
    with closing(LogWriter(source, 2, LIMIT)) as writer:
        writer.append(1, entry_of(b"no message of any schema"))
    recorder = recorded_again(source, tmp_path / "target", RecordLimits())
    assert messages_of(tmp_path / "target") == messages_of(source)
    size = sum(len(data) for each in messages_of(source) for data in each)
    words = f"181 messages with 1200 events of 30 pulses, {size} bytes"
    assert recorder.recorded.words == words


def test_a_second_recording_goes_on_behind_the_first(tmp_path: Path) -> None:
    first = recorded(tmp_path / "first", pulses=3)
    second = recorded(tmp_path / "second", pulses=2, first=3)
    for source in (first, second):
        recorded_again(source, tmp_path / "target", RecordLimits())
    assert messages_of(tmp_path / "target")[0] == messages_of(first)[0] + messages_of(second)[0]
    reader = EmbeddedLogReader(tmp_path / "target", 0)
    assert [each.offset for each in reader.read()] == list(range(15))


def test_a_number_of_pulses_is_recorded_whole_in_each_partition(tmp_path: Path) -> None:
    source = recorded(tmp_path / "source", pulses=50, partitions=3)
    recorder = recorded_again(source, tmp_path / "target", RecordLimits(pulses=20))
    assert recorder.ended
    expected = [each[: 20 * 3] for each in messages_of(source)]
    assert messages_of(tmp_path / "target") == expected


def test_without_marks_a_later_pulse_ends_the_recording(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "source", 1, LIMIT)) as writer:
        for pulse in range(5):
            for entry in pulse_entries(pulse)[:2]:
                writer.append(0, entry)
    recorder = recorded_again(tmp_path / "source", tmp_path / "target", RecordLimits(pulses=3))
    assert recorder.ended
    # The log value of the pulse after the last one came before it was seen that this one is over.
    assert messages_of(tmp_path / "target")[0] == messages_of(tmp_path / "source")[0][:7]


def test_a_partition_that_is_silent_does_not_hold_the_end(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with closing(LogWriter(source, 2, LIMIT)) as writer:
        for pulse in range(3):
            for entry in pulse_entries(pulse):
                writer.append(0, entry)
    clock = Seconds()
    with closing(LogWriter(tmp_path / "target", 2, LIMIT)) as writer:
        recorder = Recorder(readers_of(source), writer, RecordLimits(pulses=2), clock)
        recorder.tick()
        assert not recorder.ended
        clock.now_s += LATE_S + 0.1
        assert recorder.ended


def test_a_recording_ends_after_its_time(tmp_path: Path) -> None:
    clock = Seconds()
    with closing(LogWriter(tmp_path / "target", 1, LIMIT)) as writer:
        reader = EmbeddedLogReader(tmp_path / "absent", 0)
        recorder = Recorder([reader], writer, RecordLimits(seconds=5), clock)
        assert not recorder.ended
        clock.now_s = 5.0
        assert recorder.ended


def test_what_stays_wrong_with_the_stream_is_told_once(tmp_path: Path) -> None:
    clock = Seconds()
    with closing(LogWriter(tmp_path / "target", 1, LIMIT)) as writer:
        reader = EmbeddedLogReader(tmp_path / "absent", 0)
        recorder = Recorder([reader], writer, RecordLimits(), clock)
        recorder.tick()
        assert recorder.told == ""
        clock.now_s += WRONG_S
        recorder.tick()
        assert recorder.told == f"log {tmp_path / 'absent'}: it is not there yet"


def test_at_its_limit_a_recording_ends_and_keeps_what_it_has(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with closing(LogWriter(source, 1, LIMIT)) as writer:
        for pulse in range(40):
            for entry in pulse_entries(pulse, events=20_000):
                writer.append(0, entry)
    target, stop = tmp_path / "target", Stop()
    refused = pytest.raises(OSError, match="limit of 2097152 bytes is reached, and it keeps all")
    with closing(LogWriter(target, 1, LEAST_LIMIT, keep=True)) as writer, closing(stop), refused:
        record(readers_of(source), writer, RecordLimits(), stop)
    found = messages_of(target)[0]
    assert 0 < len(found) < 120
    assert found == messages_of(source)[0][: len(found)]


def test_a_stop_ends_a_recording(tmp_path: Path) -> None:
    source = recorded(tmp_path / "source", pulses=3)
    with closing(LogWriter(tmp_path / "target", 1, LIMIT)) as writer, closing(Stop()) as stop:
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        assert record(readers_of(source), writer, RecordLimits(), stop).pulses == 3
        timer.join()
