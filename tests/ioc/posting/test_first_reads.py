"""What a client reads of regions and peaks of slices before they are computed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from caproto import ChannelType

from ioc.ca.channels.alarms import ABSENT_ALARM, NO_ALARM
from ioc.ca.channels.posted_channel import FIRST_VALUE_WAIT_S
from tests.support.ioc.family_bench import (
    PEAK,
    REGION,
    SETTINGS,
    cells_report,
    changed,
    numbers,
    running,
    until,
)
from tests.support.ioc.publisher_bench import PublisherBench
from tests.support.virtual_time import at_virtual_time

UNSET = PEAK.replace("Peak1", "Peak2")


async def read(bench: PublisherBench, name: str) -> Sequence[float]:
    """What a client reads that asks for a name now."""
    _, values = await bench.database.channels[f"P:{name}"].read(ChannelType.TIME_DOUBLE)
    return [float(each) for each in values]


@at_virtual_time
async def test_the_first_read_waits_for_what_is_computed_because_of_it() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    reading = asyncio.create_task(read(bench, PEAK))
    await asyncio.sleep(0.1)
    found = np.array([1.0, 2.0, 3.0])
    await bench.database.channels[f"P:{PEAK}"].publish_value(found, alarm=NO_ALARM)
    assert await reading == found.tolist()
    assert asyncio.get_running_loop().time() == 0.1


@at_virtual_time
async def test_a_read_waits_only_so_long_and_only_for_a_window_that_is_set() -> None:
    bench, now_s = PublisherBench(SETTINGS), asyncio.get_running_loop().time
    assert np.isnan(await read(bench, PEAK)).all()  # there is no result yet
    assert now_s() == 0
    await bench.publisher.ranks(cells_report(bench))  # nothing analyses it
    assert np.isnan(await read(bench, REGION)).all()
    assert now_s() == FIRST_VALUE_WAIT_S
    for name in (REGION, UNSET, PEAK):
        assert np.isnan(await read(bench, name)).all()
    assert now_s() == FIRST_VALUE_WAIT_S


@at_virtual_time
async def test_a_read_right_after_new_settings_waits_for_what_is_computed_with_them() -> None:
    bench, now_s = PublisherBench(SETTINGS), asyncio.get_running_loop().time
    await bench.publisher.ranks(cells_report(bench))
    channel = bench.database.channels[f"P:{REGION}"]
    await channel.publish_value(np.array([1.0, 2.0, 3.0]), alarm=NO_ALARM)
    await asyncio.sleep(60)
    changed(bench, maximum=2.2)
    await bench.publisher.families.posted(cells_report(bench), 0)
    reading = asyncio.create_task(read(bench, REGION))
    await asyncio.sleep(0.1)
    await channel.publish_value(np.array([4.0, 5.0, 6.0]), alarm=NO_ALARM)
    assert await reading == [4, 5, 6]
    changed(bench, maximum=2.3)
    await bench.publisher.families.posted(cells_report(bench), 0)  # nothing analyses it
    before_s = now_s()
    assert np.isnan(await read(bench, REGION)).all()
    assert now_s() == pytest.approx(before_s + FIRST_VALUE_WAIT_S)


async def test_the_first_read_says_by_its_alarm_that_nothing_is_computed_yet() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    _ = bench.database.channels[f"P:{PEAK}"]  # a client asks
    assert np.isnan(bench.get(PEAK)).all()
    assert bench.alarm(PEAK) == ABSENT_ALARM
    async with running(bench.publisher.families):
        await until(bench, PEAK, numbers)
        assert bench.alarm(PEAK) == NO_ALARM
        _ = bench.database.channels[f"P:{REGION}"]
        assert bench.alarm(REGION) == ABSENT_ALARM
        await until(bench, REGION, numbers)
        assert bench.alarm(REGION) == bench.alarm(PEAK) == NO_ALARM


async def test_windows_that_are_not_set_stay_in_alarm() -> None:
    bench = PublisherBench(SETTINGS)
    await bench.publisher.ranks(cells_report(bench))
    for name in (PEAK, UNSET):
        _ = bench.database.channels[f"P:{name}"]
    async with running(bench.publisher.families):
        await until(bench, PEAK, numbers)
        assert np.isnan(bench.get(UNSET)).all()
        assert (bench.alarm(PEAK), bench.alarm(UNSET)) == (NO_ALARM, ABSENT_ALARM)
