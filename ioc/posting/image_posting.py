"""Posts images, maps and picked spectra, and has them made while clients watch."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ioc.ca.channels.alarms import ABSENT_ALARM
from ioc.ca.database import Database, ReadingValues
from ioc.model.addresses import views_at
from ioc.posting.outlier_readings import outlier_readings
from ioc.posting.picture_readings import (
    PictureNumbers,
    bank_list,
    blank_picture,
    image_readings,
    map_readings,
    picked_detectors,
    picked_readings,
)
from ioc.puts.image_geometries import ImageGeometries
from ioc.puts.order_changes import with_watched
from ioc.puts.order_puts import OrderPuts
from reduction.control.orders import RanksOrder, ReductionOrder, WatchedViews
from reduction.control.reports import RanksReport, ReductionResult, ViewsResult
from reduction.parameters.images.detector_map import MapAxis
from reduction.parameters.images.image_readings import (
    ArrayReadings,
    ImageReadings,
    MapReadings,
    PickedReadings,
)
from reduction.parameters.limits import IMAGE_SIDE
from reduction.parameters.outliers import OutlierReadings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.intensity_labels import intensity_egu

log = logging.getLogger(__name__)

WATCH_PERIOD_S = 0.2
"""How often it is looked whether clients watch."""

UNWATCHED_S = 10.0
"""How long a picture is still made after the last client has gone."""

Readings = ImageReadings | MapReadings | PickedReadings | OutlierReadings

BLANK: Mapping[str, Readings] = {
    "image": ImageReadings(),
    "map": MapReadings(),
    "picked": PickedReadings(),
    "outliers": OutlierReadings(),
}
"""What is shown of each view that is not made."""


@dataclass(frozen=True, order=True)
class ViewAddress:
    """The reduction of a view, by its index, and which view it is: a key of `BLANK`."""

    reduction: int
    field: str


class ImagePosting:
    """Posts the views of reports on the channels of ``database``, between results too.

    While `run` runs, the ranks are told what clients watch. What no order asks for any more becomes
    blank and is in alarm (UDF).
    """

    def __init__(
        self,
        database: Database,
        geometries: ImageGeometries,
        orders: OrderPuts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._geometries, self._orders = database, geometries, orders
        self._clock = clock
        self._posted: dict[ViewAddress, ImageReadings | MapReadings] = {}
        self._outliers: dict[int, OutlierReadings] = {}
        self._counters: dict[ViewAddress, int] = {}
        self._blanks: dict[ViewAddress, ReductionSettings] = {}
        """The views that are blank, and the settings by which they are."""
        self._watched_s: dict[ViewAddress, float] = {}

    @property
    def _order(self) -> RanksOrder:
        return self._orders.ranks.newest

    async def reported(self, report: RanksReport) -> None:
        """Post the views of a report, if its results may be shown. Never suspends."""
        if not self._orders.ranks.may_show(report.revision):
            return
        for number, result in enumerate(report.results[: len(self._order.reductions)]):
            if result.views is not None:
                await self._show(number, report, result, result.views)
        for number, order in enumerate(self._order.reductions):
            for field in BLANK:
                if not _asks_for(order, field):
                    await self._blank(ViewAddress(number, field), order)

    async def _show(
        self, number: int, report: RanksReport, result: ReductionResult, views: ViewsResult
    ) -> None:
        """Post the views of a reduction; a geometry that is still being made is not waited for."""
        settings = result.order.settings
        if views.outliers is not None:
            self._outliers[number] = outlier_readings(views.outliers)
            await self._post(ViewAddress(number, "outliers"), self._outliers[number], report)
        if views.map is not None:
            address = ViewAddress(number, "map")
            numbers = self._numbers(address)
            self._posted[address] = map_readings(report, numbers, views.map)
            await self._post(address, self._posted[address], report)
        if views.image is None and views.picked is None:
            return
        geometry = self._geometries.known(settings, self._order.files)
        if geometry is None:
            return
        if views.image is not None and views.image.shape == geometry.layout.shape:
            address = ViewAddress(number, "image")
            numbers = self._numbers(address)
            banks = bank_list(self._geometries.instrument)
            self._posted[address] = image_readings(report, numbers, views.image, geometry, banks)
            await self._post(address, self._posted[address], report)
        if views.picked is not None and views.picked.shape == (settings.edges.size - 1,):
            cells = settings.image.picked
            detectors = picked_detectors(self._geometries.instrument, geometry, cells)
            readings = picked_readings(result, views.picked, detectors)
            await self._post(ViewAddress(number, "picked"), readings, report)

    def _numbers(self, address: ViewAddress) -> PictureNumbers:
        """The numbers of the next picture at an address."""
        self._counters[address] = self._counters.get(address, 0) + 1
        return PictureNumbers(address.reduction, self._counters[address])

    async def _post(self, address: ViewAddress, readings: Readings, report: RanksReport) -> None:
        settings = report.results[address.reduction].order.settings
        values = ReadingValues(
            readings,
            report.pulse_time_ns or time.time_ns(),
            settings.units.symbol,
            intensity_units=intensity_egu(settings.units, settings.corrections),
        )
        self._blanks.pop(address, None)
        await self._database.show(views_at(address.reduction) / address.field, values)

    def picture(self, reduction: int, field: str) -> ImageReadings | MapReadings | None:
        """The picture that is shown of a reduction, by its index; None if there is none."""
        return self._posted.get(ViewAddress(reduction, field))

    def outliers(self, reduction: int) -> OutlierReadings:
        """The dead and hot detectors that are shown of a reduction, by its index."""
        return self._outliers.get(reduction, OutlierReadings())

    async def _blank(self, address: ViewAddress, order: ReductionOrder) -> None:
        """Show that a view is not made, with as many cells as it would have, unless this is shown.

        So clients are told of the right number of elements before there are any.
        """
        if self._blanks.get(address) is order.settings:
            return
        self._blanks[address] = order.settings
        self._posted.pop(address, None)
        if address.field == "outliers":
            self._outliers.pop(address.reduction, None)
        readings = BLANK[address.field]
        if isinstance(readings, ArrayReadings):
            readings = blank_picture(readings, *self._shape(address, order))
        values = ReadingValues(readings, alarm=ABSENT_ALARM)
        await self._database.show(views_at(address.reduction) / address.field, values)

    def _shape(self, address: ViewAddress, order: ReductionOrder) -> tuple[int, int]:
        """The rows and columns that a picture would have, as far as is known without much work."""
        settings = order.settings
        match address.field:
            case "image":
                return self._geometries.shape(settings, self._order.files)
            case "map":
                banks = len(self._geometries.instrument.bank_names)
                by_bank = settings.map.against is MapAxis.BANK
                rows = min(max(banks, 1), IMAGE_SIDE) if by_bank else settings.map.rows
                return rows, settings.map.edges(settings.edges, rows).size - 1
        return 0, 0

    async def run(self) -> None:
        """Tell the ranks what clients watch, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_PERIOD_S)
            for number, order in enumerate(self._order.reductions):
                watched = WatchedViews(
                    image=self._is_watched(ViewAddress(number, "image")),
                    map=self._is_watched(ViewAddress(number, "map")),
                )
                if watched != order.watched:
                    await self._tell(number, watched)

    def _is_watched(self, address: ViewAddress) -> bool:
        """Whether a client is connected to the array of a picture, or was so shortly before."""
        if self._database.is_watched(views_at(address.reduction) / address.field, "data"):
            self._watched_s[address] = self._clock()
        since_s = self._clock() - self._watched_s.get(address, -UNWATCHED_S)
        return since_s < UNWATCHED_S

    async def _tell(self, number: int, watched: WatchedViews) -> None:
        try:
            await self._orders.change_ranks(with_watched(number, watched), in_result=False)
        except (TimeoutError, Refused) as error:
            log.info("the ranks do not know yet what is watched: %s", error)


def _asks_for(order: ReductionOrder, field: str) -> bool:
    """Whether an order asks for a view, a key of `BLANK`."""
    asked = {"image": order.makes_image, "map": order.makes_map, "picked": order.picks}
    return (asked | {"outliers": order.settings.outliers.searched})[field]
