"""Folders in which an event log can be kept, and those that are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.folder import LEAST_BYTES, check_log, default_limit_bytes, delete_log
from reduction.event_log.protocol import LogRefused
from reduction.event_log.storage.segments import first_offset, segment_paths
from reduction.event_log.writer import LogWriter
from tests.support.stream.event_logs import LIMIT, all_of, pulse_entries, written


def test_a_second_writer_is_refused_with_the_process_that_writes(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 1, LIMIT)
    for refused in (lambda: LogWriter(tmp_path, 1, LIMIT), lambda: check_log(tmp_path, 1, LIMIT)):
        with pytest.raises(LogRefused, match=f"process {os.getpid()} writes to it"):
            refused()
    writer.close()
    LogWriter(tmp_path, 1, LIMIT).close()


def about(**changes: object) -> str:
    return json.dumps(
        {"format": "live-reduction event log", "version": 1, "partitions": 1} | changes
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("log.json", about(version=2), "its version is 2; this program has 1"),
        ("log.json", about(format="x"), "log.json does not describe an event log"),
        ("log.json", about(partitions=0), "gives no number of partitions"),
        ("log.json", about(partitions=3), "it has 3 partitions, not 1; give another --log-folder"),
        ("log.json", "[]", "log.json does not describe an event log"),
        ("log.json", "{", "log.json cannot be read"),
        ("thesis.tex", "", "thesis.tex does not belong to an event log"),
        ("partition-0", "", "partition-0 does not belong to an event log"),
    ],
)
def test_a_folder_that_is_no_log_of_this_kind_is_refused_and_left_alone(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    for refused in (check_log, LogWriter):
        with pytest.raises(LogRefused, match=words):
            refused(tmp_path, 1, LIMIT)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "it is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (lambda path: path.write_bytes(bytes(100_000)), "it is larger than 64 KiB"),
        (lambda path: path.write_text("[" * 60_000), "log.json cannot be read"),
    ],
)
def test_a_description_that_is_no_file_of_its_kind_is_refused_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path / "log.json")
    for refused in (lambda: check_log(tmp_path, 1, LIMIT), lambda: EmbeddedLogReader(tmp_path, 0)):
        with pytest.raises(LogRefused, match=words):
            refused()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_segment_that_is_no_file_is_passed_over_and_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    written(tmp_path, [entry for number in range(20) for entry in pulse_entries(number)])
    first, *others = segment_paths(tmp_path, 0)
    first.unlink()
    make(first)
    found = [offset for offset, _ in all_of(EmbeddedLogReader(tmp_path, 0))]
    readable = list(range(first_offset(others[0]), 60))
    assert found[-len(readable) :] == readable


def test_a_description_that_a_killed_process_has_not_finished_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "log.json.part").write_text("{")
    written(tmp_path, [])
    assert EmbeddedLogReader(tmp_path, 0).identity
    assert not (tmp_path / "log.json.part").exists()


def test_a_log_without_an_identity_of_its_own_has_one_that_stays(tmp_path: Path) -> None:
    written(tmp_path / "log", [])
    (tmp_path / "log/log.json").write_text(about())
    identity = EmbeddedLogReader(tmp_path / "log", 0).identity
    written(tmp_path / "log", [])
    assert EmbeddedLogReader(tmp_path / "log", 0).identity == identity != ""


def test_a_file_a_limit_that_is_too_small_and_a_partition_that_is_not_there_are_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LogRefused, match=r"file: .*file is not a folder"):
        check_log(tmp_path / "file", 1, LIMIT)
    with pytest.raises(LogRefused, match=r"file/log: .*file is not a folder"):
        check_log(tmp_path / "file/log", 1, LIMIT)
    with pytest.raises(
        LogRefused, match="log_limit is 6291455 bytes, and 3 partitions need 6291456"
    ):
        check_log(tmp_path / "log", 3, 3 * LEAST_BYTES - 1)
    written(tmp_path / "log", [])
    with pytest.raises(LogRefused, match="it has 1 partitions, not 2"):
        EmbeddedLogReader(tmp_path / "log", 1)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LogRefused, match="no permission to write"):
        check_log(tmp_path / "log", 1, LIMIT)


def test_the_limit_unless_given_is_a_share_of_the_free_disk(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    share = free.f_bavail * free.f_frsize * 0.1
    assert default_limit_bytes(tmp_path / "a/b") == pytest.approx(min(share, 16 * 2**30), rel=0.05)


def test_a_log_is_deleted_unless_a_process_writes_to_it(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", 1, 16 * 2**20)
    with pytest.raises(LogRefused, match="writes to it"):
        delete_log(tmp_path / "log")
    writer.close()
    delete_log(tmp_path / "log")
    assert not (tmp_path / "log").exists()
    delete_log(tmp_path / "log")
