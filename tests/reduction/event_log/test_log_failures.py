"""The event log in a folder when something fails: killed writers, full disks, damaged files."""

from __future__ import annotations

import contextlib
import errno
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import entry_of
from reduction.event_log.folder import FOLDER_LOOK_INTERVAL_S, LEAST_BYTES
from reduction.event_log.protocol import Dropped, LogRefused
from reduction.event_log.storage import partition_segments
from reduction.event_log.storage.segment_view import SegmentView
from reduction.event_log.storage.segments import segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import (
    PERIOD_NS,
    START_NS,
    all_of,
    data_of,
    pulse_entries,
    write,
    written,
)

WRITER = """
import sys, random
from pathlib import Path
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import LIMIT, SMALL_SEGMENT, pulse_entries
run = int(sys.argv[2])
writer = LogWriter(Path(sys.argv[1]), 1, LIMIT, SMALL_SEGMENT)
for pulse in range(10**9):
    for entry in pulse_entries(1_000_000 * run + pulse, pulse % 500, "ab"):
        writer.append(0, entry)
    print(pulse, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_messages_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "log", []
    follower = EmbeddedLogReader(path, 0)
    followed: list[tuple[int, bytes]] = []
    for run in range(12):
        command = [sys.executable, "-c", WRITER, str(path), str(run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(random.Random(run).random() * 0.05)
            followed += [(each.offset, bytes(each.data)) for each in follower.read(50)]
            process.send_signal(signal.SIGKILL)
            told.append(1 + len(process.stdout.read().splitlines()))
    found = all_of(EmbeddedLogReader(path, 0))
    assert [offset for offset, _ in found] == list(range(len(found)))
    place = 0
    for run, pulses in enumerate(told):
        pulse = 0
        while place < len(found):
            whole = pulse_entries(1_000_000 * run + pulse, pulse % 500, "ab")
            same = 0
            while same < 4 and place < len(found) and found[place][1] == data_of(whole[same]):
                place, same = place + 1, same + 1
            if same < 4:
                break
            pulse += 1
        assert pulse >= pulses - 1
    assert place == len(found)
    time.sleep(FOLDER_LOOK_INTERVAL_S)
    assert followed + all_of(follower) == found


def test_what_a_killed_writer_left_empty_is_replaced_and_counts_no_more(tmp_path: Path) -> None:
    killed = LogWriter(tmp_path, 1, LEAST_BYTES)
    reader = EmbeddedLogReader(tmp_path, 0)
    reader.seek_to_end()
    killed._lock.close()
    writer = LogWriter(tmp_path, 1, LEAST_BYTES)
    assert writer.size_bytes == sum(each.stat().st_size for each in segment_paths(tmp_path, 0))
    for number in range(200):
        write(writer, pulse_entries(number, 5000))
        time.sleep(FOLDER_LOOK_INTERVAL_S if number == 0 else 0)
        assert [entry_of(each.data).kind.name for each in reader.read()] == ["LOG", "CHUNK", "MARK"]
        paths = segment_paths(tmp_path, 0)
        assert writer.size_bytes == sum(each.stat().st_size for each in paths) <= LEAST_BYTES
    assert reader.dropped == Dropped()
    writer.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    """Have a file take what is left of its disk."""
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(2**16)):
            pass


def test_on_a_full_disk_old_segments_make_room_and_then_a_message_is_refused(
    small_disk: Path,
) -> None:
    writer = LogWriter(small_disk / "log", 1, 64 * 2**20, 2**20)
    for number in range(100):
        write(writer, pulse_entries(number, 50_000))
    ballast = small_disk / "ballast"
    fill(ballast)
    for number in range(100, 150):
        write(writer, pulse_entries(number, 50_000))
    reader = EmbeddedLogReader(small_disk / "log", 0)
    found = [offset for offset, _ in all_of(reader)]
    assert found[1:] == list(range(found[1], 450))  # the first one is the last value before them
    number, last = 150, []

    def go_on() -> None:
        nonlocal number, last
        while number < 300:
            fill(ballast)
            write(writer, pulse_entries(number, 50_000))
            last = all_of(reader)
            assert [data for _, data in last] == list(map(data_of, pulse_entries(number, 50_000)))
            number += 1

    with pytest.raises(OSError, match="No space left"):
        go_on()
    assert number > 150
    all_of(reader)
    ballast.unlink()
    write(writer, pulse_entries(number, 50_000))
    again = all_of(reader)
    assert [data for _, data in again] == list(map(data_of, pulse_entries(number, 50_000)))
    assert again[0][0] in (last[-1][0] + 1, last[-1][0] + 2)  # behind what fitted of the pulse
    writer.close()


def test_no_space_at_the_start_is_refused_in_words_and_leaves_no_segment(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with pytest.raises(LogRefused, match=r"log .*: \d+ bytes are free; it needs 2097152"):
        LogWriter(small_disk / "log", 1, 64 * 2**20)
    assert not list(small_disk.rglob("*segment*"))


@settings(max_examples=60)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_damage_anywhere_costs_what_is_damaged_and_is_told(data: st.DataObject, seed: int) -> None:
    stream = [entry for number in range(60) for entry in pulse_entries(number, 200)]
    whole = [(offset, data_of(entry)) for offset, entry in enumerate(stream)]
    with tempfile.TemporaryDirectory() as folder:
        path, chance = Path(folder), random.Random(seed)
        written(path, stream)
        victim = chance.choice(segment_paths(path, 0))
        content = bytearray(victim.read_bytes())
        where = data.draw(st.sampled_from(["head", "anywhere", "cut"]))
        start = chance.randrange(200 if where == "head" else len(content))
        if where == "cut":
            del content[start:]
        else:
            length = chance.choice([1, 8, 100, 3000])
            content[start : start + length] = chance.randbytes(length)
        victim.write_bytes(content)
        now_s = iter(range(10**9))
        reader = EmbeddedLogReader(path, 0, lambda: float(next(now_s)))
        found = all_of(reader)
        assert found == [each for each in whole if each in found]
        if found != whole:
            lost_last = found == whole[: len(found)] and victim == segment_paths(path, 0)[-1]
            assert reader.message or reader.dropped.messages or lost_last
        outside = [each for each in whole if each not in found]
        segments = len(segment_paths(path, 0))
        assert len(outside) <= 2 * len(whole) // segments + 2
        reader.seek(START_NS + 30 * PERIOD_NS)
        all_of(reader)
        written(path, pulse_entries(60))  # a writer starts all the same, with new offsets
        again = all_of(EmbeddedLogReader(path, 0, lambda: float(next(now_s))))
        assert [each for _, each in again[-3:]] == [data_of(each) for each in pulse_entries(60)]
        offsets = [offset for offset, _ in again]
        assert offsets == sorted(set(offsets))


def test_a_reader_at_the_limit_of_files_waits_and_then_goes_on_without_a_loss(
    tmp_path: Path,
) -> None:
    entries = [each for number in range(200) for each in pulse_entries(number)]
    written(tmp_path, entries)
    reader = EmbeddedLogReader(tmp_path, 0)
    found = [bytes(each.data) for each in reader.read(10)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # only the standard streams
    try:
        found += [data for _, data in all_of(reader)]
        message, behind = reader.message, reader.behind
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert 10 < len(found) < len(entries), "it has read its segment to the end"
    assert "Too many open files" in message
    assert behind.messages == 0, "later segments are not known"
    found += [data for _, data in all_of(reader)]
    assert found == [data_of(each) for each in entries]
    assert reader.message == ""
    assert reader.dropped.messages == 0


def test_a_reader_without_memory_passes_over_nothing_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, [each for number in range(200) for each in pulse_entries(number)])
    reader = EmbeddedLogReader(tmp_path, 0)
    reader.read(10)

    def no_memory(_path: Path) -> SegmentView:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(partition_segments, "SegmentView", no_memory)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        all_of(reader)
