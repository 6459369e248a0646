"""The order that a process is to obey, and the changes of it that wait to be obeyed.

An order is the last one known to be obeyed with every waiting change applied to it, in the order of
their arrival. So concurrent changes merge, and one that fails is taken out without the others.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from reduction.control.orders import RanksOrder
from reduction.parameters.specs import Refused
from simulator.orders import SimulatorOrder

OrderT = TypeVar("OrderT", RanksOrder, SimulatorOrder)

SendOrder = Callable[[OrderT], Awaitable[None]]
"""Sends an order to the process, now and whenever it starts anew."""

Counted = Callable[[OrderT, OrderT], OrderT]
"""An order with the numbers that follow those of a former one, but for the revision."""

LOOK_S = 0.5
"""How often a waiting change looks how its process is."""

MOST_ENDS = 2
"""A process that ends so often while a change waits is taken to end by it."""


@dataclass(eq=False)
class PendingChange(Generic[OrderT]):
    """A change that was sent, as part of ``order``, and is not known to be obeyed."""

    change: Callable[[OrderT], OrderT]
    in_result: bool
    order: OrderT
    done: asyncio.Future[None]


class PendingOrders(Generic[OrderT]):
    """The orders of one process; ``who`` is its name in messages."""

    def __init__(
        self,
        who: str,
        order: OrderT,
        command: SendOrder[OrderT],
        counted: Counted[OrderT],
        timeout_s: float = 30.0,
    ) -> None:
        self.accepted: OrderT = order
        """The newest order known to be obeyed."""
        self.newest: OrderT = order
        self._floor = order.revision
        self._who, self._timeout_s = who, timeout_s
        self._command: SendOrder[OrderT] = command
        self._counted: Counted[OrderT] = counted
        self._pending: list[PendingChange[OrderT]] = []
        self._present = False
        self._turns = self._ends = 0

    async def change(self, change: Callable[[OrderT], OrderT], *, in_result: bool) -> None:
        """Order a change and return once it is obeyed, with ``in_result`` in a posted result.

        ``change`` makes the new order from the present one and leaves the numbers to us; it may
        raise `Refused`. A change of nothing returns at once, unless that nothing still waits.
        Raises TimeoutError, with the change taken back, if the process is there but does not obey.
        """
        changed = change(self.newest)
        if changed == self.newest and not self._pending:
            return
        done = asyncio.get_running_loop().create_future()
        order = self._numbered(changed)
        pending = PendingChange(change, in_result, order, done)
        self._pending.append(pending)
        await self._send(order)
        if failed := await self._failed(done):
            await self._take_back(pending)
            raise TimeoutError(failed)

    def current(self, revision: int) -> bool:
        """Whether results of ``revision`` may be shown: not of before the accepted order, nor of
        a change taken back, nor of an order that is none of ours, but of an IOC before us.
        """
        return self._floor <= revision <= self.newest.revision

    def posted(self, revision: int, shows: Callable[[OrderT], bool]) -> list[OrderT]:
        """A report of ``revision`` is on the PVs: the orders that are obeyed since, oldest first.

        ``shows`` tells whether the report has results that obey an order.
        """
        accepted = []
        while self._pending:
            first = self._pending[0]
            if revision < first.order.revision or (first.in_result and not shows(first.order)):
                break
            accepted.append(self._pending.pop(0).order)
            self.accepted = first.order
            self._floor = first.order.revision
            if not first.done.done():
                first.done.set_result(None)
        return accepted

    def waiting(self) -> list[OrderT]:
        """The orders that wait to be obeyed, oldest first."""
        return [each.order for each in self._pending]

    def present(self, there: bool) -> None:
        """Whether the process is there; while it is not, changes wait without a limit."""
        if there != self._present:
            self._present = there
            self._turns += 1
            self._ends += not there

    async def _failed(self, done: asyncio.Future[None]) -> str:
        """Wait until an order is obeyed: nothing, or why it is not going to be."""
        clock = asyncio.get_running_loop().time
        turns, ends, since_s = self._turns, self._ends, clock()
        while True:
            await asyncio.wait({done}, timeout=min(self._timeout_s, LOOK_S))
            if done.done():
                done.result()
                return ""
            if self._ends - ends >= MOST_ENDS:
                return f"{self._who} ended {MOST_ENDS} times when it was to apply it"
            if turns != self._turns:
                turns, since_s = self._turns, clock()
            if self._present and clock() - since_s >= self._timeout_s:
                return f"{self._who} did not apply it within {self._timeout_s:g} s"

    async def _take_back(self, failed: PendingChange[OrderT]) -> None:
        self._pending.remove(failed)
        order = self.accepted
        for each in list(self._pending):
            try:
                order = each.change(order)
            except Refused as refused:
                self._pending.remove(each)
                each.done.set_exception(refused)
        restored = self._numbered(order)
        for each in self._pending:
            each.order = restored
        if not self._pending:
            self.accepted = restored
        # What was taken back may have been obeyed by now: only what comes after it is to be shown.
        self._floor = restored.revision
        await self._send(restored)

    def _numbered(self, order: OrderT) -> OrderT:
        """``order`` as successor of the newest one; the newest one itself if it says the same."""
        former = self.newest
        same = dataclasses.replace(self._counted(order, former), revision=former.revision)
        if same == former:
            return former
        return dataclasses.replace(same, revision=former.revision + 1)

    async def _send(self, order: OrderT) -> None:
        if order is not self.newest:
            self.newest = order
            await self._command(order)
