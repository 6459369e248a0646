"""Tabs of browsers without a browser: they open the page's WebSocket and read what comes.

``python -m benchmarks.displays.web_tabs PORT PREFIX TABS SECONDS`` prints, as JSON, the seconds
from opening each tab to its first spectrum, and the spectra a second that all tabs have received.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from ioc.model.pvs import Access, pv_rows
from ioc.model.wire_type import wire_type

SETTLE_S = 3.0
"""Time until all tabs are open and have what they are told at the beginning, in seconds."""

ARRAYS = ("XE", "Y", "E")
MOST_READINGS = 120
"""About as many process variables as the page subscribes to."""


@dataclass
class WebTab:
    """One tab; ``spectra`` counts the binary messages."""

    opened_s: float
    first_s: float = 0.0
    spectra: int = 0

    async def read(self, socket: ClientWebSocketResponse) -> None:
        """Read until cancelled."""
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                self.first_s = self.first_s or time.perf_counter() - self.opened_s
                self.spectra += 1


def readings(prefix: str) -> list[str]:
    """The names that a tab subscribes to, besides the spectrum."""
    rows = [row for row in pv_rows(prefix) if not row.group.rare]
    scalars = [row for row in rows if not wire_type(row.spec).is_array]
    return [row.name for row in scalars if row.access is Access.READING][:MOST_READINGS]


async def watch(port: int, prefix: str, tabs: int, seconds: float) -> dict[str, object]:
    """Open the tabs and read; see the module's docstring."""
    asked = {"type": "subscribe", "binary": True}
    names = json.dumps(asked | {"pvs": readings(prefix)})
    spectrum = json.dumps(asked | {"pvs": [f"pva://{prefix}Red1:Snapshot"], "arrays": ARRAYS})
    opened: list[WebTab] = []
    tasks = []
    async with ClientSession(f"http://127.0.0.1:{port}") as browser:
        for _ in range(tabs):
            tab = WebTab(time.perf_counter())
            socket = await browser.ws_connect("/pvws/pv", max_msg_size=0)
            await socket.send_str(spectrum)
            await socket.send_str(names)
            opened.append(tab)
            tasks.append(asyncio.create_task(tab.read(socket)))
        await asyncio.sleep(SETTLE_S)
        print("open", flush=True)
        before = [tab.spectra for tab in opened]
        await asyncio.sleep(seconds)
        rates = [(tab.spectra - n) / seconds for tab, n in zip(opened, before, strict=True)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {"first_s": [tab.first_s for tab in opened], "rates": rates}


def main(port: str, prefix: str, tabs: str, seconds: str) -> None:
    """Print what `watch` finds."""
    print(json.dumps(asyncio.run(watch(int(port), prefix, int(tabs), float(seconds)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
