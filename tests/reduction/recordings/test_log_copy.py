"""A log that is copied as it is becomes the log that its decoded messages would make."""

from __future__ import annotations

import math
import random
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.protocol import LogMessage, LogRefused
from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import HEAD_BYTES, SegmentHead, segment_paths
from reduction.event_log.storage.stored_records import StoredRecords
from reduction.event_log.writer import LogWriter
from reduction.recordings.log_copy import RECORDS_AT_ONCE, LogCopy
from reduction.recordings.log_recording import LogRecording
from reduction.recordings.play_settings import Played, PlaySettings
from reduction.recordings.record import Recorder, RecordLimits
from reduction.recordings.replay import Replay
from simulator.output.event_output import EventLogStart, EventOutput
from tests.support.stream.event_logs import (
    LIMIT,
    PERIOD_NS,
    SMALL_SEGMENT,
    START_NS,
    pulse_entries,
    write,
)
from tests.support.stream.recordings import ListOutput, messages_of, odd_messages

FASTEST = PlaySettings(math.inf)
LEAST_LIMIT = 2 * 2**20


def written_log(
    path: Path, seed: int, pulses: int = 150, *, marks: bool = True, segment: int = SMALL_SEGMENT
) -> Path:
    """A log of two partitions with pulses of random sizes, and odd messages between them."""
    chance = random.Random(seed)
    with closing(LogWriter(path, 2, LIMIT, segment)) as writer:
        for number in range(pulses):
            for partition in range(2):
                entries = pulse_entries(
                    number, chance.randrange(60), chance.choice(["a", "ba", ""])
                )
                if not marks:
                    entries.pop()
                if chance.random() < 0.1:
                    entries += odd_messages(START_NS + number * PERIOD_NS)
                for entry in entries:
                    writer.append(partition, entry)
    return path


def to_its_end(playing: Replay | LogCopy) -> None:
    """Play all that a recording holds now."""
    while playing.tick() is not None:
        pass


def played(source: Path, target: Path, way: type[Replay] | type[LogCopy]) -> Played:
    """Play a log into another one, decoded or copied."""
    with ExitStack() as stack:
        context = zmq.Context()
        stack.callback(context.destroy, linger=0)
        recording = stack.enter_context(closing(LogRecording(source)))
        output = EventOutput(EventLogStart(target, 4 * LEAST_LIMIT, keep=True), 2, context)
        stack.enter_context(closing(output))
        playing = (
            LogCopy(recording, output) if way is LogCopy else Replay(recording, output, FASTEST)
        )
        stack.enter_context(closing(playing))
        to_its_end(playing)
        assert output.events_sent == playing.played.events
    return playing.played


def stored(path: Path, partition: int) -> list[tuple[str, SegmentHead, bytes]]:
    """The segments of a partition, apart from when and in which order they were made."""
    views = [SegmentView(each) for each in segment_paths(path, partition)]
    return [
        (
            view.path.name,
            replace(view.head, sequence=0, created_ns=0),
            view.path.read_bytes()[HEAD_BYTES : view.committed],
        )
        for view in views
    ]


def same_logs(one: Path, other: Path) -> None:
    for partition in range(2):
        assert stored(one, partition) == stored(other, partition)
    assert messages_of(one) == messages_of(other)


@pytest.mark.parametrize("segment", [SMALL_SEGMENT, 2**20])
@pytest.mark.parametrize("marks", [True, False])
def test_a_copied_log_has_the_bytes_of_one_that_was_decoded(
    tmp_path: Path, *, marks: bool, segment: int
) -> None:
    source = written_log(tmp_path / "source", 1, marks=marks, segment=segment)
    decoded = played(source, tmp_path / "decoded", Replay)
    copied = played(source, tmp_path / "copied", LogCopy)
    assert copied == decoded
    assert copied.messages > 2 * RECORDS_AT_ONCE
    same_logs(tmp_path / "decoded", tmp_path / "copied")
    assert messages_of(tmp_path / "copied") == messages_of(source)


def test_a_copy_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    sources = [written_log(tmp_path / str(seed), seed, 40) for seed in range(2)]
    for source in sources:
        played(source, tmp_path / "decoded", Replay)
        played(source, tmp_path / "copied", LogCopy)
    same_logs(tmp_path / "decoded", tmp_path / "copied")


def test_a_log_without_its_first_messages_is_copied_with_the_last_values_of_logs(
    tmp_path: Path,
) -> None:
    source = written_log(tmp_path / "source", 2)
    for partition in range(2):
        for path in segment_paths(source, partition)[:3]:
            path.unlink()
    assert played(source, tmp_path / "decoded", Replay) == played(
        source, tmp_path / "copied", LogCopy
    )
    same_logs(tmp_path / "decoded", tmp_path / "copied")


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_left_out_as_it_is_when_messages_are_decoded(tmp_path: Path, seed: int) -> None:
    source, chance = written_log(tmp_path / "source", seed, 60), random.Random(seed)
    for path in chance.sample(segment_paths(source, 0), 3):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(HEAD_BYTES, len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.choice([len(data), len(data) - 500])])
    assert played(source, tmp_path / "decoded", Replay) == played(
        source, tmp_path / "copied", LogCopy
    )
    same_logs(tmp_path / "decoded", tmp_path / "copied")


