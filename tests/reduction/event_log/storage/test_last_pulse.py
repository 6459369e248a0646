"""The number of the last pulse in an event log, from which the next source counts on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import EntryKind, mark_entry
from reduction.event_log.folder import LEAST_BYTES
from reduction.event_log.storage.segments import SEGMENT_MESSAGES, segment_paths
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import LogValue, decode
from tests.support.stream.event_logs import (
    LIMIT,
    SMALL_SEGMENT,
    START_NS,
    pulse_entries,
    write,
    written,
)

WRITER = """
import sys
from pathlib import Path

import pytest
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import LIMIT, SMALL_SEGMENT, pulse_entries
writer = LogWriter(Path(sys.argv[1]), 2, LIMIT, SMALL_SEGMENT)
print(writer.last_pulse, flush=True)
for pulse in range(writer.last_pulse + 1, 10**9):
    for partition in range(2):
        for entry in pulse_entries(pulse, pulse % 500, "ab"):
            writer.append(partition, entry)
    print(pulse, flush=True)
"""


def last_pulse(path: Path, partitions: int = 1) -> int:
    """What a writer that starts now goes on from."""
    writer = LogWriter(path, partitions, LIMIT, SMALL_SEGMENT)
    writer.close()
    return writer.last_pulse


def marked(path: Path, partition: int) -> list[int]:
    """The pulse numbers of all marks in a partition."""
    reader, found = EmbeddedLogReader(path, partition), []
    while messages := reader.read():
        for message in messages:
            content = decode(message.data)
            if isinstance(content, LogValue) and content.name == "pulse":
                found.append(int(content.value[0]))
    return found


def test_a_source_that_is_killed_and_started_again_uses_no_number_twice(tmp_path: Path) -> None:
    told: list[int] = []
    for run in range(8):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "log")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            start = int(process.stdout.readline())
            assert start >= max(told, default=-1)
            time.sleep(random.Random(run).random() * 0.05)
            process.send_signal(signal.SIGKILL)
            told += map(int, process.stdout.read().splitlines())
    assert told == sorted(set(told))
    for partition in range(2):
        numbers = marked(tmp_path / "log", partition)
        assert numbers == sorted(set(numbers))
        assert set(told) <= set(numbers)
    assert last_pulse(tmp_path / "log", 2) == max(marked(tmp_path / "log", 0))


def test_the_last_pulse_is_that_of_the_partition_that_has_come_furthest(tmp_path: Path) -> None:
    assert last_pulse(tmp_path, 3) == -1
    writer = LogWriter(tmp_path, 3, LIMIT, SMALL_SEGMENT)
    for number in range(7):
        write(writer, pulse_entries(number), 0)
        write(writer, pulse_entries(number) if number < 6 else [], 1)
    writer.close()
    assert last_pulse(tmp_path, 3) == 6
    assert last_pulse(tmp_path, 3) == 6, "the last segments are empty now"


def test_a_pulse_without_its_mark_is_not_one(tmp_path: Path) -> None:
    written(tmp_path, [*pulse_entries(41), *pulse_entries(42)[:-1]])
    assert last_pulse(tmp_path) == 41


def test_numbers_of_marks_that_have_been_lost_are_not_used_again(tmp_path: Path) -> None:
    for number in range(5):
        written(tmp_path, pulse_entries(number, 300))
    paths = segment_paths(tmp_path, 0)
    data = bytearray(paths[-1].read_bytes())
    data[-9] ^= 1
    paths[-1].write_bytes(data)
    assert last_pulse(tmp_path) >= 4
    paths[-1].write_bytes(b"nothing")
    assert last_pulse(tmp_path) >= 4
    for path in segment_paths(tmp_path, 0):
        path.write_bytes(b"nothing")
    assert last_pulse(tmp_path) >= SEGMENT_MESSAGES - 1


@pytest.mark.parametrize("events", [20, 5000], ids=["kept", "oldest gone"])
def test_without_marks_it_is_the_number_of_pulses_that_the_log_has_had(
    tmp_path: Path, events: int
) -> None:
    for start in (0, 200):  # the second source goes on in a segment of its own
        writer = LogWriter(tmp_path, 2, 2 * LEAST_BYTES)
        assert writer.last_pulse == start - 1
        for number in range(start, start + 200):
            value, chunk, _ = pulse_entries(number, events)
            write(writer, [value, chunk, chunk], 0)
            write(writer, [value, chunk] if number % 2 else [value], 1)
        writer.close()
    assert last_pulse(tmp_path, 2) == 399


def test_a_mark_that_holds_no_number_is_passed_over(tmp_path: Path) -> None:
    mark = mark_entry(7, START_NS, 1)
    strange = type(mark)(EntryKind.MARK, START_NS, (b"no message at all",))
    written(tmp_path, [mark, strange])
    assert last_pulse(tmp_path) >= 7


def test_the_number_is_found_after_the_oldest_segments_have_gone(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 1, LEAST_BYTES)
    for number in range(300):
        write(writer, pulse_entries(number, 5000))
    writer.close()
    assert segment_paths(tmp_path, 0)[0].stem != "0" * 20
    assert last_pulse(tmp_path) == 299
