"""What Restore and Unmask put back is kept in the file of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.app.server.starting_orders import starting_orders
from ioc.model.ioc_order import DetectorsBefore
from ioc.options.commands import IocOptions
from ioc.settings.autosave import file_text, load_settings, settings_by_name
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.instrument.geometry import powder_arc


def test_what_commands_put_back_is_kept_with_the_settings(tmp_path: Path) -> None:
    path, folders = tmp_path / "live.toml", AllowedFolders.of(())
    first = starting_orders(IocOptions(), powder_arc(), folders).orders
    before = (
        DetectorsBefore("Red1:Outliers:Unmask", ""),
        DetectorsBefore("Red1:Image:ROI:Restore", "1:3", "5;6"),
    )
    path.write_text(file_text("LIVE:", settings_by_name(first), {}, before))
    again = starting_orders(IocOptions(autosave=str(path)), powder_arc(), folders)
    assert (again.orders.ioc.before, again.changes) == (before, ())


@pytest.mark.parametrize(
    "table", ["x = 3", "x = {mask = 3}", "x = {groups = '5'}", f"x = {{mask = '{'1' * 60001}'}}"]
)
def test_what_no_command_can_put_back_is_left_out(tmp_path: Path, table: str) -> None:
    path = tmp_path / "live.toml"
    path.write_text(file_text("LIVE:", {}) + f"\n[before]\n{table}\n")
    assert load_settings(path, "LIVE:").before == ()
