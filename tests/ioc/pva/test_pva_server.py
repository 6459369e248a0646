"""The pvAccess server itself: slow clients, long puts, and what clients may ask for."""

from __future__ import annotations

import asyncio
import inspect
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import psutil
import pytest

from ioc.pva.addresses import Addresses
from tests.support.clients.ca_client import TOOLS, Network

pytest.importorskip("p4p", reason="pvAccess is served with p4p")
import p4p
from p4p.client.thread import Context
from p4p.nt import NTScalar
from p4p.server.raw import SharedPV

from ioc.ca.channel import ClientPuts, PvChannel, channel
from ioc.pva.normative import Normative
from ioc.pva.put_operations import MOST_PUT_BYTES
from ioc.pva.server import PvAccess, PvaConnection
from reduction.parameters.specs import Array, Float, Text
from tests.support.clients.pva_client import context

BINS, POSTS = 100_000, 400


async def test_a_client_that_stops_costs_a_few_values_and_others_nothing(net: Network) -> None:
    with context(net) as other:
        served = channel(Array(pv="A", description="a"), np.zeros(BINS), max_length=BINS)
        addresses = Addresses(port=0, search_port=net.search_port)
        pva = PvAccess({"T:A"}.__contains__, lambda _: Normative(served), addresses)
        serving = asyncio.create_task(pva.serve())
        stopped = subprocess.Popen(
            [str(TOOLS / "pvmonitor"), "T:A"], env=net.environment, stdout=subprocess.PIPE
        )
        assert stopped.stdout is not None
        await asyncio.to_thread(stopped.stdout.readline)
        stopped.send_signal(signal.SIGSTOP)
        before = psutil.Process().memory_info().rss
        for value in range(1, POSTS + 1):
            await served.publish_value(np.full(BINS, float(value)))
            await asyncio.sleep(0)
        grown = psutil.Process().memory_info().rss - before
        assert grown < POSTS * BINS * 8 / 5
        assert (await asyncio.to_thread(other.get, "T:A"))[-1] == POSTS
        stopped.kill()
        stopped.communicate()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_channel_without_clients_is_not_watched(net: Network) -> None:
    with context(net) as client:
        served = channel(Array(pv="A", description="a"), np.zeros(3), max_length=3)
        addresses = Addresses(port=0, search_port=net.search_port)
        serving = asyncio.create_task(
            PvAccess({"T:A"}.__contains__, lambda _: Normative(served), addresses).serve()
        )
        assert not served.watchers
        await asyncio.to_thread(client.get, "T:A")
        assert len(served.watchers) == 1
        client.close()
        async with asyncio.timeout(5):
            while served.watchers:
                await asyncio.sleep(0)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def test_text_beyond_ascii_and_nan_are_shown() -> None:
    words = channel(Text(pv="T", description="t"), "5 µm, 3 Å")
    assert Normative(words).complete()["value"] == "5 µm, 3 Å"
    assert np.isnan(Normative(channel(Float(pv="F", description="f"), np.nan)).complete()["value"])


@asynccontextmanager
async def serving(net: Network, served: PvChannel) -> AsyncIterator[PvAccess]:
    """A server of one channel, ``T:F``."""
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)
    task = asyncio.create_task(pva.serve())
    await asyncio.sleep(0)
    yield pva
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Operation:
    """A put of 3 whose client is on its way out."""

    error: str | None = "not answered"

    def pvRequest(self) -> Any:  # noqa: N802
        return Context.makeRequest("field()")

    def value(self) -> Any:
        return NTScalar("d").wrap(3.0)

    def account(self) -> str:
        return "somebody"

    def peer(self) -> str:
        return "127.0.0.1:40000"

    def done(self, error: str | None) -> None:
        self.error = error


