"""Folders of running processes, and what is left of those that were killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reduction.host.file_system.runtime_folder import FRESH_S, LOCK, own_folder

HOLD = """\
import pathlib, sys
from reduction.host.file_system.runtime_folder import own_folder
with own_folder(pathlib.Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    input()
"""


@contextmanager
def holder(memory: Path, temporary: Path | str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process, and the folder that it has."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
        cwd=Path(__file__).parents[4],
    ) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def test_a_folder_is_in_memory_and_there_until_the_end(tmp_path: Path) -> None:
    with own_folder(tmp_path) as folder:
        (folder / "deep").mkdir()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_where_temporary_files_are_in_memory_already_it_is_with_them(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    with holder(tmp_path, mine) as (_, folder):
        assert folder.parent == mine


def test_where_memory_has_too_little_room_it_is_with_temporary_files_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, files = tmp_path / "memory", tmp_path / "files"
    memory.mkdir()
    files.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(files))
    with own_folder(memory, needed_bytes=1 << 60) as folder:
        assert folder.parent == files
    assert f"{memory} has " in caplog.text
    assert f" MB free: {files} is used in its place" in caplog.text
    with own_folder(memory, needed_bytes=1) as folder:
        assert folder.parent == memory


def test_without_memory_it_is_with_temporary_files(tmp_path: Path) -> None:
    with holder(tmp_path / "none", tmp_path) as (_, folder):
        assert folder.parent == tmp_path


def test_what_a_killed_process_left_goes_at_the_next_start_and_what_one_has_stays(
    tmp_path: Path,
) -> None:
    data, fresh = tmp_path / "live-reduction-data", tmp_path / "live-reduction-fresh"
    for folder in (data, fresh):  # of the user, and of one that is about to lock it
        folder.mkdir()
    (fresh / LOCK).touch()
    long_ago = time.time() - 2 * FRESH_S
    with holder(tmp_path, "/tmp") as (process, left):
        (left / "file").touch()
        for old in (data, left, left / LOCK):
            os.utime(old, (long_ago, long_ago))
        with own_folder(tmp_path):
            assert left.is_dir()
        process.kill()
        process.wait()
        with own_folder(tmp_path):
            assert not left.exists()
    assert set(tmp_path.iterdir()) == {data, fresh}
