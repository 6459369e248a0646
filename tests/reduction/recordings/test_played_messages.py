"""Messages that are played at other times, and again, differ in times and numbers alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from reduction.event_log.entries import entry_of
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import Chunk, CorruptMessage, LogValue, UnknownSchema, decode
from reduction.recordings.open_recording import open_recording
from reduction.recordings.play_settings import PlaySettings
from reduction.recordings.replay import Replay
from tests.support.stream.event_logs import LIMIT, PERIOD_NS, START_NS, pulse_entries
from tests.support.stream.recordings import HandClock, ListOutput, messages_of, odd_messages

ROUNDS, PULSES = 3, 8


def words(data: bytes, shift_ns: int, ids: int) -> list[object]:
    """All that a message says, with times shifted, and ids that are larger by a number."""
    try:
        content = decode(data)
    except (UnknownSchema, CorruptMessage):
        return [bytes(data) if data[4:8] not in (b"pl72", b"6s4t") else data[4:8]]
    if isinstance(content, LogValue):
        is_mark = content.name == "pulse" and content.value.size == 2
        value = content.value.tolist() if not is_mark else content.name
        return [content.name, content.time_ns + shift_ns, value]
    return [chunk_words(each, shift_ns, ids) for each in content]


def chunk_words(chunk: Chunk, shift_ns: int, ids: int) -> list[object]:
    events = chunk.pixel_id.tolist(), chunk.tof_ns.tolist(), chunk.without_pixels
    return [chunk.source, chunk.message_id + ids, chunk.pulse_time_ns + shift_ns, *events]


@pytest.mark.parametrize("now", [False, True])
@pytest.mark.parametrize("marks", [False, True])
def test_messages_of_all_schemas_in_all_rounds(tmp_path: Path, *, marks: bool, now: bool) -> None:
    with closing(LogWriter(tmp_path / "log", 1, LIMIT)) as writer:
        for number in range(PULSES):
            entries = pulse_entries(number, 5)
            for entry in entries if marks else entries[:-1]:
                writer.append(0, entry)
        for entry in odd_messages(START_NS + (PULSES - 1) * PERIOD_NS):
            writer.append(0, entry)
    [recorded] = messages_of(tmp_path / "log")
    clock, output = HandClock(), ListOutput()
    settings = PlaySettings(loop=True, now=now)
    with closing(Replay(open_recording(tmp_path / "log", 1), output, settings, clock)) as playing:
        clock.now_ns += 100 * PULSES * PERIOD_NS
        while len(output.put_messages) < ROUNDS * len(recorded):
            playing.tick()
    for number in range(ROUNDS):
        part = output.data()[number * len(recorded) :][: len(recorded)]
        shift_ns = entry_of(part[0]).time_ns - START_NS
        assert bool(shift_ns) == (now or number > 0)
        for before, after in zip(recorded, part, strict=True):
            ids = number * (PULSES if before[4:8] == b"ev44" and b"test" in before else 1)
            assert words(after, 0, 0) == words(before, shift_ns, ids)
