"""The file of values of process variables is found next to the run state, and must be usable."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.app.server.server_start import ServerStart
from ioc.app.server.starting_orders import kept_pv_logs
from ioc.options.program import StartError
from ioc.pv_logs.log_times import DatedValue


def test_the_file_is_next_to_the_run_state_if_that_is_kept() -> None:
    start = ServerStart(run_state=Path("/state/LIVE:/run-state.json"))
    assert start.pv_logs == Path("/state/LIVE:/run-state.json.pv-logs")
    assert ServerStart().pv_logs is None


async def test_without_a_file_values_are_kept_in_memory_alone() -> None:
    history = kept_pv_logs(None)
    history.add("T", DatedValue(1, 1, 1.0))
    assert history.size == 1
    await history.close()


async def test_a_foreign_file_is_renamed_as_the_autosave_file_is(tmp_path: Path) -> None:
    path = tmp_path / "run-state.json.pv-logs"
    path.write_text("junk")
    await kept_pv_logs(path).close()
    (aside,) = tmp_path.glob("run-state.json.pv-logs.aside-*Z")
    assert aside.read_text() == "junk"
    assert path.exists()


async def test_a_folder_in_its_place_is_set_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "pv-logs"
    path.mkdir()
    history = kept_pv_logs(path)
    (aside,) = tmp_path.glob("pv-logs.aside-*Z")
    assert history.news == f"{path} is renamed to {aside}, and is begun afresh: Is a directory"
    assert path.is_file()
    await history.close()


def test_a_file_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    path = tmp_path / "folder" / "pv-logs"
    with pytest.raises(StartError, match=f"run-state: {path}: Not a directory"):
        kept_pv_logs(path)
