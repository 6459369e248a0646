"""Where puts arrive: turns a value for a row into a changed order, and waits until it is true."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from ioc.model.paths import Part, Path, value_at, with_value
from ioc.model.pvs import Access, PvRow
from ioc.puts.pending_orders import PendingOrders, SendOrder
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Command as RunningCommand
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from simulator.orders import SimulatorOrder, SimulatorReport

Allowed = Callable[[RanksOrder, RanksOrder], AbstractAsyncContextManager[None]]
"""Judges a new order before it is sent, given the one before it, and raises `Refused`.

Inside stays in force what only the new order needs, until it is obeyed or taken back.
"""

RanksChange = Callable[[RanksOrder], RanksOrder]


def anything(_old: RanksOrder, _new: RanksOrder) -> AbstractAsyncContextManager[None]:
    """Allows every order."""
    return contextlib.nullcontext()


class OrderPuts:
    """The accepted settings, and the way to change them. Knows no channels and no sockets."""

    def __init__(
        self,
        ranks: RanksOrder,
        simulator: SimulatorOrder,
        command_ranks: SendOrder[RanksOrder],
        command_simulator: SendOrder[SimulatorOrder],
        timeout_s: float = 30.0,
        allowed: Allowed = anything,
    ) -> None:
        self.ranks = PendingOrders("the back end", ranks, command_ranks, _counted, timeout_s)
        self.simulator = PendingOrders(
            "the simulator", simulator, command_simulator, lambda order, _: order, timeout_s
        )
        self._allowed = allowed
        self._idle = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._bins: dict[tuple[int, Units], str] = {}
        self._remember(ranks)

    def accepted(self, part: Part) -> RanksOrder | SimulatorOrder:
        """The order that a part is known to obey: what setpoints and readbacks show."""
        return self.ranks.accepted if part is Part.RANKS else self.simulator.accepted

    async def put(self, row: PvRow, value: Any) -> Any:
        """Change what a row sets and return its accepted value once posted results show it.

        Raises `Refused`, with nothing changed, if the value is not taken or not obeyed in time.
        """
        is_command = row.access is Access.COMMAND
        endless = isinstance(row.spec, RunningCommand) and row.spec.endless
        if is_command and not value and not endless:
            return False
        part, path = row.place.part, row.place.path
        try:
            await self._change(part, path, value)
            if endless and value:
                await self._ended()
        except Refused as refused:
            # BinMin that makes bad bins is told as BinMin, though it is BinParams that refuses.
            raise Refused(row.spec.pv, value, refused.why) from None
        except TimeoutError as late:
            raise Refused(row.spec.pv, value, str(late)) from None
        return False if is_command else value_at(self.accepted(part), path)

    async def _change(self, part: Part, path: Path, value: Any) -> None:
        if part is Part.SIMULATOR:
            await self.simulator.change(lambda o: with_value(o, path, value), in_result=False)
            return
        change = self._changing(path, value)
        async with self._allowed(self.ranks.newest, change(self.ranks.newest)):
            await self.ranks.change(change, in_result=path[0] != "control")

    def _record_end(self) -> None:
        """Order no acquisition any more once one has ended, lest restarted ranks begin it anew."""
        order = self.ranks.accepted
        if order.acquiring and self._ending is None and not self.ranks.waiting():

            def ended(now: RanksOrder) -> RanksOrder:
                return _stop(now) if now.starts == order.starts else now

            self._ending = asyncio.create_task(self.ranks.change(ended, in_result=False))
            self._ending.add_done_callback(self._end_recorded)

    def _end_recorded(self, task: asyncio.Task[None]) -> None:
        self._ending = None
        if not task.cancelled():
            task.exception()  # not obeyed in time: it is tried again at the next report

    async def _ended(self) -> None:
        """Wait until a final result is posted."""
        self._idle.clear()
        await self._idle.wait()

    def _changing(self, path: Path, value: Any) -> RanksChange:
        """What a put to ``path`` makes of the ranks' order: where it is not just the value there,
        there is a case for it here.
        """
        match path:
            case ("reset",):
                return _reset
            case ("next_series",):
                return _next_series
            case ("acquire",):
                return _start if value else _stop
            case ("stop",):
                return _stop
            case ("reductions", int(number), "settings", "units"):
                bins = self._bins_of(number, value)
                return _with_units(path[:-1], value, bins)
            case ("reductions", int(number), "settings", "bin_params", *_):
                return self._meant_for_its_unit(number, lambda o: with_value(o, path, value))
            case _:
                return lambda order: with_value(order, path, value)

    def _meant_for_its_unit(self, number: int, change: RanksChange) -> RanksChange:
        """A change that is meant for the present unit of a reduction, and for no other."""
        units = self.ranks.newest.reductions[number].settings.units

        def checked(order: RanksOrder) -> RanksOrder:
            now = order.reductions[number].settings.units
            if now != units:
                raise Refused("Units", now, f"meant for {units}, which was not applied")
            return change(order)

        return checked

    def posted_ranks(self, report: RanksReport) -> None:
        """``report`` is on the PVs; its puts complete."""

        def shows(order: RanksOrder) -> bool:
            return len(report.results) == len(order.reductions) and all(
                result.counts is not None and result.order.generation >= wanted.generation
                for result, wanted in zip(report.results, order.reductions, strict=True)
            )

        for order in self.ranks.posted(report.revision, shows):
            self._remember(order)
        if report.results and not report.acquisition.acquiring:
            self._idle.set()
            self._record_end()

    def posted_simulator(self, report: SimulatorReport) -> None:
        """``report`` is on the PVs; its puts complete."""
        self.simulator.posted(report.revision, lambda _: True)

    def _remember(self, order: RanksOrder) -> None:
        for number, each in enumerate(order.reductions):
            self._bins[number, each.settings.units] = each.settings.bin_params

    def _bins_of(self, number: int, units: Units) -> str:
        """The bins that a reduction had last in ``units``, in this session."""
        for order in reversed(self.ranks.waiting()):
            settings = order.reductions[number].settings
            if settings.units == units:
                return settings.bin_params
        return self._bins.get((number, units), units.default_bins)


def _counted(order: RanksOrder, former: RanksOrder) -> RanksOrder:
    """``order`` with generations that count on from ``former``'s where settings differ.

    Resets and closes never count down: the ranks would take that for another one.
    """
    reductions = tuple(
        dataclasses.replace(new, generation=old.generation + (new.settings != old.settings))
        for new, old in zip(order.reductions, former.reductions, strict=True)
    )
    resets, closes = max(order.resets, former.resets), max(order.closes, former.closes)
    return dataclasses.replace(order, resets=resets, closes=closes, reductions=reductions)


def _reset(order: RanksOrder) -> RanksOrder:
    # A number that no order had before, of this IOC or of one that ran before it.
    return dataclasses.replace(order, resets=max(order.revision, order.resets) + 1)


def _start(order: RanksOrder) -> RanksOrder:
    started = _reset(order)
    return dataclasses.replace(started, acquiring=True, starts=started.resets)


def _next_series(order: RanksOrder) -> RanksOrder:
    closes = max(order.revision, order.closes) + 1
    return dataclasses.replace(order, acquiring=True, starts=closes, closes=closes)


def _stop(order: RanksOrder) -> RanksOrder:
    return dataclasses.replace(order, acquiring=False)


def _with_units(path: Path, units: Units, bin_params: str) -> RanksChange:
    def changed(order: RanksOrder) -> RanksOrder:
        settings: ReductionSettings = value_at(order, path)
        return with_value(order, path, settings.with_units(units, bin_params))

    return changed
