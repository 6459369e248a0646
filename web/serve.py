"""Serves the web page until stopped: ``live-reduction web``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from aiohttp.web import AppRunner

from ioc.options.program import DISTRIBUTION
from reduction.host.thread_pool import started_pool
from reduction.parameters.units import Units
from web.message_rate import AddressRates
from web.refusals import RefusalCounts
from web.site.connections import BoundedServer
from web.site.downloads import Downloads
from web.site.routes import Site
from web.sockets.kept_references import KeptReferences
from web.sockets.outbox import Encoders
from web.sockets.services import SessionServices
from web.sockets.visitors import Visitor, Visitors
from web.start import WebStart
from web.values.history import History
from web.values.names import WebNames
from web.values.puts import WebPuts
from web.values.pv_value import INVALID_SEVERITY
from web.values.pva_client import PvaClient
from web.values.shared_pvs import SharedPv, SharedPvs

FILE_THREADS = 4
"""Threads that read the files of the page and make those that visitors download."""

STOP_S = 2.0
"""How long visitors are waited for at the end, in seconds."""


class WebServer:
    """The web server and all its parts; must be made inside a running event loop."""

    def __init__(self, start: WebStart) -> None:
        self._start = start
        client = PvaClient(start.search)
        self._names = WebNames(start.prefix, start.reductions, start.expert)
        self._shared = SharedPvs(client, start.limits)
        self._visitors, self.refusals = Visitors(start.limits), RefusalCounts()
        self._history = History(self._names, self._shared)
        self._version = version(DISTRIBUTION)
        self._simulator = self._shared.acquire(self._names.simulator_pulse, _ignore)
        limits, clock = start.limits, asyncio.get_running_loop().time
        encoders = Encoders(limits)
        services = SessionServices(
            names=self._names,
            shared=self._shared,
            puts=WebPuts(client, self._shared, limits),
            visitors=self._visitors,
            encoders=encoders,
            references=KeptReferences(encoders.results, limits, clock),
            limits=limits,
            refusals=self.refusals,
            info=self._info,
        )
        downloads = Downloads(self._shared)
        rates = AddressRates(limits.requests_per_s, limits.request_burst, clock)
        self._site = Site(start.access, services, self._history, downloads, rates, self._version)

    async def run(self) -> None:
        """Serve until cancelled."""
        tasks = [asyncio.create_task(each()) for each in self._services()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _services(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        return (self._shared.run, self._history.run, self._serve)

    async def _serve(self) -> None:
        """Answer requests until cancelled."""
        limits = self._start.limits
        runner = AppRunner(
            self._site.application(),
            access_log=None,
            keepalive_timeout=limits.idle_s,
            shutdown_timeout=STOP_S,
        )
        await runner.setup()
        assert runner.server is not None
        bounded = BoundedServer(runner.server, limits, self.refusals)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self.refusals.handle)
        servers = [await loop.create_server(bounded, sock=each) for each in self._start.sockets]
        try:
            await bounded.unread.run()
        finally:
            for server in servers:
                server.close()
            self._visitors.send_away()
            await runner.cleanup()

    def _info(self, visitor: Visitor) -> dict[str, Any]:
        """What a visitor is told about the server."""
        return {
            "prefix": self._names.prefix,
            "reductions": self._names.reductions,
            "write": visitor.may_write,
            "expert": self._start.expert,
            "session": visitor.name,
            "version": self._version,
            "simulator": self._simulator.value is not None
            and self._simulator.value.severity < INVALID_SEVERITY,
            "now": time.time(),
            "units": {
                each.value: {"name": each.labels.quantity, "unit": each.labels.symbol}
                for each in Units
            },
            "visitors": self._visitors.count,
            "refused": dict(self.refusals.counts),
        }


def _ignore(_: SharedPv) -> None:
    """Does nothing; the newest value is looked at when a visitor comes."""


async def serve(start: WebStart) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP."""
    logging.getLogger("web.puts").setLevel(logging.INFO)  # who put what is always logged
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Not by the event loop, which would take the place of `end_after_stop_signals`.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(task.cancel))
    loop.set_default_executor(started_pool(FILE_THREADS, "file"))
    server = WebServer(start)
    gc.freeze()  # these objects stay
    with contextlib.suppress(asyncio.CancelledError):
        await server.run()
