"""Whatever visitors send is refused and counted, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import WSMsgType

from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_bench import Ioc
from tests.support.ioc.web_bench import HERE, WebBench, web_server
from web.limits import DEFAULT_LIMITS

LIMITS = replace(
    DEFAULT_LIMITS,
    connections=14,
    connections_of_address=12,
    sockets_of_address=4,
    trusted_sockets=2,
    message_burst=20,
    messages_per_s=100.0,
    refused_messages=15,
    subscriptions=5,
    rare_pvs=15,
    rare_names_ever=20,
    send_s=0.5,
    idle_s=1.0,
    unsent_answers_bytes=1 << 18,
)


@pytest_asyncio.fixture
async def small(net: Network, ioc: Ioc) -> AsyncIterator[WebBench]:
    """A web server with small limits."""
    async with web_server(net, ioc.prefix, LIMITS) as made:
        yield made


async def check_served(web: WebBench, ioc: Ioc) -> None:
    """A visitor with the token gets values, and may put."""
    async with web.tab() as tab:
        name = ioc.prefix + "LagLimit"
        await tab.say(type="subscribe", pvs=[name])
        await tab.until(lambda: name in tab.values)
        assert (await tab.put(name, 2))["ok"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type":"format"}',
        '{"type":"subscribe","pvs":{}}',
        "[" * 50000,
        '{"type":"write","pv":"x","value":{}}',
    ],
    ids=lambda text: text[:30],
)
async def test_what_is_not_understood_is_answered_and_counted(
    small: WebBench, ioc: Ioc, text: str
) -> None:
    async with small.tab(trusted=False) as tab:
        await tab.socket.send_str(text)
        assert "not understood" in (await tab.answer("error"))["message"]
        await tab.say(type="echo", still="here")
        await tab.answer("echo")
    assert small.server.refusals.counts["message"] == 1


async def test_binary_messages_are_refused(small: WebBench) -> None:
    async with small.tab(trusted=False) as tab:
        await tab.socket.send_bytes(b"\0" * 100)
        assert "binary" in (await tab.answer("error"))["message"]


async def test_names_that_are_not_there_are_refused_and_the_others_served(
    small: WebBench, ioc: Ioc
) -> None:
    good = ioc.prefix + "LagLimit"
    async with small.tab(trusted=False) as tab:
        await tab.say(type="subscribe", pvs=["sim://sine", good, ioc.prefix + "Nothing"])
        assert "; so 1 more names" in (await tab.answer("error"))["message"]
        await tab.until(lambda: good in tab.values)


async def test_one_who_sends_nothing_but_nonsense_is_sent_away(small: WebBench, ioc: Ioc) -> None:
    async with small.tab(trusted=False) as tab:
        for _ in range(40):
            await tab.socket.send_str("nonsense")
        assert await tab.closed() == 1008
    await check_served(small, ioc)


async def test_a_flood_is_slowed_down_and_then_ended(small: WebBench, ioc: Ioc) -> None:
    async with small.tab() as other, small.tab(trusted=False) as tab:

        async def flood() -> None:
            while True:
                await tab.say(type="list")

        flooding = asyncio.create_task(flood())
        name = ioc.prefix + "LagLimit"
        await other.say(type="subscribe", pvs=[name])
        await other.until(lambda: name in other.values)
        assert await tab.closed() == 1008
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
    assert small.server.refusals.counts["message rate"] > 0


async def test_a_message_that_is_too_long_ends_the_socket(small: WebBench, ioc: Ioc) -> None:
    async with small.tab(trusted=False) as tab:
        await tab.socket.send_str("x" * (LIMITS.message_bytes + 1))
        assert await tab.closed() == 1009
    assert small.server.refusals.counts["message"] == 1
    await check_served(small, ioc)


async def test_a_huge_frame_that_is_only_announced_costs_nothing(small: WebBench, ioc: Ioc) -> None:
    async with small.tab(trusted=False) as tab:
        transport = tab.socket._response.connection
        assert transport is not None
        assert transport.transport is not None
        transport.transport.write(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask")
        assert await tab.closed() in (1002, 1006, 1009)
    await check_served(small, ioc)


async def test_a_flood_of_requests_is_refused(net: Network, ioc: Ioc) -> None:
    limits = replace(LIMITS, requests_per_s=1.0, request_burst=20)
    async with web_server(net, ioc.prefix, limits) as web, web.browser(trusted=False) as browser:
        statuses = [(await browser.get("/history")).status for _ in range(40)]
        assert statuses.count(200) in range(20, 25)
        assert statuses.count(429) == 40 - statuses.count(200)
    assert web.server.refusals.counts["request rate"] == statuses.count(429)


async def test_subscriptions_are_bounded(small: WebBench, ioc: Ioc) -> None:
    names = [f"{ioc.prefix}Red1:Slice{number}:Total_RBV" for number in range(1, 9)]
    async with small.tab(trusted=False) as tab:
        await tab.say(type="subscribe", pvs=names)
        assert "5 at most; so 2 more names" in (await tab.answer("error"))["message"]
        await tab.say(type="list")
        assert (await tab.answer("list"))["pvs"] == names[:5]


async def test_names_that_visitors_make_the_ioc_open_are_bounded(small: WebBench, ioc: Ioc) -> None:
    async with small.tab(trusted=False) as tab:
        for first in range(1, 60, 4):
            names = [f"{ioc.prefix}Red1:Slice{first + each}:Total_RBV" for each in range(4)]
            await tab.say(type="subscribe", pvs=names)
            await tab.say(type="clear", pvs=names)
        message = (await tab.answer("error"))["message"]
        assert "such have been opened" in message or "all visitors together" in message
    async with small.tab() as tab:
        name = f"{ioc.prefix}Red1:Slice900:Total_RBV"
        await tab.say(type="subscribe", pvs=[name])
        await tab.until(lambda: name in tab.values)
    await check_served(small, ioc)


async def test_sockets_are_bounded_and_none_with_the_token_is_kept_out(
    small: WebBench, ioc: Ioc
) -> None:
    async with small.browser(trusted=False) as browser:
        opened = [await browser.ws_connect("/pvws/pv") for _ in range(LIMITS.sockets_of_address)]
        refused = await browser.ws_connect("/pvws/pv")
        message = await refused.receive(5)
        assert message.type == WSMsgType.CLOSE
        assert (message.data, message.extra) == (1013, "4 pages of 127.0.0.1 are open")
        await check_served(small, ioc)
        for each in opened:
            await each.close()
    assert small.server.refusals.counts["socket"] == 1


async def test_connections_are_bounded_and_idle_ones_are_closed(small: WebBench, ioc: Ioc) -> None:
    idle = [socket.create_connection((HERE, small.port)) for _ in range(30)]
    await asyncio.sleep(0.2)
    assert small.server.refusals.counts["connection"] >= 30 - LIMITS.connections_of_address
    await asyncio.sleep(LIMITS.idle_s * 2)
    await check_served(small, ioc)
    for each in idle:
        each.close()


async def test_a_visitor_that_does_not_read_costs_others_nothing(net: Network, ioc: Ioc) -> None:
    limits = replace(LIMITS, messages_per_s=1e4, message_burst=10_000)
    async with web_server(net, ioc.prefix, limits) as web:
        _reader, writer = await _raw_socket(web)
        for _ in range(200):  # more than the system keeps of what is not read
            writer.write(_masked(json.dumps({"type": "echo", "text": "x" * 60_000})))
        for _ in range(100):
            await asyncio.sleep(0.1)
            if web.server.refusals.counts["slow visitor"]:
                break
        assert web.server.refusals.counts["slow visitor"] == 1
        await check_served(web, ioc)
        writer.close()


async def test_a_stopped_visitor_that_answers_no_ping_loses_its_connection(
    net: Network, ioc: Ioc
) -> None:
    limits = replace(
        LIMITS,
        heartbeat_s=1.0,
        send_s=600.0,
        unread_s=4.0,
        unsent_answers_bytes=1 << 30,
        message_burst=10_000,
    )
    async with web_server(net, ioc.prefix, limits) as web:
        reader, writer = await _raw_socket(web)
        for _ in range(200):  # more than the system keeps of what is not read
            writer.write(_masked(json.dumps({"type": "echo", "text": "x" * 60_000})))
        async with asyncio.timeout(60):
            while web.server.refusals.counts["slow visitor"] < 2:  # no answer, and then the cut
                await asyncio.sleep(0.1)
            with contextlib.suppress(ConnectionError):
                while await reader.read(1 << 20):
                    pass
        await check_served(web, ioc)
        writer.close()


async def test_a_flood_of_references_is_refused_and_the_others_freeze(
    net: Network, ioc: Ioc
) -> None:
    limits = replace(LIMITS, messages_per_s=1e4, message_burst=10_000, reference_burst=5)
    snapshot = f"pva://{ioc.prefix}Red1:Snapshot"
    async with web_server(net, ioc.prefix, limits) as web, web.tab(trusted=False) as tab:
        await tab.say(type="subscribe", pvs=[snapshot], binary=True)
        await tab.until(lambda: tab.frames)
        result = tab.frames[0].header["result"]
        for number in range(100):
            await tab.say(type="keep", pv=snapshot, result=result, id=number)
        last = await tab.answer("kept", id=99)
        assert "try again" in last["message"]
        assert web.server.refusals.counts["reference"] in range(90, 96)
        async with web.tab() as other:
            await other.say(type="keep", pv=snapshot, result=result, id=1)
            assert (await other.answer("kept"))["ok"]
        await check_served(web, ioc)


@pytest.mark.parametrize("seed", range(5))
async def test_bytes_that_are_no_protocol_do_no_harm(small: WebBench, ioc: Ioc, seed: int) -> None:
    source = random.Random(seed)
    beginnings = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"GET /pvws/pv HTTP/1.1\r\nHost: localhost\r\n",
        b"\x16\x03",
    ]
    for _ in range(10):
        _reader, writer = await asyncio.open_connection(HERE, small.port)
        writer.write(source.choice(beginnings) + source.randbytes(source.randrange(2000)))
        writer.close()
    for _ in range(3):
        _reader, writer = await _raw_socket(small)
        writer.write(source.randbytes(source.randrange(3000)))
        writer.close()
    await asyncio.sleep(0.2)
    await check_served(small, ioc)


async def _raw_socket(web: WebBench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket whose bytes the test writes itself."""
    reader, writer = await asyncio.open_connection(HERE, web.port, limit=1 << 12)
    writer.write(
        f"GET /pvws/pv HTTP/1.1\r\nHost: {HERE}:{web.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def _masked(text: str) -> bytes:
    """A text message of a client, masked by zeros."""
    data = text.encode()
    if len(data) < 126:
        return bytes([0x81, 0x80 | len(data)]) + bytes(4) + data
    return bytes([0x81, 0xFE]) + len(data).to_bytes(2, "big") + bytes(4) + data
