"""The sockets on which the IOC sends orders to ranks and simulator, and receives reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import zmq.asyncio

from ioc.app.server_start import ServerStart
from reduction.control.channel import OrderSender
from reduction.control.orders import RanksOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.reports import RanksReport
from simulator.orders import SimulatorOrder, SimulatorReport


class ProcessConnections:
    """A connection to the ranks and one to the simulator; both use one ZeroMQ context.

    ``log_history`` returns the log values that new ranks are sent. ``for_new_peer`` makes the order
    to new ranks of the one to running ranks.
    """

    def __init__(
        self,
        start: ServerStart,
        log_history: Callable[[], Iterable[PvLogValues]],
        for_new_peer: Callable[[RanksOrder], RanksOrder],
    ) -> None:
        self._context = zmq.asyncio.Context()
        self.ranks: OrderSender[RanksOrder, RanksReport] = OrderSender(
            self._context,
            start.ranks_endpoint,
            RanksReport,
            start.ranks,
            log_history,
            for_new_peer,
        )
        self.simulator: OrderSender[SimulatorOrder, SimulatorReport] = OrderSender(
            self._context, start.simulator_endpoint, SimulatorReport, start.simulator
        )

    def close(self) -> None:
        """Close all sockets."""
        self.ranks.close()
        self.simulator.close()
        self._context.term()
