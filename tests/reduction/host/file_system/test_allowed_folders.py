"""Folders that a program may write in."""

from __future__ import annotations

from pathlib import Path

import pytest

from reduction.host.file_system.allowed_folders import AllowedFolders, FolderNotAllowed


def test_without_folders_it_is_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    allowed = AllowedFolders.of(())
    assert allowed.real_path("a/b") == tmp_path.resolve() / "a" / "b"
    with pytest.raises(FolderNotAllowed, match="outside"):
        allowed.check(str(tmp_path.parent))


def test_the_root_folder_is_allowed_only_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(FolderNotAllowed, match="no folder for files was given"):
        AllowedFolders.of(()).real_path("tmp")
    assert AllowedFolders.of(["/"]).real_path("tmp").name == "tmp"


def test_a_folder_that_is_reached_by_a_link_has_two_names(tmp_path: Path) -> None:
    real, link = tmp_path / "mnt-1", tmp_path / "data"
    real.mkdir()
    link.symlink_to(real)
    allowed = AllowedFolders.of([str(link)])
    for path in (link / "new", real / "new", Path("new"), Path("a/../new")):
        allowed.check(str(path))
        assert allowed.real_path(str(path)) == real.resolve() / "new"


def test_a_second_folder_is_allowed_by_its_full_path(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    allowed = AllowedFolders.of([str(tmp_path / name) for name in "ab"])
    allowed.check(str(tmp_path / "b" / "new"))
    with pytest.raises(FolderNotAllowed):
        allowed.check("../b2")


def test_a_link_that_leads_to_itself_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(RuntimeError):
        AllowedFolders.of([str(tmp_path)]).real_path("loop/x")


def test_folders_must_be_there_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError) as raised:
        AllowedFolders.of([str(tmp_path / "mistyped")])
    assert raised.value.filename == str(tmp_path / "mistyped")
