"""A watch of runs with the orders that it gives; process variables whose values a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from ioc.ca.client.pv_monitors import LOST, PvText
from ioc.model.run_parameters import FacilityRunSettings
from ioc.runs.run_watch import RunWatch
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.messages.run_messages import RunMessage
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from tests.support.ioc.order_bench import OrderBench
from tests.support.ranks.one_rank import START_NS


class RunBench(OrderBench):
    """Ranks obey at once, and report the messages that the test gives."""

    def __init__(self, settings: FacilityRunSettings, timeout_s: float = 5.0) -> None:
        super().__init__(timeout_s)
        self.settings = settings
        self.pvs: dict[str, asyncio.Queue[PvText | str]] = {}
        self.watch = RunWatch(
            self.orders, lambda: self.settings, self._texts_of, lambda: START_NS + 10**9
        )

    async def _texts_of(self, name: str) -> AsyncGenerator[PvText | str, None]:
        queue = self.pvs.setdefault(name, asyncio.Queue())
        while True:
            yield await queue.get()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The watch runs, and the ranks have reported."""
        task = asyncio.create_task(self.watch.run())
        await self.told()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def told(self, *messages: RunMessage) -> RanksOrder:
        """Have the ranks report messages; returns the order once all is obeyed."""
        self._report(messages)
        for _ in range(4 + 2 * len(messages)):
            await self.settle()
            await self.report(self.orders.ranks.newest)
        return self.orders.ranks.accepted

    def _report(self, messages: Sequence[RunMessage]) -> None:
        run = RunState(facility_run=self.orders.ranks.accepted.facility_run)
        report = RanksReport(0, 0, StreamStatus(), BackendStatus(), run=run)
        self.watch.reported(replace(report, run_messages=tuple(messages)))

    async def value(self, name: str, text: str, time_ns: int = START_NS) -> RanksOrder:
        """Give a process variable a value, or have it lost if the text is `LOST`."""
        queue = self.pvs.setdefault(name, asyncio.Queue())
        queue.put_nowait(text if text == LOST else PvText(time_ns, text))
        return await self.told()
