"""The put handler that masks dead and hot detectors, and puts the mask back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ioc.model.pvs import PvRow
from ioc.puts.detector_changes import DetectorChanges, joined_list
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.parameters.outliers import OutlierReadings
from reduction.parameters.specs import Refused

FoundOutliers = Callable[[int], OutlierReadings]
"""Gives the dead and hot detectors that are posted of a reduction, by its index."""


class OutlierMasks:
    """Adds what was found to the setting Mask of a reduction, and puts back what it was before."""

    def __init__(self, orders: OrderPuts, found: FoundOutliers) -> None:
        self._changes, self._found = DetectorChanges(orders), found

    async def put(self, row: PvRow, value: Any, _client: Client) -> Any:
        """Change the mask; raises `Refused`, with nothing changed, as a put to Mask does."""
        number = row.group.reduction
        if not value or number is None:
            return False
        if row.field == "unmask":
            await self._changes.restore(row, "nothing was masked by Outliers:Mask")
            return False
        found = self._found(number)
        if not found.dead_count and not found.hot_count:
            raise Refused("Mask", 1, "no dead or hot detector is found")
        former = await self._changes.change(
            row, lambda settings: {"mask": joined_list(settings.mask, found.dead, found.hot)}
        )
        self._changes.remember(row, {"mask": former.mask})
        return False
