"""The key of the parts of the program, in a file that nobody else can read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from reduction.host.network.key_file import Key, KeyRefused, make_key, read_key


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    made = make_key(tmp_path / "state" / "key")
    assert make_key(tmp_path / "state" / "key") == made
    assert read_key(tmp_path / "state" / "key") == made
    assert (tmp_path / "state" / "key").stat().st_mode & 0o777 == 0o600
    assert len(made.public) == 40
    assert made.public != made.secret
    assert [each.name for each in (tmp_path / "state").iterdir()] == ["key"]


def test_two_keys_differ(tmp_path: Path) -> None:
    assert make_key(tmp_path / "a") != make_key(tmp_path / "b")


def test_processes_that_make_a_key_at_the_same_time_have_the_same(tmp_path: Path) -> None:
    found: list[Key] = []
    threads = [
        threading.Thread(target=lambda: found.append(make_key(tmp_path / "key"))) for _ in range(2)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyRefused, match="chmod 600"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"secret words", b"\xff" * 40, b"0" * 1000, b"~" * 40])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyRefused) as refused:
        read_key(path)
    assert str(refused.value) == f"{path}: it holds no key"


def test_a_key_that_is_not_there_or_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="No such file"):
        read_key(tmp_path / "key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyRefused, match="no regular file"):
        read_key(tmp_path / "pipe")
    (tmp_path / "file").touch()
    with pytest.raises(KeyRefused, match="no key can be made there"):
        make_key(tmp_path / "file" / "key")


def test_a_key_is_not_printed(tmp_path: Path) -> None:
    made = make_key(tmp_path / "key")
    assert made.secret.decode() not in repr(made)
    assert os.fsencode("…") in repr(made).encode()
