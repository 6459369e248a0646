"""An IOC with fake ranks, and the C tools of EPICS Base to talk to it."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import zmq
from numpy.typing import NDArray

from ioc.app.server.live_server import LiveServer
from ioc.app.server.server_start import ProcessControl, ServerStart
from ioc.model.paths import Part
from ioc.options.commands import RunOptions
from ioc.pva.addresses import Addresses
from ioc.security.rules import EVERYBODY, Rules
from ioc.settings.initial import first_orders
from reduction.control.encoding import encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import OrderReceiver
from reduction.control.orders import RANKS_PART, RanksOrder, ReductionOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.reports import RanksReport, ReductionResult
from reduction.control.run_state import RunState
from reduction.instrument.geometry import powder_arc
from reduction.instrument.selection import group_names
from reduction.messages.run_messages import RunMessage
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Client, Network
from tests.support.ioc.fake_views import fake_views

CountsOf = Callable[[ReductionOrder], NDArray[np.int64]]

PERIOD_S = 0.02

VIEW_TICKS = 25
"""Every how many reports there are images and maps, besides with new orders."""

PULSE_TIME_NS = 1_700_000_000_123_456_789


class FakeRanks(threading.Thread):
    """Obeys orders and reports results, whose counts are all the generation + 1.

    Unless a test sets ``counts``, which makes them of a reduction's order.
    """

    STREAM_LOGS = ("pressure", "temperature")

    def __init__(self, endpoint: str) -> None:
        super().__init__(daemon=True)
        self._endpoint = endpoint
        self.reporting, self.obeying = threading.Event(), threading.Event()
        self.stopping = threading.Event()
        self.seen: list[RanksOrder] = []
        self.raw: list[bytes] = []
        self.counts = counts
        self.changed: Callable[[RanksReport], RanksReport] = lambda report: report
        """Changes what is reported."""
        self.logs: list[PvLogValues] = []
        self.run_messages: tuple[RunMessage, ...] = ()
        self.reporting.set()
        self.obeying.set()

    def run(self) -> None:
        with zmq.Context() as context:
            end: OrderReceiver[RanksOrder, RanksReport] = OrderReceiver(
                context, self._endpoint, RanksOrder, RANKS_PART
            )
            order = RanksOrder(revision=-1)
            ticks, viewed = 0, -1
            while not self.stopping.wait(PERIOD_S):
                if self.obeying.is_set():
                    order = end.latest() or order
                    if order not in self.seen:
                        self.seen.append(order)
                self.logs += end.logs()
                while self.raw:
                    hello = encoded(own_hello(RANKS_PART))
                    end.socket.send_multipart([hello, self.raw.pop()])
                if self.reporting.is_set():
                    forwarded = {each.name for each in self.logs}
                    logs = (*self.STREAM_LOGS, *sorted(forwarded))
                    ticks += 1
                    due, viewed = (
                        order.revision != viewed or ticks % VIEW_TICKS == 0,
                        order.revision,
                    )
                    report = replace(report_on(order, self.counts, views=due), logs=logs)
                    end.report(replace(self.changed(report), run_messages=self.run_messages))
            end.close()


def shape(settings: ReductionSettings) -> tuple[int, int, int]:
    """Slices, groups and bins."""
    groups = len(group_names(settings.detectors))
    return settings.filter.count, groups, settings.edges.size - 1


def counts(order: ReductionOrder) -> NDArray[np.int64]:
    """The generation + 1 in all cells."""
    return np.full(shape(order.settings), order.generation + 1)


def report_on(order: RanksOrder, counts: CountsOf = counts, *, views: bool = True) -> RanksReport:
    results = tuple(
        ReductionResult(
            each,
            ReductionStatus(generation=each.generation),
            each.settings.edges,
            counts(each),
            views=fake_views(each) if views else None,
            views_generation=each.generation,
        )
        for each in order.reductions
    )
    stream = StreamStatus(event_total=7, pulse_first=3, pulse_last=2**31 - 1)
    run = RunState(facility_run=order.facility_run)
    backend = BackendStatus("fake", 2, 7)
    return RanksReport(order.revision, PULSE_TIME_NS, stream, backend, results, run=run)


class Ioc(Client):
    """A server in its own thread, its fake ranks, and the C tools that find it."""

    def __init__(
        self,
        net: Network,
        reductions: int = 1,
        prefix: str = "",
        pva: bool = False,
        run_state: Path | None = None,
        rules: Rules = EVERYBODY,
    ) -> None:
        super().__init__(net, prefix or f"T{secrets.token_hex(4)}:")
        self.lost: list[Part] = []
        self._start = ServerStart(
            self.prefix,
            port=net.port,
            pva=Addresses(port=0, search_port=net.search_port) if pva else None,
            run_state=run_state,
            rules=rules,
            ranks=first_orders(RunOptions(reductions=reductions), powder_arc().bank_names).ranks,
            ranks_silence_s=0.4,
            simulator_silence_s=0.4,
            obey_timeout_s=0.6,
        )
        self._ready: threading.Event = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        try:
            server = LiveServer(self._start, ProcessControl(lost=self._on_lost))
            self._on_ready(server)
            await server.run()
        except asyncio.CancelledError:
            return

    def _on_lost(self, part: Part, _reason: str) -> None:
        self.lost.append(part)

    def _on_ready(self, server: LiveServer) -> None:
        self.server = server
        self.ranks = FakeRanks(server.connections.ranks.endpoint)
        self._ready.set()

    def __enter__(self) -> Ioc:
        self._thread.start()
        assert self._ready.wait(120)
        self.ranks.start()
        self.until(lambda: self.get("Red1:Generation_RBV.SEVR") == "NO_ALARM")
        return self

    def __exit__(self, *_: object) -> None:
        self.ranks.stopping.set()
        self.ranks.join()
        assert self.task is not None
        self.loop.call_soon_threadsafe(self.task.cancel)
        self._thread.join(30)
        assert not self._thread.is_alive()
