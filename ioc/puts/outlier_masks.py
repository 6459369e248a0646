"""The put handler that masks dead and hot detectors, and puts the mask back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from ioc.model.pvs import PvRow
from ioc.puts.detector_changes import DetectorChanges, joined_list
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.detector_files.id_ranges import list_words
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.outliers import OutlierReadings
from reduction.parameters.specs import Refused

FoundOutliers = Callable[[int], OutlierReadings]
"""Gives the dead and hot detectors that are posted of a reduction, by its index."""


class OutlierMasks:
    """Adds what was found to the setting Mask of a reduction, and puts back what it was before."""

    def __init__(self, orders: OrderPuts, settings: IocSettings, found: FoundOutliers) -> None:
        self._changes = DetectorChanges(orders, settings, "Outliers:Unmask")
        self._found = found

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
        former = await self._changes.change(row, functools.partial(_masked, found))
        self._changes.remember(number, former.mask)
        return False


def _masked(found: OutlierReadings, settings: DetectorSettings) -> Mapping[str, Any]:
    """The mask with what was found; the lists may be older than the last put, and masked by it."""
    listed = set(list_words(settings.mask))
    words = list_words(joined_list(found.dead, found.hot))
    if not (new := ",".join(each for each in words if each not in listed)):
        raise Refused("Mask", 1, "what was found is masked already; there will be new lists")
    return {"mask": joined_list(settings.mask, new)}
