"""The event log in a folder: whatever is written, whenever it ends, and what is left of it."""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import EntryKind, LogEntry, entry_of
from reduction.event_log.folder import FOLDER_LOOK_INTERVAL_S, LEAST_BYTES
from reduction.event_log.protocol import Dropped
from reduction.event_log.storage.segments import HEAD_BYTES, checksum, segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import (
    LIMIT,
    PERIOD_NS,
    SMALL_SEGMENT,
    START_NS,
    all_of,
    data_of,
    pulse_entries,
    sought,
    write,
    written,
)


@st.composite
def entries(draw: st.DrawFn) -> LogEntry:
    """Any message, of a size up to more than a segment; times go to and fro."""
    kind = draw(st.sampled_from(EntryKind))
    time_ns = START_NS + draw(st.integers(-20, 20)) * PERIOD_NS
    sizes = draw(st.lists(st.sampled_from([0, 1, 4, 7, 8, 100, 1000, 3001, 13_000]), max_size=3))
    pieces = [random.Random(size).randbytes(size) for size in sizes]
    name = draw(st.sampled_from("abc")) if kind is EntryKind.LOG else ""
    return LogEntry(kind, time_ns, pieces, name)


streams = st.lists(entries(), max_size=60)


@settings(max_examples=60)
@given(stream=streams, most=st.integers(1, 70))
def test_a_reader_gets_every_message_as_it_was_in_order(stream: list[LogEntry], most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        written(path, stream)
        assert all_of(EmbeddedLogReader(path, 0), most) == [
            (offset, data_of(entry)) for offset, entry in enumerate(stream)
        ]


@st.composite
def logged_streams(draw: st.DrawFn) -> list[LogEntry]:
    """Messages of which log values and marks are real ones, as a writer that starts again reads.

    There are marks, or none at all.
    """
    found: list[LogEntry] = []
    marks = draw(st.booleans())
    for number in range(draw(st.integers(0, 25))):
        shift = draw(st.sampled_from([0, 0, 0, -3, 2]))
        logs = draw(st.lists(st.sampled_from("abcd"), max_size=4))
        pulse = pulse_entries(number + shift, draw(st.sampled_from([0, 5, 700, 4000])), logs)
        found += pulse[: draw(st.sampled_from([99, 99, 99, -1, 1]))]
    return [each for each in found if marks or each.kind is not EntryKind.MARK]


@settings(max_examples=60)
@given(stream=logged_streams(), cuts=st.lists(st.integers(0, 150), max_size=3), data=st.data())
def test_a_seek_finds_the_first_pulse_at_or_after_a_time_and_the_last_values_before_it(
    stream: list[LogEntry], cuts: list[int], data: st.DataObject
) -> None:
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        for low, high in itertools.pairwise(bounds):
            written(path, stream[low:high])
        reader = EmbeddedLogReader(path, 0)
        for _ in range(5):
            pulse, shift = data.draw(st.integers(-4, 30)), data.draw(st.sampled_from([-1, 0, 1]))
            time_ns = START_NS + pulse * PERIOD_NS + shift
            reader.seek(time_ns)
            assert all_of(reader) == sought(stream, time_ns)
            assert reader.dropped == Dropped()
            again = EmbeddedLogReader(path, 0)
            again.seek_offset(reader.began)
            assert all_of(again) == sought(stream, time_ns)
            assert again.began == reader.began
        reader.seek_to_end()
        assert reader.began == len(stream)
        assert all(entry_of(data).kind is EntryKind.LOG for _, data in all_of(reader))
        assert reader.behind == (0, 0)
        assert reader.message == ""


def test_a_reader_at_the_end_gets_the_last_values_and_then_what_comes(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 1, LIMIT, SMALL_SEGMENT)
    first, second = pulse_entries(0, logs="ab"), pulse_entries(1, logs="a")
    write(writer, first)
    reader = EmbeddedLogReader(tmp_path, 0)
    reader.seek_to_end()
    write(writer, second)
    assert reader.behind.messages == 3
    assert [data for _, data in all_of(reader)] == [data_of(each) for each in first[:2] + second]
    assert reader.behind == (0, 0)
    writer.close()


def test_a_log_that_comes_after_its_reader_is_read_from_its_start(tmp_path: Path) -> None:
    now_s = [0.0]
    reader = EmbeddedLogReader(tmp_path / "log", 0, lambda: now_s[0])
    reader.seek_to_end()
    assert reader.read() == []
    assert reader.message.endswith("log: it is not there yet")
    written(tmp_path / "log", pulse_entries(0))
    assert reader.read() == []
    now_s[0] += FOLDER_LOOK_INTERVAL_S
    assert len(reader.read()) == 3
    assert reader.message == ""


def test_a_reader_of_an_offset_gets_that_message_and_the_last_values_before(tmp_path: Path) -> None:
    stream = [entry for number in range(100) for entry in pulse_entries(number, 300, "ab")]
    written(tmp_path, stream)
    reader = EmbeddedLogReader(tmp_path, 0)
    messages = [data_of(each) for each in stream]
    for offset in (0, 1, 2, 3, 150, 398, 399, 400, 9999):
        reader.seek_offset(offset)
        logs = [each for each in range(offset) if each % 4 < 2 and each < 400][-2:]
        found = all_of(reader)
        assert sorted(found[: len(logs)]) == [(each, messages[each]) for each in logs]
        assert found[len(logs) :] == list(enumerate(messages))[offset:]
        assert reader.began == min(offset, 400)
        assert reader.dropped == Dropped()


def test_an_offset_whose_message_has_gone_leads_to_the_oldest_one(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 1, LEAST_BYTES)
    for number in range(200):
        write(writer, pulse_entries(number, 5000))
    writer.close()
    oldest = int(segment_paths(tmp_path, 0)[0].stem)
    reader = EmbeddedLogReader(tmp_path, 0)
    reader.seek_offset(31)
    assert reader.began == oldest
    assert reader.dropped.messages == oldest - 31
    assert oldest // 3 - 11 <= reader.dropped.pulses <= oldest // 3
    values, first = reader.read(2)
    assert (values.offset, first.offset) == (oldest // 3 * 3 - 3 * (oldest % 3 == 0), oldest)


def test_a_log_has_an_identity_that_stays_until_it_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    reader = EmbeddedLogReader(path, 0)
    assert (reader.identity, reader.began) == ("", 0)
    written(path, pulse_entries(0))
    reader.seek(0)
    first = reader.identity
    written(path, pulse_entries(1))
    reader.seek(0)
    assert reader.identity == first != ""
    shutil.rmtree(path)
    written(path, pulse_entries(0))
    reader.seek(0)
    assert reader.identity not in ("", first)


def test_any_number_of_readers_follow_a_writer(tmp_path: Path) -> None:
    stream = [entry for number in range(400) for entry in pulse_entries(number, 200)]
    writer = LogWriter(tmp_path, 1, LIMIT, SMALL_SEGMENT)
    found: list[list[tuple[int, bytes]]] = [[], [], []]

    def follow(number: int) -> None:
        reader = EmbeddedLogReader(tmp_path, 0)
        while len(found[number]) < len(stream):
            found[number] += all_of(reader)
            time.sleep(0.001)

    threads = [threading.Thread(target=follow, args=(each,)) for each in range(3)]
    for thread in threads:
        thread.start()
    write(writer, stream)
    for thread in threads:
        thread.join(30)
    writer.close()
    expected = [(offset, data_of(entry)) for offset, entry in enumerate(stream)]
    assert found == [expected] * 3


def test_messages_are_read_in_place(tmp_path: Path) -> None:
    written(tmp_path, pulse_entries(0, 1000))
    _, chunk, _ = EmbeddedLogReader(tmp_path, 0).read()
    assert isinstance(chunk.data, memoryview)
    assert chunk.data.readonly
    assert not chunk.data.obj.closed  # type: ignore[attr-defined]


@pytest.mark.parametrize("of_pulse", [3, 2], ids=["marked", "plain"])
def test_the_oldest_segments_go_at_the_limit_and_what_went_is_told(
    tmp_path: Path, of_pulse: int
) -> None:
    limit = 2 * LEAST_BYTES
    writer = LogWriter(tmp_path, 2, limit, 2**18)
    slow, fast = EmbeddedLogReader(tmp_path, 1), EmbeddedLogReader(tmp_path, 1)
    write(writer, pulse_entries(0)[:of_pulse], 1)
    assert len(slow.read()) == len(fast.read()) == of_pulse
    held, pulses = 0, 300
    for number in range(1, pulses):
        for partition in (0, 1):
            write(writer, pulse_entries(number, 5000)[:of_pulse], partition)
        held = max(held, sum(each.stat().st_size for each in tmp_path.rglob("*.segment")))
        assert len(fast.read()) == of_pulse
        assert writer.size_bytes <= limit
    assert held <= limit
    assert fast.dropped == Dropped()
    offsets = [offset for offset, _ in all_of(slow, 1)]
    gap = slow.dropped
    assert len(offsets) + gap.messages + of_pulse == of_pulse * pulses
    first_kept = next(b for a, b in itertools.pairwise(offsets) if b != a + 1)
    last_read = offsets[offsets.index(first_kept) - 1]
    assert gap.messages == first_kept - last_read - 1
    assert gap.pulses == first_kept // of_pulse - (last_read + 1) // of_pulse
    assert gap.since_ns == START_NS + ((last_read + 1) // of_pulse - 1) * PERIOD_NS
    assert gap.until_ns == START_NS + (first_kept // of_pulse - 1) * PERIOD_NS
    late = EmbeddedLogReader(tmp_path, 1)
    late.seek(START_NS + 5 * PERIOD_NS)
    values = late.read(1)
    assert entry_of(values[0].data).kind is EntryKind.LOG
    assert late.dropped.since_ns == START_NS + 5 * PERIOD_NS
    assert late.dropped.until_ns == gap.until_ns
    late.seek(START_NS + (pulses - 2) * PERIOD_NS)
    assert late.dropped == Dropped()
    writer.close()


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_the_sum_of_a_message_is_that_of_its_words(pieces: list[bytes]) -> None:
    joined = b"".join(pieces)
    words = np.frombuffer(joined + bytes(-len(joined) % 8), "<u8")
    assert checksum(pieces) == sum(words.tolist()) % 2**64


def test_a_segment_has_its_head_in_one_page(tmp_path: Path) -> None:
    written(tmp_path, [])
    (path,) = segment_paths(tmp_path, 0)
    assert path.stat().st_size == HEAD_BYTES
