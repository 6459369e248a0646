"""Compiled code has a folder, whatever this program may write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ioc.app.compiled_code import CACHE_VARIABLE, compiled_code_kept, has_folder


def test_a_folder_that_can_be_written_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "new"))
    assert has_folder(os.environ)
    with compiled_code_kept():
        assert os.environ[CACHE_VARIABLE] == str(tmp_path / "new")


def test_where_none_can_be_written_there_is_one_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "folder"))
    with compiled_code_kept():
        folder = Path(os.environ[CACHE_VARIABLE])
        assert folder.is_dir()
        assert has_folder(os.environ)
    assert not folder.exists()
