"""Whatever the file of saved settings has become: it is set aside, told, and the start goes on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ioc.app.server.server_start import server_start
from ioc.options.commands import IocOptions
from ioc.options.program import StartError
from ioc.settings.autosave import LARGEST_BYTES, file_text
from ioc.settings.kept_files import ForeignFile, read_kept_file, set_aside
from reduction.instrument.geometry import powder_arc
from tests.support.cost import costs_at_most

HEAD = file_text("LIVE:", {})
NAMES = ("Red1:BinParams", "WindowTime", "Pause", "Red1:Units", "PresetPulses", "File:Name")
HUGE = "0x" + "f" * 100_000


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def written(content: str | bytes) -> Callable[[Path], Any]:
    """Makes a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(data)


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)


def said(path: Path) -> str:
    """What clients are told of an autosave file after the start."""
    start = server_start(IocOptions(autosave=str(path)), powder_arc())
    assert start.autosave is not None
    (change,) = start.changes
    return change


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "it is no regular file"),
        (make_socket, "it is no regular file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (large, "it is larger than 4 MiB"),
        (written(bytes(range(256)) * 100), "can't decode byte"),
        (written(HEAD.replace("format = 1", f"format = {HUGE}")), "format is a number of 400000"),
        (written(HEAD.replace("format = 1", "format = " + "1" * 5000)), "Exceeds the limit"),
        (written(HEAD.replace("format = 1", "format = nan")), "format is nan, not 1"),
        (written(HEAD.replace("format = 1", "format = 2")), "format is 2, not 1"),
        (written(HEAD.replace('"LIVE:"', f'"{"x" * 10_000}"')), "prefix is 'xxx"),
        (written(HEAD + "a = " + "[" * 10_000), "recursion"),
        (written(HEAD + "a." * 2_000_000 + "a = 1"), "a line has more than 100 dots"),
        (written(HEAD + "a = 1\na = 2\n"), "overwrite"),
        (written(HEAD + "Pause = 1979-05-27\n"), "Pause is no text and no number"),
        (written(HEAD + "x" * 10_000 + " = []\n"), "xxx is no text and no number"),
    ],
)
def test_what_cannot_be_used_is_renamed_and_told_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "live.toml"
    make(path)
    change = said(path)
    (aside,) = tmp_path.iterdir()
    assert change.startswith(f"{path} is renamed to {aside}, and the defaults are used: ")
    assert why in change
    assert len(change) < 500
    assert caplog.messages == [change]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [HUGE, "-" + "9" * 400, "nan", "-inf", "1e400", "true", '"\\u0000"', '"é"', '""', "1e-9"],
)
def test_a_setting_of_an_absurd_value_is_left_out_or_taken_and_the_others_are_restored(
    tmp_path: Path, name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "live.toml"
    path.write_text(f'{HEAD}\n"{name}" = {value}\n"Red1:Mask" = "0:15"\n')
    start = server_start(IocOptions(autosave=str(path)), powder_arc())
    assert start.ranks.reductions[0].settings.detectors.mask == "0:15"
    assert all(len(each) < 500 for each in caplog.messages)


def test_many_long_names_of_no_setting_take_little_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "live.toml"
    path.write_text(HEAD + "".join(f'"{"Red1:Mask" * 100}{n}" = 1\n' for n in range(4000)))
    with costs_at_most(20):
        assert "has settings that are not restored" in said(path)
    assert len(caplog.messages) == 12
    assert caplog.messages[-1] == "not restored: 3990 more names are those of no setting"


def test_a_folder_with_files_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").touch()
    assert "is a folder with files in it, and stays" in said(tmp_path / "folder")
    assert (tmp_path / "folder" / "mine").exists()


def test_what_cannot_be_renamed_is_told(tmp_path: Path) -> None:
    assert set_aside(tmp_path / "gone") == "cannot be renamed (No such file or directory)"


def test_a_device_is_left_alone() -> None:
    with pytest.raises(StartError, match="autosave = /dev/null: it is a device"):
        said(Path("/dev/null"))


@pytest.mark.parametrize("path", ["a/b/c\0d", "/dev/null/x", "x" * 5000])
def test_where_there_can_be_no_file_the_start_ends(path: str) -> None:
    with pytest.raises(StartError, match="autosave = "):
        read_kept_file("autosave", Path(path), 10)


def test_no_file_is_no_content(tmp_path: Path) -> None:
    assert read_kept_file("autosave", tmp_path / "a", 10) is None
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    assert read_kept_file("autosave", tmp_path / "a", 10) is None
    (tmp_path / "b").write_bytes(bytes(11))
    with pytest.raises(ForeignFile):
        read_kept_file("autosave", tmp_path / "b", 10)
