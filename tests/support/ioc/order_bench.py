"""Puts that become orders, without a network: the orders that they gave, and reports on them."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import numpy as np

from ioc.model.pvs import pv_rows
from ioc.puts.file_reads import FileReads
from ioc.puts.order_puts import (
    OrderCheck,
    OrderPuts,
    orders_to_ranks,
    orders_to_simulator,
    unchecked,
)
from ioc.security.rules import Client
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport, ReductionResult
from reduction.instrument.geometry import powder_arc
from reduction.instrument.load_files import load_file
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from reduction.parameters.readings import ReductionStatus
from simulator.orders import SimulatorOrder, SimulatorReport
from simulator.status import SimulatorStatus

ROWS = {row.name: row for row in pv_rows("", reductions=2)}


class OrderBench:
    """Order puts with the orders that it gave, and reports on them when the test says so."""

    def __init__(
        self,
        timeout_s: float = 5.0,
        reductions: int = 1,
        check: OrderCheck = unchecked,
        reads: FileReads | None = None,
    ) -> None:
        self.ranks: list[RanksOrder] = []
        self.simulator: list[SimulatorOrder] = []
        self.orders = OrderPuts(
            orders_to_ranks(
                RanksOrder(reductions=(ReductionOrder(),) * reductions), self._to_ranks, timeout_s
            ),
            orders_to_simulator(SimulatorOrder(), self._to_simulator, timeout_s),
            check,
            reads or FileReads(functools.partial(load_file, instrument=powder_arc())),
        )
        self.orders.ranks.set_present(True)
        self.orders.simulator.set_present(True)

    async def _to_ranks(self, order: RanksOrder) -> None:
        self.ranks.append(order)

    async def _to_simulator(self, order: SimulatorOrder) -> None:
        self.simulator.append(order)

    async def asked(self, pv: str, value: Any) -> Any:
        """What a put returns."""
        return await self.orders.put(ROWS[pv], value, Client("192.0.2.1", "anna"))

    async def put(self, pv: str, value: Any) -> asyncio.Task[Any]:
        """A put that is under way."""
        task = asyncio.create_task(self.asked(pv, value))
        await self.settle()
        return task

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def report(self, order: RanksOrder, with_counts: bool = True, **more: Any) -> None:
        counts = np.zeros((1, 1, 1), np.int64) if with_counts else None
        results = tuple(
            ReductionResult(
                each,
                ReductionStatus(),
                np.arange(2.0),
                counts,
                views_generation=each.generation,
            )
            for each in order.reductions
        )
        self.orders.ranks_report_posted(
            RanksReport(order.revision, 0, StreamStatus(), BackendStatus(), results, **more)
        )
        await self.settle()

    async def report_all(self) -> None:
        """Reports of ranks and simulator that they obey their newest orders."""
        if self.ranks:
            await self.report(self.ranks[-1])
        if self.simulator:
            report = SimulatorReport(self.simulator[-1].revision, SimulatorStatus())
            self.orders.simulator_report_posted(report)
            await self.settle()

    @property
    def bins(self) -> str:
        return self.orders.ranks.accepted.reductions[0].settings.bin_params
