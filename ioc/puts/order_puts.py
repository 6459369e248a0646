"""Puts that ranks or simulator obey: each changes an order, and waits until it is obeyed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from ioc.model.paths import Part, value_at, with_fields
from ioc.model.pvs import Access, PvRow
from ioc.model.roles import Role
from ioc.puts.drafts import Drafts
from ioc.puts.file_reads import FileReads
from ioc.puts.order_changes import (
    RanksChange,
    command_change,
    numbered,
    stopped_after,
    with_fields_at,
    with_file_at,
    with_units,
)
from ioc.puts.pending_orders import PendingOrders, SendOrder
from ioc.security.rules import Client
from reduction.control.order_files import with_files
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.instrument.default_bins import DECLARED_BINS
from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.specs import Command as RunningCommand
from reduction.parameters.specs import Misfit, Refused
from reduction.parameters.units import Units
from simulator.orders import SimulatorOrder, SimulatorReport

OrderCheck = Callable[[RanksOrder, RanksOrder], AbstractAsyncContextManager[None]]
"""Checks a new order, the second, against the one before it, and raises `Refused`.

While the context is open, the logs that only the new order needs are followed. It ends when the
order is obeyed or taken back.
"""


def unchecked(_former: RanksOrder, _order: RanksOrder) -> AbstractAsyncContextManager[None]:
    """Accepts every order."""
    return contextlib.nullcontext()


def orders_to_ranks(
    order: RanksOrder, send: SendOrder[RanksOrder], timeout_s: float = 30.0
) -> PendingOrders[RanksOrder]:
    """The orders of the ranks, beginning with ``order``."""
    return PendingOrders("the ranks", order, send, numbered, timeout_s)


def orders_to_simulator(
    order: SimulatorOrder, send: SendOrder[SimulatorOrder], timeout_s: float = 30.0
) -> PendingOrders[SimulatorOrder]:
    """The orders of the simulator, beginning with ``order``; their only number is the revision."""
    return PendingOrders("the simulator", order, send, lambda new, _former: new, timeout_s)


class OrderPuts:
    """Holds the accepted settings of ranks and simulator, and changes them by orders.

    It uses no channels and no sockets. ``reads`` reads the files of detectors that settings name.
    ``default_bins`` are the bins that each unit has at first.
    """

    def __init__(
        self,
        ranks: PendingOrders[RanksOrder],
        simulator: PendingOrders[SimulatorOrder],
        check: OrderCheck = unchecked,
        reads: FileReads | None = None,
        default_bins: Mapping[Units, str] = DECLARED_BINS,
    ) -> None:
        self.ranks, self.simulator = ranks, simulator
        self._check, self._reads = check, reads or FileReads()
        self.drafts = Drafts()
        """Settings that were put but do not fit each other yet."""
        self._ended = asyncio.Event()
        self._recording: asyncio.Task[None] | None = None
        self._default_bins = default_bins
        self._bins: dict[tuple[int, Units], str] = {}
        self._remember_bins(ranks.accepted)

    def accepted(self, part: Part) -> RanksOrder | SimulatorOrder:
        """The newest order that a part is known to obey; setpoints and readbacks show it."""
        return self.ranks.accepted if part is Part.RANKS else self.simulator.accepted

    async def put(self, row: PvRow, value: Any, _client: Client) -> Any:
        """Change the setting of a row; returns the accepted value once posted results show it.

        Raises `Refused`, with nothing changed, if the value is refused or not obeyed in time. A
        value that only fits with other values of other settings becomes a draft: this returns it,
        and the put that makes them fit orders all of them.
        """
        is_command = row.access is Access.COMMAND
        endless = isinstance(row.spec, RunningCommand) and row.spec.endless
        if is_command and not value and not endless:
            return False
        fields = self.drafts.put_with(row, value)
        try:
            await self._change(row, fields)
            if endless and value:
                await self._until_ended()
        except Misfit as misfit:
            if not row.put_with:
                raise Refused(row.spec.pv, value, misfit.why) from None
            self.drafts.keep(row, value, misfit.why)
            return value
        except Refused as refused:
            # If BinMin makes bad bins, BinParams refuses them, but the client has put BinMin.
            raise Refused(row.spec.pv, value, refused.why) from None
        except TimeoutError as late:
            raise Refused(row.spec.pv, value, str(late)) from None
        self.drafts.drop(row, fields)
        if row.replaces is not None:
            self.drafts.drop_group(row.replaces)
        return False if is_command else value_at(self.accepted(row.place.part), row.place.path)

    async def _change(self, row: PvRow, fields: Mapping[str, Any]) -> None:
        """Order a put to a row, with the drafts among ``fields``; raises `Refused`."""
        if len(fields) > 1:
            self._check_alone(row, fields[row.field])
        if row.place.part is Part.SIMULATOR:
            path = row.group.place.path
            await self.simulator.change(lambda o: with_fields(o, path, fields), in_result=False)
            return
        change = self._change_for(row, fields)
        await self.change_ranks(change, in_result=row.group.of is not RunControl)

    def _check_alone(self, row: PvRow, value: Any) -> None:
        """Raise `Refused` for a value that is wrong whatever the other settings are.

        It must not become a draft: every later put would be refused for it.
        """
        alone = {row.field: value}
        with contextlib.suppress(Misfit):
            if row.place.part is Part.SIMULATOR:
                with_fields(self.simulator.newest, row.group.place.path, alone)
            else:
                self._change_for(row, alone)(self.ranks.newest)

    async def change_ranks(self, change: RanksChange, *, in_result: bool) -> None:
        """Have the ranks obey a change, as `PendingOrders.change` does, if it can be obeyed.

        Raises `Refused` if it cannot, and TimeoutError if it is not obeyed in time.
        """
        loaded = await self._reads.detector_files(change(self.ranks.newest))

        def complete(order: RanksOrder) -> RanksOrder:
            return with_files(change(order), loaded)

        async with self._check(self.ranks.newest, complete(self.ranks.newest)):
            await self.ranks.change(complete, in_result=in_result)

    async def _until_ended(self) -> None:
        """Wait until the final result of an acquisition is posted."""
        self._ended.clear()
        await self._ended.wait()

    def _record_end(self) -> None:
        """Change the order to "stopped" once the ranks have ended the acquisition.

        Otherwise restarted ranks would obey the old order and begin the acquisition again.
        """
        order = self.ranks.accepted
        if order.acquiring and self._recording is None and not self.ranks.waiting():
            change = self.ranks.change(stopped_after(order.starts), in_result=False)
            self._recording = asyncio.create_task(change)
            self._recording.add_done_callback(self._end_recorded)

    def _end_recorded(self, task: asyncio.Task[None]) -> None:
        self._recording = None
        if not task.cancelled():
            task.exception()  # not obeyed in time: it is tried again at the next report

    def _change_for(self, row: PvRow, fields: Mapping[str, Any]) -> RanksChange:
        """How a put to ``row`` changes the order of the ranks, with the drafts among ``fields``.

        A put that does more than set the values of its fields has a case here.
        """
        path, value = row.group.place.path, fields[row.field]
        match row.role, row.group.reduction:
            case _ if row.access is Access.COMMAND:
                return command_change(row.field, value)
            case Role.UNITS, int(reduction):
                return with_units(path, value, self._bins_of(reduction, value))
            case Role.BINS, int(reduction):
                return self._for_present_unit(reduction, with_fields_at(path, fields))
            case Role.DETECTOR_FILE, _:
                return with_file_at(path, row.field, value)
            case _:
                return with_fields_at(path, fields)

    def _for_present_unit(self, reduction: int, change: RanksChange) -> RanksChange:
        """``change``, but refused if the reduction has another unit when the change is made.

        If a unit is put and then bins, and the unit is taken back, these bins are refused too.
        """
        units = self.ranks.newest.reductions[reduction].settings.units

        def checked(order: RanksOrder) -> RanksOrder:
            now = order.reductions[reduction].settings.units
            if now != units:
                raise Refused("Units", now, f"meant for {units}, which was not applied")
            return change(order)

        return checked

    def ranks_report_posted(self, report: RanksReport) -> None:
        """Complete the puts that are obeyed in the results of ``report``, which is posted now."""

        def shows(order: RanksOrder) -> bool:
            return len(report.results) == len(order.reductions) and all(
                result.counts is not None
                and result.order.generation >= wanted.generation
                and (not newest.asks_views or result.views_generation >= wanted.generation)
                for result, wanted, newest in zip(
                    report.results, order.reductions, self.ranks.newest.reductions, strict=True
                )
            )

        for order in self.ranks.report_posted(report.revision, shows):
            self._remember_bins(order)
        if report.results and not report.catching_up and not report.acquisition.acquiring:
            self._ended.set()
            self._record_end()

    def simulator_report_posted(self, report: SimulatorReport) -> None:
        """Complete the puts that are obeyed according to ``report``, which is posted now."""
        self.simulator.report_posted(report.revision, lambda _: True)

    def _remember_bins(self, order: RanksOrder) -> None:
        for reduction, each in enumerate(order.reductions):
            self._bins[reduction, each.settings.units] = each.settings.bin_params

    def _bins_of(self, reduction: int, units: Units) -> str:
        """The latest bins of a reduction in ``units``, or the default ones of that unit."""
        for order in reversed(self.ranks.waiting()):
            settings = order.reductions[reduction].settings
            if settings.units == units:
                return settings.bin_params
        return self._bins.get((reduction, units), self._default_bins[units])
