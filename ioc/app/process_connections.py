"""The sockets on which the IOC sends orders to ranks and simulator, and receives reports."""

from __future__ import annotations

import zmq.asyncio

from ioc.app.server_start import ServerStart
from reduction.control.channel import OrderSender
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from simulator.orders import SimulatorOrder, SimulatorReport


class ProcessConnections:
    """A connection to the ranks and one to the simulator; both use one ZeroMQ context."""

    def __init__(self, start: ServerStart) -> None:
        self._context = zmq.asyncio.Context()
        self.ranks: OrderSender[RanksOrder, RanksReport] = OrderSender(
            self._context, start.ranks_endpoint, RanksReport, start.ranks
        )
        self.simulator: OrderSender[SimulatorOrder, SimulatorReport] = OrderSender(
            self._context, start.simulator_endpoint, SimulatorReport, start.simulator
        )

    def close(self) -> None:
        """Close all sockets."""
        self.ranks.close()
        self.simulator.close()
        self._context.term()
