"""A web server in this process, in front of an IOC with fake ranks, and visitors of it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from numpy.typing import NDArray

from tests.support.clients.ca_client import Network
from web.limits import DEFAULT_LIMITS, WebLimits
from web.serve import WebServer
from web.site.access import SiteAccess
from web.start import WebStart

TOKEN = "a-token-for-tests"
HERE = "127.0.0.1"
ANSWER_S = 30.0


@dataclass(frozen=True)
class Frame:
    """A binary message, taken apart: the header, and the arrays that are not the same."""

    header: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def decoded(data: bytes) -> Frame:
    """A binary message as the protocol describes it."""
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    at, arrays = 4 + length, {}
    for each in header["arrays"]:
        if each.get("same"):
            continue
        assert at % 8 == 0
        arrays[each["name"]] = np.frombuffer(data, f"<{each['dtype']}", each["shape"][0], at)
        at += -(-arrays[each["name"]].nbytes // 8) * 8
    assert at == len(data)
    return Frame(header, arrays)


@dataclass
class Tab:
    """A WebSocket of a visitor, and all that it has received."""

    socket: ClientWebSocketResponse
    messages: list[dict[str, Any]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The merged updates, by name, as clients of PVWS merge them."""

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def receive(self) -> None:
        """Take one message; fails if the socket is closed."""
        message = await self.socket.receive(ANSWER_S)
        if message.type == WSMsgType.BINARY:
            self.frames.append(decoded(message.data))
            return
        assert message.type == WSMsgType.TEXT, message
        told = json.loads(message.data)
        self.messages.append(told)
        for update in told.get("updates", [told]):
            if update["type"] == "update":
                self.values.setdefault(update["pv"], {}).update(update)

    async def until(self, true: Callable[[], object]) -> None:
        """Receive until something is true."""
        async with asyncio.timeout(ANSWER_S):
            while not true():
                await self.receive()

    async def answer(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of a kind with these fields."""

        def found() -> list[dict[str, Any]]:
            return [
                each
                for each in self.messages
                if each["type"] == kind and fields.items() <= each.items()
            ]

        await self.until(found)
        return found()[0]

    async def put(self, pv: str, value: Any, number: int = 1) -> dict[str, Any]:
        """Put, and wait for the answer."""
        await self.say(type="write", pv=pv, value=value, id=number)
        return await self.answer("written", id=number)

    async def closed(self) -> int | None:
        """Wait until the server closes the socket; the code."""
        while not self.socket.closed:
            await self.socket.receive(ANSWER_S)
        return self.socket.close_code


@dataclass(frozen=True)
class WebBench:
    """A web server that runs, and its address."""

    server: WebServer
    port: int

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}"

    @asynccontextmanager
    async def browser(self, trusted: bool = True) -> AsyncIterator[ClientSession]:
        """A browser, with the cookie if it is ``trusted``."""
        async with ClientSession(self.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as made:
            if trusted:
                async with made.get("/", params={"token": TOKEN}) as answer:
                    assert answer.status == 200
            yield made

    @asynccontextmanager
    async def tab(self, trusted: bool = True) -> AsyncIterator[Tab]:
        """A browser with one page open."""
        async with self.browser(trusted) as browser, browser.ws_connect("/pvws/pv") as socket:
            yield Tab(socket)


@asynccontextmanager
async def web_server(
    net: Network, prefix: str, limits: WebLimits = DEFAULT_LIMITS, **more: Any
) -> AsyncIterator[WebBench]:
    """A web server on a free port; ``more`` are further fields of its `WebStart`."""
    listening = socket.create_server((HERE, 0))
    names = ("EPICS_PVA_ADDR_LIST", "EPICS_PVA_AUTO_ADDR_LIST", "EPICS_PVA_BROADCAST_PORT")
    start = WebStart(
        prefix=prefix,
        sockets=[listening],
        limits=limits,
        search={name: net.environment[name] for name in names},
        **{"reductions": 1, "access": SiteAccess(TOKEN, frozenset({"localhost"})), **more},
    )
    with listening:
        server = WebServer(start)
        task = asyncio.create_task(server.run())
        try:
            yield WebBench(server, listening.getsockname()[1])
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
