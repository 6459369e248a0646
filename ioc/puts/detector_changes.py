"""Changes of mask and groups by commands, and what they were before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ioc.model.addresses import reduction_at
from ioc.model.paths import value_at, with_fields
from ioc.model.pvs import PvRow
from ioc.puts.order_puts import OrderPuts
from reduction.control.orders import RanksOrder
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.specs import Refused

ChangedFields = Callable[[DetectorSettings], Mapping[str, Any]]
"""Gives the fields that a command changes, with their values; may raise `Refused`."""


def joined_list(*lists: str) -> str:
    """One list of detectors of several; empty ones leave no comma."""
    return ",".join(filter(None, lists))


class DetectorChanges:
    """Changes settings of the detectors of reductions, and puts them back."""

    def __init__(self, orders: OrderPuts) -> None:
        self._orders = orders
        self._before: dict[int, Mapping[str, Any]] = {}

    def remembers(self, row: PvRow) -> bool:
        """Whether `restore` has anything to put back in the reduction of ``row``."""
        return row.group.reduction in self._before

    async def change(self, row: PvRow, fields: ChangedFields) -> DetectorSettings:
        """Have the ranks obey a command of ``row``; returns the settings from before.

        Raises `Refused`, with nothing changed, if they cannot or do not in time.
        """
        assert row.group.reduction is not None
        path = (reduction_at(row.group.reduction) / "settings" / "detectors").path
        former: DetectorSettings = value_at(self._orders.ranks.newest, path)

        def changed(order: RanksOrder) -> RanksOrder:
            return with_fields(order, path, fields(value_at(order, path)))

        try:
            await self._orders.change_ranks(changed, in_result=True)
        except TimeoutError as late:
            raise Refused(row.spec.pv, 1, str(late)) from None
        return former

    def remember(self, row: PvRow, before: Mapping[str, Any]) -> None:
        """Have the next `restore` of the reduction of ``row`` put back these fields."""
        assert row.group.reduction is not None
        self._before[row.group.reduction] = before

    async def restore(self, row: PvRow, missing: str) -> None:
        """Put back what was remembered; raises `Refused`, with ``missing`` if there is nothing."""
        assert row.group.reduction is not None
        before = self._before.get(row.group.reduction)
        if before is None:
            raise Refused(row.spec.pv, 1, missing)
        await self.change(row, lambda _: before)
        self._before.pop(row.group.reduction, None)
