"""Both ends of the channel between the IOC and a process that obeys it, for tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import zmq
import zmq.asyncio

from reduction.control.encoding import encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import OrderReceiver
from reduction.control.order_sender import OrderSender
from reduction.control.orders import RANKS_PART, RanksOrder
from reduction.control.reports import RanksReport
from reduction.host.network.key_file import Key
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus

REPORT = RanksReport(0, 0, StreamStatus(), BackendStatus())
IOC_HELLO, RANKS_HELLO = encoded(own_hello("ioc")), encoded(own_hello(RANKS_PART))

Ioc = OrderSender[RanksOrder, RanksReport]
Ranks = OrderReceiver[RanksOrder, RanksReport]


@asynccontextmanager
async def ioc_end(*more: Any, **options: Any) -> AsyncIterator[Ioc]:
    """The IOC's end of a channel."""
    context = zmq.asyncio.Context()
    end: Ioc = OrderSender(
        context, "tcp://127.0.0.1:*", RanksReport, RanksOrder(), *more, **options
    )
    yield end
    end.close()
    context.term()


@contextmanager
def peer(endpoint: str, key: Key | None = None) -> Iterator[Ranks]:
    """Ranks that have sent a report."""
    with zmq.Context() as context:
        end: Ranks = OrderReceiver(context, endpoint, RanksOrder, RANKS_PART, key)
        end.report(REPORT)
        try:
            yield end
        finally:
            end.close()


async def silent(ioc: Ioc, seconds: float = 0.3) -> None:
    """Let the IOC receive for a while; no report that counts comes."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ioc.report(), seconds)
        raise AssertionError("a report came")


async def arrived(ranks: Ranks) -> None:
    """Wait until something has come for the ranks."""
    while not await asyncio.to_thread(ranks.socket.poll, 100):
        continue
