"""Only a regular file is read, and nothing else is opened or waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from reduction.host.file_system.regular_files import read_regular_file


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate((1 << 20) + 1)


def test_the_bytes_of_a_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"", b"x", bytes(1 << 20)):
        path.write_bytes(content)
        assert read_regular_file(path, 1 << 20) == content


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file or directory"),
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "it is no regular file"),
        (make_socket, "it is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (large, "it is larger than 1 MiB"),
        (lambda path: path.symlink_to("/proc/self/status"), "it grows while it is read"),
    ],
)
def test_what_is_no_file_or_too_large_or_grows_is_refused(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "a"
    make(path)
    with pytest.raises(OSError, match=why) as refused:
        read_regular_file(path, 1 << 20)
    assert (refused.value.strerror, refused.value.filename) == (why, str(path))


def test_a_nul_in_a_path_is_refused() -> None:
    with pytest.raises(OSError, match="null"):
        read_regular_file(Path("a\0b"), 10)
