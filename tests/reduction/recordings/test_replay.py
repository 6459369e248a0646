"""A recording is played in the order, at the times and with the numbers that it was told to."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from streaming_data_types.eventdata_ev44 import deserialise_ev44, serialise_ev44

from reduction.control.orders import RanksOrder
from reduction.event_log.entries import EntryKind, chunk_entry, entry_of, log_entry
from reduction.event_log.protocol import LogRefused
from reduction.event_log.writer import LogWriter
from reduction.host.stop import Stop
from reduction.messages.contents import Chunk, LogValue, decode
from reduction.recordings.open_recording import open_recording
from reduction.recordings.play_settings import PlaySettings
from reduction.recordings.play_times import LONGEST_PAUSE_NS, PlayTimes
from reduction.recordings.replay import Replay, replay
from tests.support.stream.event_logs import LIMIT, PERIOD_NS, START_NS, data_of, pulse_entries
from tests.support.stream.recordings import (
    HandClock,
    ListOutput,
    messages_of,
    read_by_rank,
    recorded,
)

FASTEST = PlaySettings(math.inf)


def played(path: Path, settings: PlaySettings = FASTEST) -> ListOutput:
    """All that is played of a recording."""
    output = ListOutput()
    with closing(Stop()) as stop:
        replay(open_recording(path, 1), output, settings, stop)
    return output


def play(playing: Replay, clock: HandClock) -> None:
    """Put all that is due."""
    next_ns = playing.tick()
    while next_ns is not None and next_ns <= clock.now_ns:
        next_ns = playing.tick()


def numbers(data: bytes) -> list[int]:
    """The pulse number and the number of chunks in a mark."""
    content = decode(data)
    assert isinstance(content, LogValue)
    return [int(each) for each in content.value]


def test_messages_come_as_they_are_and_pulse_by_pulse(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", pulses=4, partitions=2)
    output = played(path)
    assert [output.data(0), output.data(1)] == messages_of(path)
    times = [each.entry.time_ns for each in output.put_messages]
    assert times == sorted(times)
    chunks = [each for each in output.put_messages if each.entry.kind is EntryKind.CHUNK]
    assert [(each.events, each.source) for each in chunks] == [(20, "test")] * 8


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_each_pulse_is_played_when_it_is_due(tmp_path: Path, speed: float) -> None:
    path, clock, output = (
        recorded(tmp_path / "log", pulses=5, partitions=2),
        HandClock(),
        ListOutput(),
    )
    start_ns = clock.now_ns
    with closing(Replay(open_recording(path, 1), output, PlaySettings(speed), clock)) as playing:
        for pulse in range(5):
            clock.now_ns = start_ns + int(pulse * PERIOD_NS / speed) - 1
            play(playing, clock)
            assert len(output.put_messages) == pulse * 6
            clock.now_ns += 1
            play(playing, clock)
            assert len(output.put_messages) == (pulse + 1) * 6
        assert playing.played.words == "30 messages with 200 events of 5 pulses"
        assert not playing.is_behind


def test_times_of_now_are_those_at_which_pulses_are_due(tmp_path: Path) -> None:
    path, clock, output = (
        recorded(tmp_path / "log", pulses=3, partitions=2),
        HandClock(),
        ListOutput(),
    )
    start_ns, settings = clock.now_ns, PlaySettings(2.0, now=True)
    with closing(Replay(open_recording(path, 1), output, settings, clock)) as playing:
        clock.now_ns += 10**9
        play(playing, clock)
    for partition in range(2):
        expected = [
            entry.time_ns
            for pulse in range(3)
            for entry in pulse_entries(pulse, start_ns=start_ns)[:1] * 3
        ]
        given = [start_ns + int((each - start_ns) / 2) for each in expected]
        assert [each.time_ns for each in output.entries(partition)] == given
        # What is in the messages is what is said of them.
        assert [entry_of(each).time_ns for each in output.data(partition)] == given
    before = [decode(each) for each in messages_of(path)[0]]
    after = [decode(each) for each in output.data()]
    for old, new in zip(before, after, strict=True):
        if isinstance(old, LogValue):
            assert isinstance(new, LogValue)
            np.testing.assert_array_equal(old.value, new.value)
            assert old.name == new.name
        else:
            assert not isinstance(new, LogValue)
            np.testing.assert_array_equal(old[0].pixel_id, new[0].pixel_id)
            np.testing.assert_array_equal(old[0].tof_ns, new[0].tof_ns)
            assert old[0].message_id == new[0].message_id


def test_round_and_round_ids_numbers_and_times_go_on(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", pulses=3, first=7)
    clock, output = HandClock(), ListOutput()
    with closing(
        Replay(open_recording(path, 1), output, PlaySettings(loop=True), clock)
    ) as playing:
        clock.now_ns += int(8.5 * PERIOD_NS)
        play(playing, clock)
    expected = [data_of(each) for pulse in range(7, 16) for each in pulse_entries(pulse)]
    # The events themselves are those of the first round.
    marks = [each for each in output.entries() if each.kind is EntryKind.MARK]
    assert [numbers(data_of(each)) for each in marks] == [[n, n + 1] for n in range(7, 16)]
    times = [each.time_ns for each in output.entries()]
    assert times == [entry_of(each).time_ns for each in expected]
    ids = [deserialise_ev44(each).message_id for each in output.data() if each[4:8] == b"ev44"]
    assert ids == list(range(7, 16))


def test_a_message_of_several_pulses_and_one_without_pixels_are_moved_too(tmp_path: Path) -> None:
    two = serialise_ev44("a", 5, [START_NS, START_NS + 9], [0, 2], [1, 2, 3], [4, 5, 6])
    bare = serialise_ev44("b", 6, [START_NS + 9], [0], [7, 8], [])
    with closing(LogWriter(tmp_path / "log", 1, LIMIT)) as writer:
        for message in (two, bare, b"no message of any schema"):
            writer.append(0, entry_of(message))
    clock, output = HandClock(), ListOutput()
    with closing(
        Replay(open_recording(tmp_path / "log", 1), output, PlaySettings(now=True), clock)
    ) as playing:
        clock.now_ns += 10**9
        play(playing, clock)
    first, second, third = output.data()
    assert third == b"no message of any schema"
    moved = deserialise_ev44(first)
    shift_ns = int(moved.reference_time[0]) - START_NS
    assert (moved.reference_time - shift_ns).tolist() == [START_NS, START_NS + 9]
    assert moved.reference_time_index.tolist() == [0, 2]
    assert moved.pixel_id.tolist() == [4, 5, 6]
    assert deserialise_ev44(second).time_of_flight.tolist() == [7, 8]
    assert [each.events for each in output.put_messages] == [3, 2, 0]


def test_a_log_value_of_long_ago_is_played_with_the_message_before_it(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "log", 1, LIMIT)) as writer:
        for pulse in range(2):
            for entry in pulse_entries(pulse, logs=()):
                writer.append(0, entry)
            writer.append(0, log_entry("old", START_NS - 10**15, 1.5))
    clock, output = HandClock(), ListOutput()
    with closing(
        Replay(open_recording(tmp_path / "log", 1), output, PlaySettings(), clock)
    ) as playing:
        play(playing, clock)
        assert [each.kind for each in output.entries()] == [
            EntryKind.CHUNK,
            EntryKind.MARK,
            EntryKind.LOG,
        ]


def test_what_cannot_be_put_ends_the_fastest_playing_in_words(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", pulses=2)
    with closing(Stop()) as stop, pytest.raises(LogRefused, match="the disk is full"):
        replay(open_recording(path, 1), ListOutput("the disk is full"), FASTEST, stop)


def test_at_any_other_speed_playing_goes_on(tmp_path: Path) -> None:
    path, output = recorded(tmp_path / "log", pulses=2), ListOutput("the disk is full")
    with closing(Stop()) as stop:
        assert replay(open_recording(path, 1), output, PlaySettings(1000.0), stop).pulses == 2


def test_a_stop_ends_staying_and_looping(tmp_path: Path) -> None:
    path = recorded(tmp_path / "log", pulses=2)
    with closing(Stop()) as stop:
        stop.set()
        settings = PlaySettings(loop=True, stay=True)
        assert replay(open_recording(path, 1), ListOutput(), settings, stop).messages == 0


def test_an_empty_or_missing_recording_is_refused_in_words(tmp_path: Path) -> None:
    LogWriter(tmp_path / "log", 1, LIMIT).close()
    with pytest.raises(LogRefused, match="holds no messages"):
        Replay(open_recording(tmp_path / "log", 1), ListOutput(), FASTEST)
    with pytest.raises(LogRefused, match="no event log"):
        open_recording(tmp_path, 1)
    with pytest.raises(LogRefused, match="no such file"):
        open_recording(tmp_path / "absent", 1)


def test_a_rank_that_reads_a_recording_counts_all_its_events(tmp_path: Path) -> None:
    recording = open_recording(recorded(tmp_path / "log", pulses=50, partitions=2), 1)
    report = read_by_rank(recording, RanksOrder(revision=3))
    assert report.stream.event_total == 50 * 20 * 2
    assert (report.stream.pulse_first, report.stream.pulse_last) == (0, 49)
    assert report.run is not None
    assert report.run.places[0].offset == 0
    assert report.run.log == recording.identity


def test_a_recording_that_begins_within_a_pulse_counts_from_the_next_one(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "log", 1, LIMIT)) as writer:
        for entry in [*pulse_entries(3)[2:], *pulse_entries(4), *pulse_entries(5)]:
            writer.append(0, entry)
    report = read_by_rank(open_recording(tmp_path / "log", 1), RanksOrder(revision=3))
    assert report.stream.event_total == 40
    assert (report.stream.pulse_first, report.stream.pulse_last) == (4, 5)


def test_a_long_pause_is_cut_and_times_stay_in_order() -> None:
    times = PlayTimes(1000, 1.0, now=True)
    pause_ns = 10 * LONGEST_PAUSE_NS
    recorded_ns = [START_NS, START_NS + 70, START_NS + pause_ns, START_NS + pause_ns + 70]
    due = [times.due_ns(each) for each in recorded_ns]
    assert due == [1000, 1070, 1070 + LONGEST_PAUSE_NS, 1140 + LONGEST_PAUSE_NS]
    assert [times.given_ns(each) for each in recorded_ns] == due
    again = times.due_ns(START_NS - pause_ns)  # pulses of an earlier time
    assert again > due[-1]
    assert times.due_ns(START_NS - pause_ns + 70) == again + 70


def test_pulses_that_are_out_of_order_are_due_at_their_times() -> None:
    times = PlayTimes(0, 1.0, now=False)
    assert [times.due_ns(START_NS + each) for each in (0, 200, 100, 300)] == [0, 200, 100, 300]
    assert times.given_ns(START_NS + 100) == START_NS + 100


def test_chunks_alone_are_played_by_their_times(tmp_path: Path) -> None:
    with closing(LogWriter(tmp_path / "log", 1, LIMIT)) as writer:
        for number in range(3):
            events = np.arange(4, dtype=np.int32)
            time_ns = START_NS + number * PERIOD_NS
            writer.append(0, chunk_entry(Chunk("plain", 0, time_ns, events, events)))
    assert [each.time_ns - START_NS for each in played(tmp_path / "log").entries()] == [
        0,
        PERIOD_NS,
        2 * PERIOD_NS,
    ]


def test_a_log_value_is_never_given_a_time_ahead_of_the_clock() -> None:
    times = PlayTimes(1000, 1.0, now=True)
    due = [times.due_ns(START_NS + each) for each in (0, 70)]
    assert due == [1000, 1070]
    assert times.given_ns(START_NS + 30) == 1030
    assert times.given_ns(START_NS - 10**9) == 1000 - 10**9
    assert times.given_ns(START_NS + 10**12) == 1140