def test_a_log_that_a_killed_writer_left_is_copied_to_its_end(tmp_path: Path) -> None:
    killed = LogWriter(tmp_path / "source", 2, LIMIT)
    for number in range(20):
        for entry in pulse_entries(number):
            killed.append(number % 2, entry)
    copied = played(tmp_path / "source", tmp_path / "copied", LogCopy)
    killed.close()
    assert (copied.words, copied.last_pulse) == ("60 messages with 400 events of 20 pulses", 19)
    assert messages_of(tmp_path / "copied") == messages_of(tmp_path / "source")


def test_what_is_written_while_a_log_is_copied_is_copied_too(tmp_path: Path) -> None:
    with ExitStack() as stack:
        source = stack.enter_context(closing(LogWriter(tmp_path / "source", 2, LIMIT)))
        write(source, pulse_entries(0))
        write(source, pulse_entries(0), 1)
        context = zmq.Context()
        stack.callback(context.destroy, linger=0)
        output = EventOutput(EventLogStart(tmp_path / "copied", 4 * LEAST_LIMIT), 2, context)
        stack.enter_context(closing(output))
        recording = stack.enter_context(closing(LogRecording(tmp_path / "source")))
        copy = stack.enter_context(closing(LogCopy(recording, output)))
        to_its_end(copy)
        write(source, pulse_entries(1), 1)
        to_its_end(copy)
        assert copy.played.words == "9 messages with 60 events of 2 pulses"
    assert messages_of(tmp_path / "copied") == messages_of(tmp_path / "source")


def test_at_its_limit_a_copy_ends_in_words_and_keeps_what_it_has(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with closing(LogWriter(source, 2, LIMIT)) as writer:
        for number in range(80):
            for partition in range(2):
                for entry in pulse_entries(number, 20_000):
                    writer.append(partition, entry)
    with pytest.raises(LogRefused, match="limit of 8388608 bytes is reached, and it keeps all"):
        played(source, tmp_path / "copied", LogCopy)
    whole, found = messages_of(source), messages_of(tmp_path / "copied")
    for some, every in zip(found, whole, strict=True):
        assert 0 < len(some) < len(every)
        assert some == every[: len(some)]
    assert abs(len(found[0]) - len(found[1])) <= RECORDS_AT_ONCE


def test_a_copy_of_nothing_is_refused(tmp_path: Path) -> None:
    LogWriter(tmp_path / "source", 2, LIMIT).close()
    with pytest.raises(LogRefused, match="the recording holds no messages"):
        played(tmp_path / "source", tmp_path / "copied", LogCopy)


def test_pulses_are_counted_over_partitions_that_have_different_ones(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "source", 2, LIMIT)) as writer:
        for number in [*range(600), 40, 700]:
            for entry in pulse_entries(number)[:2]:
                writer.append(int(number % 3 == 0), entry)
    decoded = played(tmp_path / "source", tmp_path / "decoded", Replay)
    copied = played(tmp_path / "source", tmp_path / "copied", LogCopy)
    assert copied == decoded
    assert (copied.pulses, copied.last_pulse) == (601, 600)


class DecodingRecorder(Recorder):
    """A recorder that takes messages alone, as from another host."""

    def _take_stored(self, partition: int, stored: StoredRecords | None) -> bool:
        records = [] if stored is None else stored.records
        return self._take(partition, [LogMessage(each.head.offset, each.data) for each in records])


@pytest.mark.parametrize("pulses", [math.inf, 30.0])
def test_a_log_is_recorded_as_its_messages_are(tmp_path: Path, pulses: float) -> None:
    source = written_log(tmp_path / "source", 5, 90)
    words = []
    for target, kind in (("decoded", DecodingRecorder), ("copied", Recorder)):
        readers = [EmbeddedLogReader(source, each) for each in range(2)]
        with closing(LogWriter(tmp_path / target, 2, LIMIT, keep=True)) as writer:
            recorder = kind(readers, writer, RecordLimits(pulses=pulses))
            while not recorder.ended and recorder.tick():
                pass
        words.append(recorder.recorded.words)
    assert words[0] == words[1]
    same_logs(tmp_path / "decoded", tmp_path / "copied")


def test_the_number_of_the_last_pulse_is_that_of_its_mark(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "source", 2, LIMIT)) as writer:
        for number in range(7, 12):
            for entry in pulse_entries(number):
                writer.append(0, entry)
    with closing(LogRecording(tmp_path / "source")) as recording:
        playing = Replay(recording, ListOutput(), FASTEST)
        to_its_end(playing)
    assert playing.played.last_pulse == 11
    assert played(tmp_path / "source", tmp_path / "copied", LogCopy).last_pulse == 11
