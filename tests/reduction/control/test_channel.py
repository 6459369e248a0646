"""Orders and log values over the channel, kept apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from reduction.control.orders import RanksOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.run_state import RunState
from tests.support.ranks.channel_bench import REPORT, Ioc, Ranks, arrived, ioc_end, peer, silent


@pytest.fixture
def history() -> list[PvLogValues]:
    """The log values that the IOC keeps."""
    return []


@pytest.fixture
async def ioc(history: list[PvLogValues]) -> AsyncIterator[Ioc]:
    """The IOC's end of a channel."""
    async with ioc_end(lambda: history) as end:
        yield end


def told(ranks: Ranks) -> list[tuple[str, int, float]]:
    return [
        (each.name, *pair)
        for each in ranks.logs()
        for pair in zip(each.times_ns.tolist(), each.values.tolist(), strict=True)
    ]


async def test_log_values_and_orders_that_come_mixed_are_kept_apart(ioc: Ioc) -> None:
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        for revision in (1, 2, 3):
            await ioc.send_log("Cryo:T", revision * 10**9 + 1, revision / 2)
            await ioc.command(RanksOrder(revision=revision))
        seen: list[tuple[str, int, float]] = []
        order = None
        while order is None or order.revision < 3:
            await arrived(ranks)
            order = ranks.latest() or order
            seen += told(ranks)
        assert seen == [("Cryo:T", n * 10**9 + 1, n / 2) for n in (1, 2, 3)]
        assert ranks.latest() is None
        assert ranks.logs() == []


async def test_new_ranks_are_sent_all_values_that_are_kept_before_the_order(
    ioc: Ioc, history: list[PvLogValues]
) -> None:
    for name, value in (("A", 1.0), ("B", 3.0)):
        times_ns = np.array([7, 8], np.int64)
        history.append(PvLogValues(name, times_ns, np.array([value, value + 1])))
        await ioc.send_log(name, 8, value + 1)
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        await arrived(ranks)
        while ranks.latest() is None:
            await arrived(ranks)
        assert told(ranks) == [("A", 7, 1.0), ("A", 8, 2.0), ("B", 7, 3.0), ("B", 8, 4.0)]


async def test_a_million_values_come_to_new_ranks_in_few_messages(
    ioc: Ioc, history: list[PvLogValues]
) -> None:
    times_ns = np.arange(999_990, dtype=np.int64)
    history += [
        PvLogValues("A", times_ns, times_ns / 8),
        PvLogValues("B", times_ns[:10], -times_ns[:10] / 2),
    ]
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        while ranks.latest() is None:
            await arrived(ranks)
        *first, last = ranks.logs()
        assert len(first) == 10
        np.testing.assert_array_equal(np.concatenate([each.times_ns for each in first]), times_ns)
        np.testing.assert_array_equal(np.concatenate([each.values for each in first]), times_ns / 8)
        assert (last.name, last.values.tolist()) == ("B", (-times_ns[:10] / 2).tolist())


async def test_ranks_that_did_not_read_for_a_while_have_all_values_with_their_next_report(
    ioc: Ioc, history: list[PvLogValues]
) -> None:
    name, size = "A" * 10_000, 5000  # more than all buffers on the way hold
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        for time_ns in range(size):
            await asyncio.wait_for(ioc.send_log(name, time_ns, float(time_ns)), 20)
        await ioc.command(RanksOrder(revision=5))
        times_ns = np.arange(size, dtype=np.int64)
        history.append(PvLogValues(name, times_ns, times_ns.astype(np.float64)))
        seen = told(ranks)
        assert len(seen) < size
        ranks.report(REPORT)
        await ioc.report()
        while {time_ns for _, time_ns, _ in seen} != set(range(size)):
            await arrived(ranks)
            seen += told(ranks)
        order = ranks.latest()
        while order is None or order.revision != 5:
            await arrived(ranks)
            order = ranks.latest()


async def test_new_ranks_go_on_with_the_run_whatever_is_put_before_they_look() -> None:
    run = RunState(first=7)
    async with ioc_end(tuple, lambda order: replace(order, run=run)) as ioc:
        with peer(ioc.endpoint) as ranks:
            await ioc.report()
            await ioc.command(RanksOrder(revision=2))
            order = None
            while order is None or order.revision < 2:
                await arrived(ranks)
                order = ranks.latest() or order
                assert order is None or order.run == run


async def test_an_order_to_ranks_that_have_ended_is_sent_once_others_are_there(ioc: Ioc) -> None:
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        ranks.end()
        ranks.report(REPORT)
        await silent(ioc)
    for revision in range(1, 4):
        await ioc.command(RanksOrder(revision=revision))
        await asyncio.sleep(0.02)
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        while (order := ranks.latest()) is None:
            await arrived(ranks)
        assert order.revision == 3
