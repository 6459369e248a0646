"""Orders and log values over the channel, kept apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import zmq
import zmq.asyncio

from reduction.control.channel import LOG, OrderReceiver, OrderSender
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.parameters.run_readings import BackendStatus, StreamStatus
from reduction.stream.messages import CorruptMessage

Ioc = OrderSender[RanksOrder, RanksReport]
Ranks = OrderReceiver[RanksOrder, RanksReport]


@contextmanager
def peer(endpoint: str) -> Iterator[Ranks]:
    with zmq.Context() as context:
        end: Ranks = OrderReceiver(context, endpoint, RanksOrder)
        end.report(RanksReport(0, 0, StreamStatus(), BackendStatus()))
        yield end
        end.close()


@pytest.fixture
async def ioc() -> AsyncIterator[Ioc]:
    """The IOC's end of a channel."""
    context = zmq.asyncio.Context()
    end: Ioc = OrderSender(context, "tcp://127.0.0.1:*", RanksReport, RanksOrder())
    yield end
    end.close()
    context.term()


async def arrived(ranks: Ranks) -> None:
    while not await asyncio.to_thread(ranks.socket.poll, 100):
        continue


def told(ranks: Ranks) -> list[tuple[str, int, float]]:
    return [(each.name, each.time_ns, float(each.value[0])) for each in ranks.logs()]


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


async def test_who_starts_anew_is_told_the_last_value_of_each_log_that_is_not_forgotten(
    ioc: Ioc,
) -> None:
    for name, value in (("A", 1.0), ("A", 2.0), ("B", 3.0), ("C", 4.0)):
        await ioc.send_log(name, 7, value)
    ioc.forget_log("B")
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        await arrived(ranks)
        while ranks.latest() is None:
            await arrived(ranks)
        assert told(ranks) == [("A", 7, 2.0), ("C", 7, 4.0)], "before the order"


def test_a_log_value_that_is_none_is_dropped_by_name() -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, context.socket(zmq.ROUTER) as router:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        end: Ranks = OrderReceiver(context, f"tcp://127.0.0.1:{port}", RanksOrder)
        end.report(RanksReport(0, 0, StreamStatus(), BackendStatus()))
        identity, _ = router.recv_multipart()
        router.send_multipart([identity, LOG, b"\0\0\0\0f144junk"])
        assert end.socket.poll(5000)
        with pytest.raises(CorruptMessage):
            end.logs()
        assert end.logs() == []
        end.close()
