"""Files of the result that the page shows: the sum, slices, groups and closed series."""

from __future__ import annotations

import asyncio
import io
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.control.reports import RanksReport, SeriesResult
from reduction.files.nexus_reader import read_nexus
from reduction.parameters.all_reductions.series import SeriesStatus
from tests.support.ioc.ioc_bench import PULSE_TIME_NS, Ioc
from tests.support.ioc.web_bench import WebBench


async def test_the_result_is_downloaded_as_text_and_as_nexus(
    web: WebBench, ioc: Ioc, tmp_path: Any
) -> None:
    async with web.browser(trusted=False) as browser:
        text = await browser.get("/download/xye", params={"reduction": "1"})
        assert text.status == 200, await text.text()
        rows = [line.split() for line in (await text.text()).splitlines() if line[0] != "#"]
        assert len(rows) == 4600
        assert float(rows[0][1]) == pytest.approx(1000)  # one count in each bin of 0.001
        nexus = await browser.get("/download/nexus")
        assert "_Red1_to_pulse_2147483647.nxs" in nexus.headers["Content-Disposition"]
        path = tmp_path / "result.nxs"
        path.write_bytes(await nexus.read())
        saved = read_nexus(path)
        np.testing.assert_array_equal(saved.counts, 1)
        np.testing.assert_allclose(saved.variances, 1)
        assert saved.end_time_ns == PULSE_TIME_NS
        assert (saved.accounting["received"], saved.last_pulse) == (7, 2**31 - 1)
        assert math.isnan(saved.proton_charge_uc)  # these ranks report none
        for bad in ("/download/zip", "/download/xye?reduction=2", "/download/xye?reduction=x"):
            assert (await browser.get(bad)).status == 404


def sliced(report: RanksReport) -> RanksReport:
    """A report with totals of each slice, and with a closed series."""
    (result,) = report.results
    assert result.counts is not None
    slices, _, bins = result.counts.shape
    numbers = tuple(float(n + 1) for n in range(slices))
    status = SeriesStatus(pulses=3, pulse_first=1, pulse_last=9, time_elapsed=2.5)
    changed = replace(
        result,
        status=replace(result.status, proton_charge=sum(numbers)),
        counts=result.counts * np.arange(1, slices + 1)[:, np.newaxis, np.newaxis],
        charges_uc=numbers,
        monitor_counts=tuple(10 * each for each in numbers),
        seconds=tuple(100 * each for each in numbers),
        series=(SeriesResult(status, np.full(bins, 7), 5.0, 70.0, 2.5),),
    )
    return replace(report, results=(changed,))


async def test_slices_and_series_are_downloaded_with_their_charge(
    web: WebBench, ioc: Ioc, tmp_path: Path
) -> None:
    ioc.ranks.changed = sliced
    for name, value in (("Red1:Filter:Params", "pressure,1,0.5,2.5"), ("Red1:BinParams", "1,1,9")):
        assert (await asyncio.to_thread(ioc.put, name, value)).returncode == 0
    generation = int(await asyncio.to_thread(ioc.get, "Red1:Generation_RBV")) + 1
    async with web.browser(trusted=False) as browser:
        path = tmp_path / "result.nxs"
        path.write_bytes(await (await browser.get("/download/nexus")).read())
        text = await browser.get("/download/xye")
        assert text.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(await text.read())) as archive:
            names = [each.partition("pulse_")[2] for each in archive.namelist()]
            last = archive.read(archive.namelist()[3]).decode()
    saved = read_nexus(path)
    wanted = generation * np.arange(1, 4)[:, np.newaxis, np.newaxis] * np.ones((3, 1, 8))
    np.testing.assert_allclose(saved.counts, wanted)
    np.testing.assert_allclose(saved.variances, wanted)
    assert saved.slice_log == "pressure"
    assert saved.slice_bounds == ((1.0, 1.5), (1.5, 2.0), (2.0, 2.5))
    assert saved.slice_totals == ((1.0, 10.0, 100.0), (2.0, 20.0, 200.0), (3.0, 30.0, 300.0))
    assert (saved.proton_charge_uc, saved.monitor_counts, saved.collection_time_s) == (6, 60, 600)
    (series,) = saved.series
    assert series.counts.tolist() == [7.0] * 8
    assert series[1:] == (1, 9, 5.0, 2.5, 70.0)
    ends = ["", "_slice1", "_slice2", "_slice3", "_series1"]
    assert names == [f"2147483647{each}.xye" for each in ends]
    assert "pressure in [2, 2.5)" in last


async def test_groups_are_downloaded_if_nothing_is_sliced(
    web: WebBench, ioc: Ioc, tmp_path: Path
) -> None:
    for name, value in (("Red1:Groups", "0-9;10-19"), ("Red1:Normalisation", "Monitor")):
        assert (await asyncio.to_thread(ioc.put, name, value)).returncode == 0
    async with web.browser(trusted=False) as browser:
        path = tmp_path / "result.nxs"
        path.write_bytes(await (await browser.get("/download/nexus")).read())
    saved = read_nexus(path)
    assert saved.counts.shape == (1, 2, 4600)
    assert saved.group_names == ("0-9", "10-19")
    assert saved.intensity is not None
    assert saved.intensity.by_group.values.shape == (2, 4600)
    np.testing.assert_array_equal(saved.counts, 3)
