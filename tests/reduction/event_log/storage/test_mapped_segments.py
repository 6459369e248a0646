"""Segments that get shorter while a reader has them mapped: reading behind the end would kill it.

Readers are child processes here, so that a fatal signal is a failure and not the end of the tests.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import HEAD_BYTES, segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import LIMIT, all_of, data_of, pulse_entries, write, written

WRITER = """
import sys
from pathlib import Path
from reduction.event_log.folder import LEAST_BYTES
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import pulse_entries
writer = LogWriter(Path(sys.argv[1]), 1, LEAST_BYTES)
print("begun", flush=True)
for pulse in range(writer.last_pulse + 1, 10**9):
    for entry in pulse_entries(pulse, pulse % 5000):
        writer.append(0, entry)
"""

READER = """
import sys
from pathlib import Path
from reduction.event_log.embedded import EmbeddedLogReader
from tests.support.stream.event_logs import data_of, pulse_entries
reader = EmbeddedLogReader(Path(sys.argv[1]), 0)
print("begun", flush=True)
kept, last, count = [], -1, 0
while not Path(sys.argv[2]).exists():
    for message in reader.read():
        assert message.offset > last
        last, count = message.offset, count + 1
        kept.append((message, bytes(message.data)))
    for message, data in kept[-50:]:  # they stay readable
        assert message.data == data
    del kept[:-500]
assert not reader.message, reader.message
print(count)
"""


def test_readers_live_on_while_writers_are_killed_and_the_oldest_segments_go(
    tmp_path: Path,
) -> None:
    path, stop = tmp_path / "log", tmp_path / "stop"
    read = [sys.executable, "-c", READER, str(path), str(stop)]
    with subprocess.Popen(read, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "begun\n"
        for run in range(6):
            write_to = [sys.executable, "-c", WRITER, str(path)]
            with subprocess.Popen(write_to, stdout=subprocess.PIPE, text=True) as writer:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "begun\n"
                time.sleep(0.05 + random.Random(run).random() * 0.2)
                writer.send_signal(signal.SIGKILL)
        stop.touch()
        count = int(reader.stdout.read())
    assert reader.returncode == 0
    assert count > 100


def test_a_segment_that_its_writer_goes_on_with_is_never_taken_for_one_cut_short(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    write_to = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(write_to, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        try:
            for _ in range(20):
                with contextlib.suppress(OSError):  # the oldest segments go
                    view = SegmentView(segment_paths(path, 0)[-1])
                    while not view.sealed:
                        assert not view.cut
        finally:
            writer.kill()


def survives(program: str, path: Path) -> str:
    """What a child process prints, which must end by itself."""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or f"ended by signal {-done.returncode}"
    return done.stdout


CUT_READER = """
import os, sys
from pathlib import Path
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.storage.segments import segment_paths
now_s = [0.0]
reader = EmbeddedLogReader(Path(sys.argv[1]), 0, lambda: now_s[0])
assert len(reader.read(30)) == 30
last = -1
os.truncate(segment_paths(Path(sys.argv[1]), 0)[0], SIZE)
for _ in range(3):
    now_s[0] += 1
    while found := reader.read():
        last = found[-1].offset
    reader.behind
print(last)
print(reader.message)
reader.seek(0)
reader.read()
"""


@pytest.mark.parametrize("size", [0, 100, HEAD_BYTES, HEAD_BYTES + 30_000])
@pytest.mark.parametrize("later", [0, 10])
def test_a_segment_that_somebody_cuts_costs_what_was_in_it_and_is_told(
    tmp_path: Path, size: int, later: int
) -> None:
    written(tmp_path, [each for pulse in range(40) for each in pulse_entries(pulse, 500)], 2**20)
    written(tmp_path, [each for pulse in range(later) for each in pulse_entries(pulse, 500)], 2**20)
    last, words = survives(CUT_READER.replace("SIZE", str(size)), tmp_path).splitlines()
    assert "has been cut short" in words
    assert int(last) == 119 + 3 * later or not later


CUT_WRITER = """
import os, sys
from pathlib import Path
from reduction.event_log.storage.segments import segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import LIMIT, pulse_entries, write
now_s = [0.0]
path = Path(sys.argv[1])
writer = LogWriter(path, 1, LIMIT, clock_s=lambda: now_s[0])
write(writer, pulse_entries(0, 500))
os.truncate(segment_paths(path, 0)[-1], SIZE)
write(writer, pulse_entries(1, 500))
now_s[0] += 1
write(writer, pulse_entries(2, 500))
print(writer.message)
writer.close()
"""


@pytest.mark.parametrize("size", [0, 100, HEAD_BYTES, HEAD_BYTES + 3000])
def test_a_writer_whose_segment_somebody_cuts_goes_on_in_another_one_and_tells(
    tmp_path: Path, size: int
) -> None:
    words = survives(CUT_WRITER.replace("SIZE", str(size)), tmp_path)
    assert words.endswith("the last segment of partition 0 was deleted or cut\n")
    found = all_of(EmbeddedLogReader(tmp_path, 0, lambda: time.monotonic() * 1e6))
    assert found[-3:] == [
        (offset, data_of(entry)) for offset, entry in enumerate(pulse_entries(2, 500), 6)
    ]


def test_the_next_writer_does_not_cut_a_segment_whose_head_has_a_wrong_end(tmp_path: Path) -> None:
    killed = LogWriter(tmp_path, 1, LIMIT)
    write(killed, [each for pulse in range(50) for each in pulse_entries(pulse, 500)])
    killed._lock.close()
    [path] = segment_paths(tmp_path, 0)
    reader = EmbeddedLogReader(tmp_path, 0)
    held = reader.read(150)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(128)
        file.write(struct.pack("<Q", HEAD_BYTES + 24))
    with closing(LogWriter(tmp_path, 1, LIMIT)) as writer:
        assert path.stat().st_size == size
        assert writer.size_bytes >= size
    expected = [data_of(each) for pulse in range(50) for each in pulse_entries(pulse, 500)]
    assert [bytes(each.data) for each in held] == expected


def test_a_segment_that_is_cut_while_it_is_opened_is_read_as_it_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "log", [entry for pulse in range(100) for entry in pulse_entries(pulse)])
    path = segment_paths(tmp_path / "log", 0)[0]
    real, end = os.fstat, path.stat().st_size

    def then_cut(descriptor: int) -> os.stat_result:
        """The status of a file, which is cut immediately afterwards."""
        status = real(descriptor)
        os.truncate(path, end - HEAD_BYTES)
        return status

    monkeypatch.setattr("reduction.event_log.storage.segment_view.os.fstat", then_cut)
    os.truncate(path, end + HEAD_BYTES)
    view = SegmentView(path)
    assert view.committed <= end - HEAD_BYTES
