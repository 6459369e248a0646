"""The put handler that masks or groups the detectors of a rectangle, and puts both back."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ioc.model.pvs import PvRow
from ioc.puts.detector_changes import ChangedFields, DetectorChanges, joined_list
from ioc.puts.image_geometries import SMALL, ImageGeometries
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.detector_files.id_ranges import list_words
from reduction.host.file_system.file_threads import in_thread
from reduction.instrument.detector_ranges import shortest_list
from reduction.instrument.geometry import Instrument
from reduction.instrument.layout import DetectorLayout
from reduction.instrument.selection import BANKS
from reduction.parameters.detectors import LONGEST_LIST, DetectorSettings
from reduction.parameters.images.image import PickedCells
from reduction.parameters.specs import Refused


class PickedPuts:
    """Adds the detectors of the rectangle to Mask or Groups, and puts back what both were before.

    The settings from before are those at the first command since the last Restore.
    """

    def __init__(
        self, orders: OrderPuts, settings: IocSettings, geometries: ImageGeometries
    ) -> None:
        self._orders, self._geometries = orders, geometries
        self._changes = DetectorChanges(orders, settings, "Image:ROI:Restore")

    async def put(self, row: PvRow, value: Any, _client: Client) -> Any:
        """Change mask or groups; raises `Refused`, with nothing changed, as puts to these do."""
        number = row.group.reduction
        if not value or number is None:
            return False
        if row.field == "restore":
            await self._changes.restore(row, "nothing was masked or grouped by Image:ROI")
            return False
        ids = await self._ids(row, number)
        fields: ChangedFields = functools.partial(_masked if row.field == "mask" else _grouped, ids)
        former = await self._changes.change(row, fields)
        if self._changes.before(number) is None:
            self._changes.remember(number, former.mask, former.groups)
        return False

    async def _ids(self, row: PvRow, number: int) -> str:
        """The ids in the rectangle of a reduction, as Mask takes them; raises `Refused`."""
        order = self._orders.ranks.newest
        settings = order.reductions[number].settings
        if not settings.image.picked.used:
            raise Refused(row.spec.pv, 1, "there is no rectangle: SizeX or SizeY is 0")
        made = await self._geometries.made(settings, order.files)
        instrument = self._geometries.instrument
        work = functools.partial(_listed, instrument, made.layout, settings.image.picked)
        small = instrument.detector_id.size <= SMALL
        ids = work() if small else await in_thread(work)
        if not ids:
            raise Refused(row.spec.pv, 1, "no detector is in the rectangle")
        return ids


def _listed(instrument: Instrument, layout: DetectorLayout, cells: PickedCells) -> str:
    """The shortest list of the ids of the detectors in these cells; empty if there are none."""
    members = layout.detectors_in(cells.min_x, cells.min_y, cells.size_x, cells.size_y)
    return shortest_list(members, instrument)


def _masked(ids: str, settings: DetectorSettings) -> Mapping[str, Any]:
    """The mask with the detectors ``ids``; ranges that it lists already are not added again."""
    listed = set(list_words(settings.mask))
    new = ",".join(each for each in ids.split(",") if each not in listed)
    if not new:
        raise Refused("Mask", ids, "the detectors of the rectangle are masked already")
    return {"mask": _fitting("Mask", ids, joined_list(settings.mask, new))}


def _grouped(ids: str, settings: DetectorSettings) -> Mapping[str, Any]:
    """The groups with one more of the detectors ``ids``."""
    if settings.groups_file:
        raise Refused("Groups", ids, "GroupsFile makes the groups: empty it first")
    if settings.calibration_groups:
        why = "CalibrationGroups makes the groups: switch it to Ignore first"
        raise Refused("Groups", ids, why)
    if settings.groups == BANKS:
        raise Refused("Groups", ids, "Groups is banks, and the detectors are in these groups")
    groups = f"{settings.groups};{ids}" if settings.groups else ids
    return {"groups": _fitting("Groups", ids, groups)}


def _fitting(pv: str, ids: str, text: str) -> str:
    """``text`` if the setting ``pv`` can hold it; raises `Refused`."""
    if len(text) > LONGEST_LIST:
        why = f"{pv} would have {len(text)} characters with these ids; the limit is {LONGEST_LIST}"
        raise Refused(pv, ids, why)
    return text
