"""The sockets on which the IOC sends orders to ranks and simulator, and receives reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import zmq.asyncio

from ioc.app.server.server_start import ServerStart
from reduction.control.order_sender import OrderSender
from reduction.control.orders import RANKS_PART, RanksOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.reports import RanksReport
from simulator.orders import SIMULATOR_PART, SimulatorOrder, SimulatorReport

PATIENCES = 2
"""A process that was silent for so many times its silence is lost: another may take its place."""


class ProcessConnections:
    """A connection to the ranks and one to the simulator; both use one ZeroMQ context.

    ``log_history`` returns the log values that new ranks are sent. ``for_new_peer`` adds to an
    order what new ranks need.
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
            part=RANKS_PART,
            key=start.key,
            patience_s=PATIENCES * start.ranks_silence_s,
        )
        self.simulator: OrderSender[SimulatorOrder, SimulatorReport] = OrderSender(
            self._context,
            start.simulator_endpoint,
            SimulatorReport,
            start.simulator,
            part=SIMULATOR_PART,
            key=start.key,
            patience_s=PATIENCES * start.simulator_silence_s,
        )

    @property
    def ignored(self) -> int:
        """How many messages of others than the ranks and the simulator in force were ignored."""
        return self.ranks.peers.ignored + self.simulator.peers.ignored

    @property
    def problem(self) -> str:
        """What others have sent, in words; empty if they have not for a while."""
        every = self.ranks.peers.problem, self.simulator.peers.problem
        return "; ".join(filter(None, every))

    def note_strangers(self) -> None:
        """Note who could not connect."""
        self.ranks.note_strangers()
        self.simulator.note_strangers()

    def close(self) -> None:
        """Close all sockets."""
        self.ranks.close()
        self.simulator.close()
        self._context.term()
