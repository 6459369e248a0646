"""What the ranks could not obey is refused before it is ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ioc.model.paths import Path as Steps
from ioc.model.paths import with_value
from ioc.puts.image_geometries import ImageGeometries
from ioc.puts.order_changes import command_change
from ioc.puts.order_checks import OrderChecks
from reduction.control.orders import RanksOrder
from reduction.control.run_state import RunState
from reduction.files.nexus_writer import write_nexus
from reduction.instrument.geometry import powder_arc
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.corrections import Normalisation
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from reduction.parameters.windows import WindowSettings
from tests.support.ioc.detector_files import order_with_files
from tests.support.results.saved_sample import sample

SETTINGS: Steps = ("reductions", 0, "settings")


class Logs:
    """Notes which logs an order needs."""

    def __init__(self) -> None:
        self.names_asked: list[set[str]] = []

    @asynccontextmanager
    async def available(self, names: Iterable[str]) -> AsyncIterator[None]:
        self.names_asked.append(set(names))
        yield


def checked_changes(*changes: tuple[Steps, Any], old: RanksOrder = RanksOrder()) -> Logs:  # noqa: B008
    logs = Logs()
    checks = OrderChecks(ImageGeometries(powder_arc()), logs)  # type: ignore[arg-type]
    asyncio.run(check(checks, old, changed(old, *changes)))
    return logs


def checked(old: RanksOrder, new: RanksOrder, series: int = 1) -> Logs:
    logs = Logs()
    run = RunState(series_ends_ns=(0,) * (series - 1))
    checks = OrderChecks(ImageGeometries(powder_arc()), logs, lambda: run)  # type: ignore[arg-type]
    asyncio.run(check(checks, old, new))
    return logs


def changed(order: RanksOrder, *changes: tuple[Steps, Any]) -> RanksOrder:
    for path, value in changes:
        order = with_value(order, (*SETTINGS, *path), value)
    return order


async def check(checks: OrderChecks, old: RanksOrder, new: RanksOrder) -> None:
    async with checks.check(old, new):
        return


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mask", "5000", "no detector in 5000; powder_arc has ids from 0 to 999"),
        ("mask", "a:b", "'a:b' is no detector id"),
        ("groups", "0:9;5:20", "detector 5 is in two groups"),
        ("banks", tuple(f"b{n}" for n in range(1_000_001)), "1000001 groups; the limit is 1000000"),
        ("calibration", "/absent.txt", "its content is not in the order"),
    ],
)
def test_detectors_that_do_not_exist_are_refused(field: str, value: str, words: str) -> None:
    groups = ((("detectors", "groups"), "banks"),) if field == "banks" else ()
    with pytest.raises(Refused, match=words):
        checked_changes(*groups, (("detectors", field), value))


def test_more_cells_than_memory_is_for_are_refused() -> None:
    groups = ";".join(map(str, range(32)))
    with pytest.raises(Refused, match="are too many together"):
        checked_changes(
            (("detectors", "groups"), groups),
            (("filter", "log"), "temperature"),
            (("filter", "step"), 0.5),
            (("bin_params",), "0.4,0.0001,5"),
        )


@pytest.mark.parametrize(
    ("series", "mode", "words"),
    [
        (1001, AccumulationMode.SINCE_RESET, "1000 series are closed, which is the limit"),
        (1, AccumulationMode.WINDOW, "AccumulationMode is Window; series are of SinceReset"),
        (1, AccumulationMode.FADING, "AccumulationMode is Fading"),
    ],
)
def test_a_series_that_cannot_be_closed_is_refused(
    series: int, mode: AccumulationMode, words: str
) -> None:
    old = RanksOrder(control=RunControl(accumulation=mode))
    with pytest.raises(Refused, match=words):
        checked(old, replace(old, closes=1), series)


def test_series_count_for_the_memory_of_cells() -> None:
    groups = ";".join(map(str, range(32)))
    old = with_value(RanksOrder(), (*SETTINGS, "detectors", "groups"), groups)
    old = with_value(old, (*SETTINGS, "bin_params"), "0.4,0.0001,5")
    checked(old, replace(old, closes=1), 10)
    with pytest.raises(Refused, match="15 series of together 15 slices, 32 groups"):
        checked(old, replace(old, closes=1), 14)


VANADIUM: Steps = ("corrections", "vanadium")
NORMALISATION: Steps = ("corrections", "normalisation")


def test_a_vanadium_that_does_not_go_with_the_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "van.nxs"
    with pytest.raises(Refused, match=r"^Vanadium: .* refused: there is no such file"):
        checked_changes((VANADIUM, str(path)))
    write_nexus(sample(proton_charge_uc=0.0), path)
    checked_changes((VANADIUM, str(path)))
    with_it = changed(RanksOrder(), (VANADIUM, str(path)))
    with pytest.raises(Refused, match=r"the vanadium van.nxs is in dSpacing, not in TOF"):
        checked_changes((("units",), Units.TOF), (("bin_params",), "1000,20,60000"), old=with_it)
    with pytest.raises(Refused, match="covers no bin from 5 to 6"):
        checked_changes((("bin_params",), "5,0.1,6"), old=with_it)
    with pytest.raises(Refused, match="its proton charge is 0 uC; to normalise by it"):
        checked_changes((NORMALISATION, Normalisation.PROTON_CHARGE), old=with_it)
    checked_changes((NORMALISATION, Normalisation.MONITOR), old=with_it)


def test_a_file_in_force_is_not_asked_for_again_until_it_is_set_again(tmp_path: Path) -> None:
    path = tmp_path / "van.nxs"
    write_nexus(sample(), path)
    checks = OrderChecks(ImageGeometries(powder_arc()), Logs())  # type: ignore[arg-type]
    plain = RanksOrder()
    with_it = changed(plain, (VANADIUM, str(path)))
    other_bins = changed(with_it, (("bin_params",), "0.4,0.01,5"))
    asyncio.run(check(checks, plain, with_it))
    path.unlink()
    asyncio.run(check(checks, with_it, other_bins))
    asyncio.run(check(checks, other_bins, plain))
    with pytest.raises(Refused, match="there is no such file"):
        asyncio.run(check(checks, plain, with_it))


def test_a_file_whose_order_was_not_obeyed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "van.nxs"
    write_nexus(sample(), path)
    checks = OrderChecks(ImageGeometries(powder_arc()), Logs())  # type: ignore[arg-type]
    with_it = changed(RanksOrder(), (VANADIUM, str(path)))

    async def not_obeyed() -> None:
        async with checks.check(RanksOrder(), with_it):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(not_obeyed())
    path.unlink()
    with pytest.raises(Refused, match="there is no such file"):
        asyncio.run(check(checks, RanksOrder(), with_it))


def test_what_fits_is_check(tmp_path: Path) -> None:
    table = tmp_path / "difc.txt"
    table.write_text("3 5000\n4 5001\n")
    calibrated = changed(RanksOrder(), (("detectors", "calibration"), str(table)))
    masked = changed(calibrated, (("detectors", "mask"), "0:15,400:420"))
    checked(RanksOrder(), order_with_files(masked))


def test_a_log_is_needed_from_the_order_on_that_slices_by_it() -> None:
    assert checked_changes((("filter", "log"), "temperature")).names_asked == [{"temperature"}]
    assert checked_changes((("filter", "step"), 2.0)).names_asked == [set()]


@pytest.mark.parametrize("command", ["acquire", "next_series"])
@pytest.mark.parametrize("preset", [Preset.COUNTS, Preset.REL_ERROR])
def test_a_preset_of_a_region_without_a_window_is_refused_when_it_begins(
    preset: Preset, command: str
) -> None:
    old = RanksOrder(acquisition=AcquisitionSettings(preset, preset_region=2))
    with pytest.raises(Refused, match="region 2, and Red1:ROI2 has no window"):
        checked(old, command_change(command, True)(old))
    windows = changed(old, (("regions", 1), WindowSettings(1.8, 2.0)))
    checked(windows, command_change(command, True)(windows))
    stopped = command_change("stop", True)(old)
    checked(old, stopped)
    for other in (AcquisitionSettings(preset), AcquisitionSettings(Preset.TIME, preset_region=2)):
        fine = replace(old, acquisition=other)
        checked(fine, command_change(command, True)(fine))
