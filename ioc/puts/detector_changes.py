"""Changes of mask and groups by commands, and what they were before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ioc.model.addresses import reduction_at
from ioc.model.ioc_order import DetectorsBefore
from ioc.model.paths import value_at, with_fields
from ioc.model.pvs import PvRow, reduction_prefix
from ioc.puts.ioc_settings import IocSettings
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
    """Changes settings of the detectors of reductions; a command puts them back.

    ``restoring`` is the name of that command below the prefix of a reduction. What it puts back is
    kept in ``settings``, and so survives a restart of the IOC where settings do.
    """

    def __init__(self, orders: OrderPuts, settings: IocSettings, restoring: str) -> None:
        self._orders, self._settings, self._restoring = orders, settings, restoring

    def before(self, number: int) -> DetectorsBefore | None:
        """What `restore` puts back in a reduction, by its index; None if there is nothing."""
        return self._settings.before(self._command(number))

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

    def remember(self, number: int, mask: str, groups: str | None = None) -> None:
        """Have the next `restore` of a reduction put these back."""
        self._settings.remember(DetectorsBefore(self._command(number), mask, groups))

    async def restore(self, row: PvRow, missing: str) -> None:
        """Put back what was remembered; raises `Refused`, with ``missing`` if there is nothing."""
        assert row.group.reduction is not None
        before = self.before(row.group.reduction)
        if before is None:
            raise Refused(row.spec.pv, 1, missing)
        groups = {} if before.groups is None else {"groups": before.groups}
        await self.change(row, lambda _: {"mask": before.mask, **groups})
        self._settings.forget(before.command)

    def _command(self, number: int) -> str:
        return reduction_prefix(number) + self._restoring
