"""The newest order of a process, and the changes in it that the process has not obeyed yet.

The newest order is the accepted order with all waiting changes, applied in order of arrival. So
concurrent changes merge, and a change that fails is removed while the others stay.
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

ProcessOrderT = TypeVar("ProcessOrderT", RanksOrder, SimulatorOrder)

SendOrder = Callable[[ProcessOrderT], Awaitable[None]]
"""Sends an order to the process, now and whenever it starts anew."""

NumberOrder = Callable[[ProcessOrderT, ProcessOrderT], ProcessOrderT]
"""(new, former): the new order with numbers that count on from those of the former order.

The revision is not changed.
"""

PRESENCE_CHECK_S = 0.5
"""How often a waiting change checks whether its process has ended or reports."""

MOST_ENDS = 2
"""If a process ends so often while a change waits, the change is taken as the cause."""


@dataclass(eq=False)
class PendingChange(Generic[ProcessOrderT]):
    """A change that was sent in ``order`` and is not known to be obeyed yet."""

    change: Callable[[ProcessOrderT], ProcessOrderT]
    in_result: bool
    order: ProcessOrderT
    done: asyncio.Future[None]


class PendingOrders(Generic[ProcessOrderT]):
    """The orders of one process; ``name`` is the name of the process in messages."""

    def __init__(
        self,
        name: str,
        order: ProcessOrderT,
        send: SendOrder[ProcessOrderT],
        number: NumberOrder[ProcessOrderT],
        timeout_s: float = 30.0,
    ) -> None:
        self.accepted: ProcessOrderT = order
        """The newest order known to be obeyed."""
        self.newest: ProcessOrderT = order
        """The order sent last."""
        self._first_valid = order.revision  # results of earlier revisions are not shown
        self._name, self._timeout_s = name, timeout_s
        self._send_order: SendOrder[ProcessOrderT] = send
        self._number: NumberOrder[ProcessOrderT] = number
        self._pending: list[PendingChange[ProcessOrderT]] = []
        self._present = self._given_up = False
        self._incarnation: int | None = None  # None before the first report, and after an end
        self._presence_changes = self._starts = self._ends = 0

    async def change(
        self, change: Callable[[ProcessOrderT], ProcessOrderT], *, in_result: bool
    ) -> None:
        """Order a change and return once it is obeyed, with ``in_result`` in a posted result.

        ``change`` makes the new order from the present one without changing its numbers; it may
        raise `Refused`. If the order stays as it is and no change waits, this returns at once.
        Raises TimeoutError, with the change taken back, if the process does not obey in time,
        whether it is there or not, or if it ends again and again. A process that ends, and the one
        that starts in its place, get the full time again. A process that is only silent does not:
        it is slow or stopped, and may still obey. One that did not report while a change waited is
        not waited for until it reports, so that changes that wait for each other fail together.
        """
        changed = change(self.newest)
        if changed == self.newest and not self._pending:
            return
        if self._given_up:
            why = f"{self._name} have not reported for more than {self._timeout_s:g} s"
            raise TimeoutError(why)
        done = asyncio.get_running_loop().create_future()
        order = self._numbered(changed)
        pending = PendingChange(change, in_result, order, done)
        self._pending.append(pending)
        await self._send(order)
        if why := await self._why_not_obeyed(done):
            await self._take_back(pending)
            raise TimeoutError(why)

    def may_show(self, revision: int) -> bool:
        """Whether results that obey the order of ``revision`` may be shown.

        They may not if the order is older than the accepted one, holds a change that was taken
        back, or was sent by an earlier IOC.
        """
        return self._first_valid <= revision <= self.newest.revision

    def report_posted(
        self, revision: int, shows: Callable[[ProcessOrderT], bool]
    ) -> list[ProcessOrderT]:
        """Complete the changes that are obeyed according to a posted report of ``revision``.

        Returns the orders of these changes, oldest first. ``shows(order)`` is true if the report
        has results that obey the order.
        """
        obeyed = []
        while self._pending:
            first = self._pending[0]
            if revision < first.order.revision or (first.in_result and not shows(first.order)):
                break
            obeyed.append(self._pending.pop(0).order)
            self.accepted = first.order
            self._first_valid = first.order.revision
            if not first.done.done():
                first.done.set_result(None)
        return obeyed

    def waiting(self) -> list[ProcessOrderT]:
        """The orders that wait to be obeyed, oldest first."""
        return [each.order for each in self._pending]

    def set_present(self, present: bool) -> None:
        """Set whether the process reports."""
        if present != self._present:
            self._present, self._given_up = present, False
            self._presence_changes += 1

    def reported_by(self, incarnation: int) -> None:
        """Note which process has reported; another number than before is another process.

        The one before it has ended, or has been silent for so long that it was replaced.
        """
        if incarnation == self._incarnation:
            return
        self.ended()
        self._incarnation = incarnation
        self._starts += 1

    def ended(self) -> None:
        """Note that the process has ended; one that had not reported yet does not count."""
        if self._incarnation is not None:
            self._incarnation = None
            self._ends += 1

    async def _why_not_obeyed(self, done: asyncio.Future[None]) -> str:
        """Wait until ``done``; returns an empty text, or the reason why the change has failed."""
        clock = asyncio.get_running_loop().time
        ends, lives = self._ends, self._starts + self._ends
        presence, since_s = self._presence_changes, clock()
        while True:
            await asyncio.wait({done}, timeout=min(self._timeout_s, PRESENCE_CHECK_S))
            if done.done():
                done.result()
                return ""
            if self._ends - ends >= MOST_ENDS:
                return f"{self._name} ended {MOST_ENDS} times before the change was applied"
            if lives != self._starts + self._ends:  # another process has the full time
                lives = self._starts + self._ends
                presence, since_s = self._presence_changes, clock()
            if clock() - since_s >= self._timeout_s:
                absent = not self._present and presence == self._presence_changes
                self._given_up = absent
                did_not = "have not reported for" if absent else "did not apply it within"
                return f"{self._name} {did_not} {self._timeout_s:g} s"

    async def _take_back(self, failed: PendingChange[ProcessOrderT]) -> None:
        """Send an order without the failed change, and with all others that are still valid."""
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
        # The process may obey the failed change by now: only later results may be shown.
        self._first_valid = restored.revision
        await self._send(restored)

    def _numbered(self, order: ProcessOrderT) -> ProcessOrderT:
        """``order`` as the successor of the newest one, or the newest one itself if it is equal."""
        former = self.newest
        numbered = dataclasses.replace(self._number(order, former), revision=former.revision)
        if numbered == former:
            return former
        return dataclasses.replace(numbered, revision=former.revision + 1)

    async def _send(self, order: ProcessOrderT) -> None:
        if order is not self.newest:
            self.newest = order
            await self._send_order(order)
