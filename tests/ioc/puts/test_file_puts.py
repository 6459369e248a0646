"""Puts of files about detectors: the IOC reads them, and the order carries what they say."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.control.orders import RanksOrder
from reduction.parameters.specs import Refused
from tests.support.ioc.order_bench import OrderBench


@pytest.fixture
def bench() -> OrderBench:
    return OrderBench()


async def ordered(bench: OrderBench, pv: str, value: Any) -> RanksOrder:
    """The order that a put gives, once a report says that it is obeyed."""
    before, put = len(bench.ranks), await bench.put(pv, value)
    async with asyncio.timeout(10):
        while len(bench.ranks) == before and not put.done():
            await asyncio.sleep(0.001)
    if len(bench.ranks) > before:
        await bench.report(bench.ranks[-1])
    await put
    return bench.ranks[-1]


async def test_the_order_has_what_the_file_says(bench: OrderBench, tmp_path: Path) -> None:
    path = tmp_path / "difc.txt"
    path.write_text("3 5000\n7 6000\n")
    order = await ordered(bench, "Red1:Calibration", str(path))
    path.unlink()
    (file,) = order.files
    assert file.columns.detector_id.tolist() == [3, 7]
    assert file.columns.difc.tolist() == [5000, 6000]
    detectors = order.reductions[0].settings.detectors
    assert (detectors.calibration, detectors.read.calibration) == (str(path), file.digest)
    order = await ordered(bench, "Red1:BinParams", "1,1,4")
    assert order.files == (file,)


async def test_a_put_of_the_same_path_reads_the_file_again(
    bench: OrderBench, tmp_path: Path
) -> None:
    path = tmp_path / "mask.txt"
    path.write_text("1:5")
    first = await ordered(bench, "Red1:MaskFile", str(path))
    assert await ordered(bench, "Red1:MaskFile", str(path)) is first
    path.write_text("1:6")
    second = await ordered(bench, "Red1:MaskFile", str(path))
    assert second.reductions[0].generation == first.reductions[0].generation + 1
    assert second.files[0].columns.masked.sum() == 6
    assert len(second.files) == 1


async def test_without_its_path_a_file_is_no_longer_in_the_order(
    bench: OrderBench, tmp_path: Path
) -> None:
    path = tmp_path / "groups.txt"
    path.write_text("0:499\n500:999\n")
    order = await ordered(bench, "Red1:GroupsFile", str(path))
    assert order.reductions[0].settings.detectors.read.group_names == ("1", "2")
    order = await ordered(bench, "Red1:GroupsFile", "")
    assert order.files == ()
    assert order.reductions[0].settings.detectors.read.groups == ""


@pytest.mark.parametrize("pv", ["Red1:Calibration", "Red1:MaskFile", "Red1:GroupsFile"])
async def test_a_file_that_is_refused_leaves_the_one_before_it_in_force(
    bench: OrderBench, tmp_path: Path, pv: str
) -> None:
    good, bad = tmp_path / "good.cal", tmp_path / "bad.cal"
    good.write_text("0 3 0.1 1 1\n1 4 0.1 0 2\n")
    bad.write_text("0 3 0.1 1 1\n1 secret 0 1 1\n")
    order = await ordered(bench, pv, str(good))
    with pytest.raises(Refused, match=r"bad.cal' refused: line 2: ") as refused:
        await bench.asked(pv, str(bad))
    assert "secret" not in str(refused.value)
    assert bench.orders.ranks.newest is order
    assert bench.orders.ranks.accepted == order


async def test_groups_are_of_one_source(bench: OrderBench, tmp_path: Path) -> None:
    path = tmp_path / "groups.cal"
    path.write_text("0 3 0.1 1 1\n1 4 0.1 0 2\n")
    await ordered(bench, "Red1:GroupsFile", str(path))
    with pytest.raises(Refused, match="GroupsFile is set, too"):
        await bench.asked("Red1:CalibrationGroups", True)
    with pytest.raises(Refused, match="Groups is set, too"):
        await bench.asked("Red1:Groups", "0:9")
    await ordered(bench, "Red1:GroupsFile", "")
    await ordered(bench, "Red1:CalibrationGroups", True)
    order = await ordered(bench, "Red1:Calibration", str(path))
    assert order.reductions[0].settings.detectors.read.calibration_names == ("1", "2")


async def test_others_are_served_while_a_file_is_read(bench: OrderBench, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    np.savetxt(path, np.column_stack([np.arange(300_000), np.full(300_000, 5000.5)]), "%d %.2f")
    reading = await bench.put("Red1:Calibration", str(path))
    for _ in range(3):
        assert not reading.done()
        await ordered(bench, "Pause", not bench.orders.ranks.accepted.control.pause)
    while not reading.done():
        await asyncio.sleep(0.001)
        if bench.ranks[-1].files:
            await bench.report(bench.ranks[-1])
    assert await reading == str(path)


async def test_a_pipe_is_refused_and_not_waited_for(bench: OrderBench, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="it is no regular file"):
        await bench.asked("Red1:MaskFile", str(tmp_path / "pipe"))
