"""A put is refused for a process that ends again and again, not for one that is slow.

Time is virtual.
"""

from __future__ import annotations

import asyncio

import pytest

from reduction.parameters.specs import Refused
from tests.support.ioc.order_bench import OrderBench
from tests.support.virtual_time import at_virtual_time

PUT = ("Red1:BinParams", "1,1,4")
TIMEOUT_S = 30.0


@at_virtual_time
async def test_a_put_outlives_any_silences_of_ranks_that_did_not_end() -> None:
    bench = OrderBench(TIMEOUT_S)
    ranks = bench.orders.ranks
    ranks.reported_by(1)
    put = await bench.put(*PUT)
    for _ in range(4):
        for present in (False, True):
            ranks.set_present(present)
            await asyncio.sleep(3)
        ranks.reported_by(1)
        assert not put.done()
    await bench.report(bench.ranks[-1])
    assert await put == PUT[1]


@at_virtual_time
async def test_silences_do_not_lengthen_the_time_of_a_put() -> None:
    bench = OrderBench(TIMEOUT_S)
    bench.orders.ranks.reported_by(1)
    put = await bench.put(*PUT)
    for present in (False, True) * 8:
        bench.orders.ranks.set_present(present)
        await asyncio.sleep(2)
    with pytest.raises(Refused, match="the ranks did not apply it within 30 s"):
        put.result()


@at_virtual_time
async def test_a_put_fails_once_its_ranks_have_ended_twice_and_were_started_again() -> None:
    bench = OrderBench(TIMEOUT_S)
    ranks = bench.orders.ranks
    ranks.reported_by(1)
    put = await bench.put(*PUT)
    ranks.ended()
    ranks.reported_by(2)
    ranks.reported_by(2)
    await asyncio.sleep(5)
    assert not put.done(), "an end and the next report of the new ranks are one end"
    ranks.ended()
    await asyncio.sleep(1)
    with pytest.raises(Refused, match="the ranks ended 2 times"):
        put.result()


@at_virtual_time
async def test_ranks_that_end_before_they_report_are_not_ended_by_the_put() -> None:
    bench = OrderBench(TIMEOUT_S)
    bench.orders.ranks.set_present(False)
    put = await bench.put(*PUT)
    for _ in range(5):
        bench.orders.ranks.ended()
        await asyncio.sleep(2)
    assert not put.done()
    with pytest.raises(Refused, match="the ranks have not reported for 30 s"):
        await put


@at_virtual_time
async def test_ranks_that_fell_silent_during_a_put_are_waited_for_by_the_next_put() -> None:
    bench = OrderBench(TIMEOUT_S)
    bench.orders.ranks.reported_by(1)
    put = await bench.put(*PUT)
    await asyncio.sleep(TIMEOUT_S - 1)
    bench.orders.ranks.set_present(False)
    with pytest.raises(Refused, match="the ranks did not apply it within 30 s"):
        await put
    again = await bench.put(*PUT)
    assert not again.done()
    bench.orders.ranks.set_present(True)
    await bench.report(bench.ranks[-1])
    assert await again == PUT[1]
