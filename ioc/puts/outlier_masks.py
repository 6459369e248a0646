"""The put handler that masks dead and hot detectors, and puts the mask back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ioc.model.paths import Part, value_at
from ioc.model.pvs import Access, PvRow
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.outliers import OutlierReadings
from reduction.parameters.specs import Refused

FoundOutliers = Callable[[int], OutlierReadings]
"""Gives the dead and hot detectors that are posted of a reduction, by its index."""


class OutlierMasks:
    """Adds what was found to the setting Mask of a reduction, and puts back what it was before."""

    def __init__(self, orders: OrderPuts, found: FoundOutliers, rows: Iterable[PvRow]) -> None:
        self._orders, self._found = orders, found
        self._masks = {
            row.group.reduction: row
            for row in rows
            if row.group.of is DetectorSettings
            and row.field == "mask"
            and row.access is Access.SETPOINT
        }
        self._before: dict[int, str] = {}

    async def put(self, row: PvRow, value: Any, client: Client) -> Any:
        """Change the mask; raises `Refused`, with nothing changed, as a put to Mask does."""
        number = row.group.reduction
        if not value or number is None:
            return False
        mask = self._masks[number]
        present = value_at(self._orders.accepted(Part.RANKS), mask.place.path)
        if row.field == "mask":
            await self._orders.put(mask, mask.spec.checked(self._joined(number, present)), client)
            self._before[number] = present
            return False
        if number not in self._before:
            raise Refused(row.spec.pv, value, "nothing was masked by Outliers:Mask")
        await self._orders.put(mask, self._before[number], client)
        del self._before[number]
        return False

    def _joined(self, number: int, present: str) -> str:
        """The ``present`` mask and what was found; raises `Refused` if nothing was."""
        found = self._found(number)
        if not found.dead_count and not found.hot_count:
            raise Refused("Mask", 1, "no dead or hot detector is found")
        return ",".join(filter(None, (present, found.dead, found.hot)))
