"""One put masks or groups the detectors of the rectangle in the image; one put takes it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ioc.ca.database import Database
from ioc.model.ioc_order import DetectorsBefore, IocOrder
from ioc.model.paths import with_value
from ioc.puts import picked_puts
from ioc.puts.image_geometries import ImageGeometries
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.picked_puts import PickedPuts
from ioc.security.rules import Client
from reduction.control.orders import RanksOrder
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import detector_groups
from reduction.parameters.detectors import LONGEST_LIST, DetectorSettings
from reduction.parameters.images.image import PickedCells
from reduction.parameters.specs import Refused
from tests.support.ioc.detector_files import order_with_files
from tests.support.ioc.order_bench import ROWS, OrderBench

COLUMNS = 40


def panel(rows: int, first_id: int = 100) -> Instrument:
    """A flat panel of 40 columns, whose ids go along its rows, the top one first, and a monitor.

    The last row has ids far from those of the others.
    """
    y, x = (each.ravel() for each in np.mgrid[rows:0:-1, 0:COLUMNS] * 0.01)
    ids = first_id + np.arange(rows * COLUMNS + 1, dtype=np.int32)
    ids[(rows - 1) * COLUMNS :] += 1000
    place = np.append(np.stack([x, y, np.full(x.size, 2.0)], axis=1), [[0.0, 0.0, -1.0]], axis=0)
    bank = np.append(np.zeros(x.size, np.int32), -1).astype(np.int32)
    monitor = np.arange(ids.size) == x.size
    return Instrument("panel", ids, place, monitor, 20.0, bank, ("panel",))


async def _no_put(*_: object) -> None:
    return None


class PickBench:
    """The handler of puts to a rectangle of ``instrument``, and ranks that obey at once."""

    def __init__(
        self, cells: PickedCells, instrument: Instrument | None = None, **settings: Any
    ) -> None:
        self._instrument = instrument or panel(4)
        self.bench = OrderBench(check=self._fits)
        order = with_value(
            self.bench.orders.ranks.newest,
            ("reductions", 0, "settings", "detectors"),
            DetectorSettings(banks=("panel",), **settings),
        )
        order = with_value(order, ("reductions", 0, "settings", "image", "picked"), cells)
        ranks = self.bench.orders.ranks
        ranks.accepted = ranks.newest = order_with_files(order, self._instrument)
        self.settings = IocSettings(IocOrder(), Database("P:", _no_put), AllowedFolders.of(()))
        self.restart()

    def restart(self) -> None:
        """Have another IOC go on with the settings that are kept."""
        geometries = ImageGeometries(self._instrument)
        self._puts = PickedPuts(self.bench.orders, self.settings, geometries)

    @asynccontextmanager
    async def _fits(self, _former: RanksOrder, order: RanksOrder) -> AsyncIterator[None]:
        detector_groups(order.reductions[0].settings.detectors, self._instrument, order.files)
        yield

    async def put(self, command: str) -> DetectorSettings:
        """The settings of detectors once a command is obeyed."""
        row = ROWS[f"Red1:Image:ROI:{command}"]
        task = asyncio.create_task(self._puts.put(row, True, Client("192.0.2.1", "anna")))
        while not task.done():
            await self.bench.settle()
            await self.bench.report_all()
        assert await task is False
        return self.detectors

    @property
    def detectors(self) -> DetectorSettings:
        return self.bench.orders.ranks.accepted.reductions[0].settings.detectors


def rectangle(min_x: int, min_y: int, size_x: int, size_y: int) -> PickedCells:
    return PickedCells(min_x=min_x, min_y=min_y, size_x=size_x, size_y=size_y)


async def test_a_mask_gets_the_ids_of_the_rectangle_and_keeps_what_it_has() -> None:
    picks = PickBench(rectangle(3, 1, 5, 2), mask="100,120:121")
    assert (await picks.put("Mask")).mask == "100,120:121,143:147,183:187"
    assert picks.detectors.groups == ""


async def test_ids_that_no_detector_has_do_not_end_a_range() -> None:
    picks = PickBench(rectangle(0, 1, COLUMNS, 3), mask="")
    assert (await picks.put("Mask")).mask == "140:1259"


async def test_what_is_beyond_the_image_is_left_out() -> None:
    picks = PickBench(rectangle(38, 0, 10, 1))
    assert (await picks.put("Mask")).mask == "138:139"


async def test_a_rectangle_is_the_only_group_or_one_more() -> None:
    alone = PickBench(rectangle(0, 0, 2, 1))
    assert (await alone.put("Group")).groups == "100:101"
    more = PickBench(rectangle(0, 0, 2, 2), groups="110:119;150")
    assert (await more.put("Group")).groups == "110:119;150;100:101,140:141"


async def test_restore_puts_back_what_was_there_before_the_first_command() -> None:
    picks = PickBench(rectangle(0, 0, 3, 1), mask="105", groups="110:119")
    before = picks.detectors
    assert (await picks.put("Group")).groups == "110:119;100:102"
    assert (await picks.put("Mask")).mask == "105,100:102"
    orders = len(picks.bench.ranks)
    assert await picks.put("Restore") == before
    assert len(picks.bench.ranks) == orders + 1
    with pytest.raises(Refused, match="nothing was masked or grouped by Image:ROI"):
        await picks.put("Restore")


async def test_restore_puts_back_also_after_a_restart() -> None:
    picks = PickBench(rectangle(0, 0, 3, 1), mask="105", groups="110:119")
    before = picks.detectors
    await picks.put("Mask")
    kept = DetectorsBefore("Red1:Image:ROI:Restore", "105", "110:119")
    assert picks.settings.accepted.before == (kept,)
    picks.restart()
    assert await picks.put("Restore") == before
    assert not picks.settings.accepted.before


async def test_a_command_that_is_refused_is_not_taken_back() -> None:
    picks = PickBench(rectangle(0, 0, COLUMNS, 4))
    with pytest.raises(Refused, match="no detector is left"):
        await picks.put("Mask")
    with pytest.raises(Refused, match="nothing was masked"):
        await picks.put("Restore")
    assert picks.detectors.mask == ""


@pytest.mark.parametrize(
    ("cells", "command", "settings", "why"),
    [
        (rectangle(0, 0, 0, 1), "Mask", {}, "there is no rectangle: SizeX or SizeY is 0"),
        (rectangle(COLUMNS, 0, 1, 1), "Mask", {}, "no detector is in the rectangle"),
        (rectangle(0, 0, 2, 1), "Mask", {"mask": "105,100:101"}, "are masked already"),
        (rectangle(0, 0, 2, 1), "Group", {"groups": "101:110"}, "101 is in two groups"),
        (rectangle(0, 0, 2, 1), "Group", {"groups": "banks"}, "Groups is banks"),
        (rectangle(0, 0, 2, 1), "Group", {"calibration_groups": True}, "switch it to Ignore"),
        (
            rectangle(0, 0, 2, 1),
            "Mask",
            {"mask": "," * (LONGEST_LIST - 4) + "150"},
            f"Mask would have {LONGEST_LIST + 7} characters",
        ),
    ],
)
async def test_refusals_say_why(
    cells: PickedCells, command: str, settings: dict[str, Any], why: str
) -> None:
    picks = PickBench(cells, **settings)
    before = picks.detectors
    with pytest.raises(Refused, match=why):
        await picks.put(command)
    assert picks.detectors == before
    assert not picks.bench.ranks


async def test_a_group_is_refused_where_a_file_has_the_groups(tmp_path: Path) -> None:
    file = tmp_path / "groups.txt"
    file.write_text("100:110\n120:130\n")
    picks = PickBench(rectangle(0, 0, 2, 1), groups_file=str(file))
    with pytest.raises(Refused, match="GroupsFile makes the groups: empty it first"):
        await picks.put("Group")
    assert (await picks.put("Mask")).mask == "100:101"


async def test_many_detectors_are_listed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picked_puts, "SMALL", 0)
    picks = PickBench(rectangle(0, 0, 1, 3))
    assert (await picks.put("Mask")).mask == "100,140,180"


async def test_a_list_longer_than_its_readback_is_whole() -> None:
    picks = PickBench(rectangle(0, 0, 1, 300), panel(400, first_id=100_000))
    listed = (await picks.put("Mask")).mask.split(",")
    assert listed == [str(100_000 + COLUMNS * row) for row in range(300)]
