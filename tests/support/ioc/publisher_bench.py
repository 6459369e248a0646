"""A publisher without a network: what it has posted, and reports to give it."""

from __future__ import annotations

import dataclasses
from collections.abc import Coroutine
from typing import Any

import numpy as np

from ioc.ca.channels.timestamps import nanoseconds
from ioc.ca.database import Database
from ioc.model.pvs import pv_rows
from ioc.posting.publisher import Publisher
from ioc.puts.order_puts import OrderPuts, orders_to_ranks, orders_to_simulator
from ioc.security.rules import Client
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport, ReductionResult
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from simulator.orders import SimulatorOrder

ROWS = {row.name: row for row in pv_rows("", reductions=2)}


class PublisherBench:
    """A publisher whose clock stands still, and the newest order to the ranks."""

    def __init__(self, *settings: ReductionSettings) -> None:
        self.now_s = 1000.0
        reductions = settings or (reduction("1,1,4"),)
        self.order = RanksOrder(reductions=tuple(ReductionOrder(0, each) for each in reductions))
        self.orders = OrderPuts(
            orders_to_ranks(self.order, self._ranks),
            orders_to_simulator(SimulatorOrder(), self._simulator),
        )
        self.database = Database("P:", self.orders.put, len(reductions))
        self.publisher = Publisher(self.database, self.orders, 5.0, lambda: self.now_s)
        at_once(self.publisher.start())

    async def _ranks(self, order: RanksOrder) -> None:
        self.order = order

    async def _simulator(self, order: SimulatorOrder) -> None:
        return None

    async def put(self, name: str, value: Any) -> Any:
        return await self.orders.put(ROWS[name], value, Client("192.0.2.1", "anna"))

    def get(self, name: str) -> Any:
        value = self.database.channels[f"P:{name}"].value
        return value.tolist() if isinstance(value, np.ndarray) else value

    def alarm(self, name: str) -> tuple[int, int]:
        alarm = self.database.channels[f"P:{name}"].alarm
        return alarm.status, alarm.severity


def reduction(bin_params: str) -> ReductionSettings:
    return ReductionSettings(Units.D_SPACING, bin_params)


def at_once(posting: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that must not suspend: then no client can read a half posted report."""
    try:
        posting.send(None)
    except StopIteration:
        return
    raise AssertionError("it suspended")


def report(order: RanksOrder, count: int = 1, **more: Any) -> RanksReport:
    """A report on an order, with ``count`` in each bin, and ``more`` of its fields."""
    results = tuple(
        ReductionResult(
            each,
            ReductionStatus(generation=each.generation, events_binned=count),
            each.settings.edges,
            np.full((1, 1, len(each.settings.edges) - 1), count),
        )
        for each in order.reductions
    )
    stream = StreamStatus(event_total=count)
    said = RanksReport(order.revision, 0, stream, BackendStatus(), results)
    return dataclasses.replace(said, **more)


def stamp(bench: PublisherBench, name: str) -> int:
    """The time stamp of a channel, ns since 1970."""
    return nanoseconds(bench.database.channels[f"P:{name}"].epics_timestamp)
