"""Orders and log values over the channel, kept apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq
import zmq.asyncio
from numpy.typing import NDArray

from reduction.control.channel import LOG, OrderReceiver, OrderSender, encoded
from reduction.control.orders import RanksOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.reports import RanksReport
from reduction.parameters.run_readings import BackendStatus, StreamStatus

Ioc = OrderSender[RanksOrder, RanksReport]
Ranks = OrderReceiver[RanksOrder, RanksReport]


@dataclass
class Pair:
    """Looks like `PvLogValues`, and is not checked."""

    name: str
    times_ns: NDArray[Any]
    values: NDArray[Any]


@contextmanager
def peer(endpoint: str) -> Iterator[Ranks]:
    with zmq.Context() as context:
        end: Ranks = OrderReceiver(context, endpoint, RanksOrder)
        end.report(RanksReport(0, 0, StreamStatus(), BackendStatus()))
        try:
            yield end
        finally:
            end.close()


@pytest.fixture
def history() -> list[PvLogValues]:
    """The log values that the IOC keeps."""
    return []


@pytest.fixture
async def ioc(history: list[PvLogValues]) -> AsyncIterator[Ioc]:
    """The IOC's end of a channel."""
    context = zmq.asyncio.Context()
    end: Ioc = OrderSender(context, "tcp://127.0.0.1:*", RanksReport, RanksOrder(), lambda: history)
    yield end
    end.close()
    context.term()


async def arrived(ranks: Ranks) -> None:
    while not await asyncio.to_thread(ranks.socket.poll, 100):
        continue


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
            await asyncio.wait_for(ioc.send_log(name, time_ns, float(time_ns)), 1)
        await ioc.command(RanksOrder(revision=5))
        times_ns = np.arange(size, dtype=np.int64)
        history.append(PvLogValues(name, times_ns, times_ns.astype(np.float64)))
        seen = told(ranks)
        assert len(seen) < size
        assert ranks.latest() != RanksOrder(revision=5)
        ranks.report(RanksReport(0, 0, StreamStatus(), BackendStatus()))
        await ioc.report()
        order = None
        while order is None or order.revision != 5:
            await arrived(ranks)
            order = ranks.latest() or order
            seen += told(ranks)
        assert {time_ns for _, time_ns, _ in seen} == set(range(size))


async def test_an_order_to_ranks_that_have_gone_is_sent_once_they_are_back(ioc: Ioc) -> None:
    with peer(ioc.endpoint):
        await ioc.report()
    for revision in range(1, 4):
        await ioc.command(RanksOrder(revision=revision))
        await asyncio.sleep(0.02)
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        while (order := ranks.latest()) is None:
            await arrived(ranks)
        assert order.revision == 3


@pytest.mark.parametrize(
    "junk",
    [
        b"junk",
        encoded((("A", 7, 1.0),)),
        encoded(({"name": "A", "times_ns": ("<i8", (2,), b"12345678"), "values": ()},)),
        encoded((Pair("A", np.zeros(2), np.zeros(2)),)),
        encoded((Pair("A", np.zeros(2, np.int64), np.zeros(3)),)),
        encoded((Pair("A", np.zeros((2, 2), np.int64), np.zeros((2, 2))),)),
    ],
)
def test_log_values_that_are_none_are_refused_and_dropped(junk: bytes) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, context.socket(zmq.ROUTER) as router:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        end: Ranks = OrderReceiver(context, f"tcp://127.0.0.1:{port}", RanksOrder)
        end.report(RanksReport(0, 0, StreamStatus(), BackendStatus()))
        identity, _ = router.recv_multipart()
        router.send_multipart([identity, LOG, junk])
        assert end.socket.poll(5000)
        with pytest.raises(msgspec.DecodeError):
            end.logs()
        assert end.logs() == []
        end.close()