async def test_a_put_of_a_client_that_leaves_at_once_is_obeyed_and_dropped_by_another_thread(
    net: Network,
) -> None:
    async def take(value: Any, _client: object) -> Any:
        return value

    served = channel(Float(pv="F", description="f"), 1.0, ClientPuts(take))
    async with serving(net, served) as pva:
        client, operation = await asyncio.to_thread(pva.makeChannel, "T:F", ""), Operation()
        assert client is not None
        dropped_by: list[threading.Thread] = []
        weakref.finalize(operation, lambda: dropped_by.append(threading.current_thread()))
        pva.put(client, operation)
        pva.onLastDisconnect(client)
        async with asyncio.timeout(5):
            while operation.error is not None:
                await asyncio.sleep(0)
            del operation
            while not dropped_by:  # who drops it waits for p4p, which waits for the event loop
                await asyncio.sleep(0)
        assert dropped_by != [threading.main_thread()]
        assert served.value == 3


class LongPut(Operation):
    """A put of 3 with a message of one MiB, by the client at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def value(self) -> Any:
        made = NTScalar("d").wrap(3.0)
        made["alarm.message"] = "m" * (1 << 20)
        return made

    def peer(self) -> str:
        return self._address


async def test_a_client_whose_puts_hold_too_much_is_refused_more_until_some_have_ended(
    net: Network,
) -> None:
    may_end = asyncio.Event()

    async def take(value: Any, _client: object) -> Any:
        await may_end.wait()
        return value

    served = channel(Float(pv="F", description="f"), 1.0, ClientPuts(take))
    async with serving(net, served) as pva:
        client = await asyncio.to_thread(pva.makeChannel, "T:F", "")
        assert client is not None
        most = (MOST_PUT_BYTES >> 20) - 1
        puts = [LongPut("127.0.0.1:40000") for _ in range(most + 2)]
        other = LongPut("127.0.0.1:40001")
        for each in (*puts[:-1], other):
            pva.put(client, each)
        assert puts[-2].error == (
            "puts of this client that are in progress hold 32 MiB: wait until some have ended"
        )
        assert {each.error for each in (*puts[:most], other)} == {"not answered"}
        may_end.set()
        async with asyncio.timeout(20):
            while any(each.error is not None for each in (*puts[:most], other)):
                await asyncio.sleep(0)
            pva.put(client, puts[-1])
            while puts[-1].error is not None:
                await asyncio.sleep(0)


async def test_a_client_is_refused_names_that_there_are_not_and_too_many_channels(
    net: Network, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ioc.pva.server.MOST_CHANNELS", 3)
    served = channel(Float(pv="F", description="f"), 1.0)
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess({"T:F"}.__contains__, lambda _: Normative(served), addresses)

    async def made(name: str, peer: str) -> PvaConnection | None:
        return await asyncio.to_thread(pva.makeChannel, name, peer)

    first, *others = [await made("T:F", "a:1") for _ in range(4)]
    assert first is not None
    assert [each is None for each in others] == [False, False, True]
    assert await made("T:F", "a:2") is not None
    pva.onLastDisconnect(first)
    assert await made("T:F", "a:1") is not None
    assert await made("T:G", "a:3") is None
    assert not caplog.messages


VISITS = 40


async def test_clients_that_subscribe_and_leave_at_once_do_not_stop_the_server(
    net: Network,
) -> None:
    channels = {f"T:{number}": channel(Float(pv="F", description="f"), 1.0) for number in range(40)}
    addresses = Addresses(port=0, search_port=net.search_port)
    pva = PvAccess(channels.__contains__, lambda name: Normative(channels[name]), addresses)
    serving = asyncio.create_task(pva.serve())

    def come_and_go() -> None:
        for visit in range(VISITS):
            with context(net) as visitor:
                opened = [visitor.monitor(name, lambda _: None) for name in channels]
                time.sleep(0.002 * visit)  # some leave before they are connected, some after it
                for each in opened:
                    each.close()

    await asyncio.to_thread(come_and_go)
    with context(net) as other:
        assert await asyncio.to_thread(other.get, "T:0") == 1
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


def test_p4p_still_calls_handlers_through_the_method_that_we_replace() -> None:
    replaced = list(inspect.signature(SharedPV._exec).parameters)
    assert replaced == ["self", "op", "M", "args"], (
        f"p4p {p4p.__version__} changed SharedPV._exec, which ioc/pva/server.py replaces so that"
        f" clients' operations run on the event loop: it takes {replaced}"
    )
