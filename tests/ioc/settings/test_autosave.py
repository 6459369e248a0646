"""Settings survive a restart; what cannot is named, and hurts nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ioc.app.server.server_start import server_start
from ioc.app.server.starting_orders import starting_orders
from ioc.options.commands import IocOptions, RunOptions
from ioc.options.program import StartError
from ioc.options.shared_options import SettingOptions
from ioc.settings import autosave as autosave_module
from ioc.settings.autosave import (
    Autosave,
    digests_by_name,
    file_text,
    settings_by_name,
    settings_from_text,
)
from ioc.settings.initial import AllOrders, first_orders
from ioc.settings.kept_files import ForeignFile
from ioc.settings.restore import RestoredOrders, restored
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.instrument.geometry import powder_arc
from reduction.parameters.units import Units
from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_process import ioc_process
from tests.support.no_threads import no_threads


def anything(_: AllOrders) -> None:
    return None


def saved(start: SettingOptions) -> dict[str, object]:
    """What is kept of the settings of a start."""
    return settings_by_name(first_orders(start))


def again(changed: Mapping[str, object], *given: tuple[str, str]) -> RestoredOrders:
    """All defaults but for ``changed`` are restored, and some settings are given."""
    return restored(RunOptions(set=given), saved(RunOptions()) | dict(changed), anything)


def test_all_settings_come_back_as_they_were_through_the_text_of_a_file() -> None:
    given = RunOptions(
        reductions=2,
        set=(
            ("Red1:Units", "TOF"),
            ("Red1:BinParams", "1000,0.1,2000,1e-06,2000.001"),
            ("Red1:Filter:Min", "280"),
            ("Red1:Filter:Max", "300"),
            ("Red2:ROI3:Max", str(1 / 3)),
            ("Pause", "Pause"),
            ("PresetCounts", "1e22"),
            ("Sim:Atoms", "Si 0.125 0.125 0.125 1 0.5"),
            ("File:Name", 'a"b'),
        ),
    )
    kept = saved(given)
    result = restored(
        RunOptions(reductions=2), settings_from_text(file_text("X:", kept), "X:").settings, anything
    )
    assert result.orders == first_orders(given)
    assert set(result.names) == set(kept)
    assert result.skipped == ()
    assert set(result.changed) == set(dict(given.set))
    assert result.changed["Pause"] == "Pause"


def test_commands_and_settings_that_only_show_another_are_not_kept() -> None:
    kept = saved(RunOptions())
    assert "Red1:BinParams" in kept
    assert not {"Red1:BinMin", "Reset", "Acquire", "File:Write", "Red1:Units_RBV"} & set(kept)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Red1:BinParms", "1,1,2", "did you mean Red1:BinParams"),
        ("Sim:PulseRate", 5000, "Sim:PulseRate: 5000 refused: the highest is 1000 Hz"),
        ("Red1:BinParams", "5,1,1", "Red1:BinParams: '5,1,1' refused: boundaries must rise"),
        ("Red1:Filter:Step", -1.0, "Red1:Filter:Step: -1 refused: a slice is wider than 0"),
        ("Red1:Filter:Max", -5, "Red1:Filter:Max: -5 refused: Max, -5, must be above Min, 0"),
        ("File:Name", "a/b", "File:Name: 'a/b' refused"),
        ("Pause", "Perhaps", "Pause: 'Perhaps' refused: it is Run (0) or Pause (1)"),
    ],
)
def test_a_value_that_is_refused_is_left_out_by_name_and_the_rest_comes_back(
    name: str, value: float | int | str, words: str
) -> None:
    beside = {"Red1:Mask": "0:15", "Red1:Filter:Log": "pressure", "WindowTime": 7.0}
    result = again({**beside, name: value})
    assert len(result.skipped) == 1
    assert words in result.skipped[0]
    assert result.changed == beside
    assert name not in result.names


def test_what_was_given_wins_over_what_was_kept() -> None:
    result = again({"WindowTime": 7.0, "Sim:Pressure": 2.0}, ("WindowTime", "8"))
    assert result.orders.ranks.control.window_time == 8
    assert result.changed == {"Sim:Pressure": 2.0}


def test_a_unit_that_was_given_has_its_own_bins() -> None:
    result = again({"Red1:BinParams": "1,1,2"}, ("Red1:Units", "TOF"))
    assert result.orders.ranks.reductions[0].settings.bin_params == Units.TOF.default_bins


def test_bins_that_were_given_are_not_put_on_a_unit_that_was_kept() -> None:
    kept = {"Red1:Units": "TOF", "Red1:BinParams": "1000,20,60000"}
    result = again(kept, ("Red1:BinParams", "0.5,0.01,3"))
    settings = result.orders.ranks.reductions[0].settings
    assert (settings.units, settings.bin_params) == (Units.D_SPACING, "0.5,0.01,3")
    assert "Red1:Units" not in result.names


def test_bins_that_were_kept_are_not_put_on_another_unit_if_theirs_is_refused() -> None:
    result = again({"Red1:Units": "Furlong", "Red1:BinParams": "1000,20,60000"})
    assert result.changed == {}
    assert result.skipped[1] == "Red1:BinParams: '1000,20,60000' was for 'Furlong'"


def test_what_was_kept_gives_way_if_it_does_not_go_with_what_was_given() -> None:
    result = again({"Red1:Filter:Max": 5.0, "Red1:Filter:Log": "x"}, ("Red1:Filter:Min", "7"))
    assert result.changed == {"Red1:Filter:Log": "x"}
    assert "Red1:Filter:Max: 5 refused" in result.skipped[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "program is None"),
        ("junk", "Expected '='"),
        (file_text("X:", {}).replace("format = 1", "format = 2"), "format is 2, not 1"),
        (file_text("Y:", {}), "prefix is 'Y:', not 'X:'"),
        (file_text("X:", {}).replace("epics-live", "other"), "program is 'other-reduction'"),
        (file_text("X:", {}).replace("[set]", ""), r"no table \[set\]"),
        (file_text("X:", {"Red1:Mask": ["a"]}), "Red1:Mask is no text"),
    ],
)
def test_a_file_of_another_program_format_or_prefix_is_refused(text: str, words: str) -> None:
    with pytest.raises(ForeignFile, match=words):
        settings_from_text(text, "X:")


def started(path: Path, *given: tuple[str, str]) -> AllOrders:
    start = server_start(IocOptions(autosave=str(path), set=given), powder_arc())
    return AllOrders(start.ranks, start.simulator, start.ioc)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"junk", file_text("X:", {}).encode()])
def test_a_damaged_or_foreign_file_is_kept_aside_and_all_is_default(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bytes
) -> None:
    path = tmp_path / "live.toml"
    path.write_bytes(text)
    assert started(path).ioc == first_orders(RunOptions()).ioc
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("live.toml.aside-20")
    assert aside.read_bytes() == text
    assert str(aside) in caplog.text


def test_a_calibration_that_is_gone_is_left_out_and_the_file_that_names_it_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    path, lost = tmp_path / "live.toml", tmp_path / "lost.cal"
    kept = saved(RunOptions()) | {"Red1:Calibration": str(lost), "Red1:Mask": "0:15"}
    path.write_text(file_text("LIVE:", kept))
    detectors = started(path).ranks.reductions[0].settings.detectors
    assert (detectors.mask, detectors.calibration) == ("0:15", "")
    assert "not restored: Red1:Calibration" in caplog.text
    (aside,) = tmp_path.iterdir()
    assert str(lost) in aside.read_text()
    assert capsys.readouterr().out.splitlines() == [
        f"{len(kept) - 1} settings are restored from {path}",
        "Red1:Mask = 0:15",
    ]


def test_a_calibration_that_has_changed_since_is_read_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, table = tmp_path / "live.toml", tmp_path / "difc.txt"
    table.write_text("3 5000\n")
    folders = AllowedFolders.of(())
    given = IocOptions(set=(("Red1:Calibration", str(table)),))
    orders = starting_orders(given, powder_arc(), folders)
    assert orders.changes == ()
    digests = digests_by_name(orders.orders)
    assert digests == {"Red1:Calibration": hashlib.sha256(b"3 5000\n").hexdigest()}
    path.write_text(file_text("LIVE:", settings_by_name(orders.orders), digests))
    options = IocOptions(autosave=str(path))
    again = starting_orders(options, powder_arc(), folders)
    assert (again.orders, again.changes) == (orders.orders, ())
    table.write_text("3 5001\n")
    changed = starting_orders(options, powder_arc(), folders)
    told = "Red1:Calibration: the file has changed since it was read last"
    assert changed.changes == (told,)
    assert told in caplog.text
    (file,) = changed.orders.ranks.files
    assert file.columns.difc.tolist() == [5001]


async def test_a_folder_that_is_gone_is_reported_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "live.toml"

    autosave = Autosave(path, "X:", lambda: first_orders(RunOptions()))
    running = asyncio.create_task(autosave.run())
    async with asyncio.timeout(5):
        while not autosave.problem:
            await asyncio.sleep(0.01)
        assert autosave.problem == f"settings are not saved: {path}: No such file or directory"
        path.parent.mkdir()
        while not path.exists() or autosave.problem:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert settings_from_text(path.read_text(), "X:").settings == saved(RunOptions())


async def test_what_stays_the_same_is_not_written_again_and_a_last_change_is_at_the_stop(
    tmp_path: Path,
) -> None:
    path, starts, asked = tmp_path / "live.toml", [RunOptions()], []

    def accepted() -> AllOrders:
        asked.append(path.exists() and path.stat().st_ino)
        return first_orders(starts[-1])

    running = asyncio.create_task(Autosave(path, "X:", accepted).run())
    async with asyncio.timeout(5):
        while len(asked) < 3:
            await asyncio.sleep(0.01)
    starts.append(RunOptions(set=(("Pause", "1"),)))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert asked[0] is False
    assert asked[1] == asked[2]
    assert settings_from_text(path.read_text(), "X:").settings["Pause"] == "Pause"
    assert [each.name for each in tmp_path.iterdir()] == ["live.toml"]


async def test_a_disk_that_does_not_answer_is_told_and_holds_up_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "PATIENCE_S", 0.02)
    monkeypatch.setattr(autosave_module, "LAST_WRITE_S", 0.02)
    monkeypatch.setattr(autosave_module, "SAVE_PERIOD_S", 0.01)
    answers, asked = threading.Event(), []

    def silent(*_: Any) -> str:
        asked.append(answers.wait())
        return ""

    monkeypatch.setattr(autosave_module, "_write", silent)
    path = tmp_path / "live.toml"
    autosave = Autosave(path, "X:", lambda: first_orders(RunOptions()))
    running = asyncio.create_task(autosave.run())
    try:
        async with asyncio.timeout(20):
            while not autosave.problem:
                await asyncio.sleep(0.01)
            told = f"settings are not saved: {path}: the disk does not answer"
            assert autosave.problem == told
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        answers.set()
    assert len(asked) <= 1, "one write at a time"


async def test_without_a_thread_settings_are_not_saved_which_is_told_until_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "SAVE_PERIOD_S", 0.01)
    autosave = Autosave(tmp_path / "live.toml", "X:", lambda: first_orders(RunOptions()))
    with no_threads():
        running = asyncio.create_task(autosave.run())
        async with asyncio.timeout(20):
            while not autosave.problem:
                await asyncio.sleep(0.01)
        assert autosave.problem.startswith("settings are not saved: no thread can be started: the")
    async with asyncio.timeout(20):
        while autosave.problem:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (tmp_path / "live.toml").exists()


def test_settings_of_clients_are_there_after_a_restart_and_are_listed(
    net: Network, tmp_path: Path
) -> None:
    path = tmp_path / "live.toml"
    flags = ("--autosave", str(path), "--set=WindowTime=7")
    with ioc_process(net, tmp_path, *flags) as ioc:
        for pv, value in (("Red1:Units", "TOF"), ("File:Name", "si"), ("WindowTime", "9")):
            assert ioc.put(pv, value).returncode == 0
        assert ioc.put("Red1:BinParams", "2000,10,3000", "-S").returncode == 0
        assert ioc.stop() == (f"Settings are kept in {path}, which is not there yet\n", "")
    with ioc_process(net, tmp_path, *flags, prefix=ioc.prefix) as later:
        assert later.get("Red1:Units_RBV") == "TOF"
        assert later.get("Red1:BinParams_RBV", "-S") == "2000,10,3000"
        assert later.get("File:Name", "-S") == "si"
        assert later.number("WindowTime") == 7
        said, _ = later.stop()
    assert "Red1:BinParams = 2000,10,3000\n" in said
    assert "WindowTime" not in said


def test_a_folder_that_is_gone_is_told_on_the_status_message(net: Network, tmp_path: Path) -> None:
    path = tmp_path / "gone" / "live.toml"
    with ioc_process(net, tmp_path, "--autosave", str(path)) as ioc:
        ioc.until(lambda: "settings are not saved" in ioc.get("StatusMessage_RBV", "-S"))
        assert ioc.put("Red1:Units", "TOF").returncode == 0
        path.parent.mkdir()
        ioc.until(lambda: not ioc.get("StatusMessage_RBV", "-S"))
        assert '"Red1:Units" = "TOF"' in path.read_text()


def test_a_folder_for_files_that_the_start_does_not_allow_is_not_restored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "live.toml"
    settings = {"File:Path": "/etc", "File:Name": "mine"}
    path.write_text(file_text("LIVE:", settings, {}))
    folders = AllowedFolders.of([str(tmp_path)])
    starting = starting_orders(IocOptions(autosave=str(path)), powder_arc(), folders)
    files = starting.orders.ioc.files
    assert (files.path, files.name) == ("results", "mine")
    assert f"not restored: File:Path: '/etc' refused: it is outside {tmp_path}" in caplog.text
    given = IocOptions(set=(("File:Path", "/etc"),))
    with pytest.raises(StartError, match="Path: '/etc' refused: it is outside"):
        starting_orders(given, powder_arc(), folders)
