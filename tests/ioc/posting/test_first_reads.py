"""What a client reads of regions and peaks of slices before they are computed."""

from __future__ import annotations

import numpy as np

from ioc.ca.alarms import ABSENT_ALARM, NO_ALARM
from tests.support.family_bench import (
    PEAK,
    REGION,
    SETTINGS,
    cells_report,
    numbers,
    running,
    until,
)
from tests.support.publisher_bench import PublisherBench


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
    unset = PEAK.replace("Peak1", "Peak2")
    for name in (PEAK, unset):
        _ = bench.database.channels[f"P:{name}"]
    async with running(bench.publisher.families):
        await until(bench, PEAK, numbers)
        assert np.isnan(bench.get(unset)).all()
        assert (bench.alarm(PEAK), bench.alarm(unset)) == (NO_ALARM, ABSENT_ALARM)
