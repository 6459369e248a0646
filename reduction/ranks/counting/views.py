"""Images, maps and picked spectra on one rank: what is counted for them, and when they are sent.

They cost nothing as long as no order asks for them. They are counted in spare time: arriving events
go first. They are sent at their own rate, with a result of the same pulses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder
from reduction.control.reports import MapCounts, OutliersFound, ViewsResult
from reduction.engines.cell_sums import cell_sums
from reduction.engines.protocol import ViewKind
from reduction.host.file_system.file_threads import computed_in_thread
from reduction.instrument.layout import DetectorLayout, detector_layout
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import ImageSettings, ImageView
from reduction.parameters.reduction import ReductionSettings
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.map_rows import DetectorRowsOfMap, rows_of_detectors, time_edges
from reduction.ranks.counting.outlier_search import OutlierTest
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.counting.view_plans import PlanKey, ViewPlan, deciding, view_plan
from reduction.stream.pulses import NO_PULSE

SEARCH_RATE_HZ = 0.2
"""How often dead and hot detectors are searched for."""

SMALL = 20_000
"""The layout of an instrument of so many detectors takes no time; of a larger one, a thread."""


MadeT = TypeVar("MadeT")


@dataclass(frozen=True)
class DueViews:
    """Which views of a reduction are sent with a result; all ranks find the same."""

    image: bool = False
    map: bool = False
    picked: bool = False
    outliers: bool = False

    @property
    def any(self) -> bool:
        """Whether any is sent."""
        return self.image or self.map or self.picked or self.outliers


@dataclass
class LastSent:
    """When a view was sent last: the tick, and the revision that it obeyed."""

    tick: int = -1
    revision: int = -1

    def due(self, tick: int, revision: int, period: float) -> bool:
        """Whether it is due again, ``period`` ticks later or under another order."""
        return revision != self.revision or tick - self.tick >= period


class Views:
    """The views of all reductions of a rank, which has ``pipeline``."""

    def __init__(self, pipeline: Pipeline, tick_rate_hz: float) -> None:
        self._pipeline, self._tick_rate_hz = pipeline, tick_rate_hz
        self._plans: dict[int, ViewPlan] = {}
        self._layouts: dict[tuple[ImageView, int], Future[DetectorLayout]] = {}
        self._map_rows: dict[MapSettings, Future[DetectorRowsOfMap]] = {}
        self._planned = True
        """Whether the plans have all tables that they need: threads may be making some."""
        self._settings: dict[int, ReductionSettings] = {}
        self._tests: dict[int, OutlierTest] = {}
        self._sent: dict[tuple[int, str], LastSent] = {}
        self._reached_s = 0.0
        """How many seconds the running series has, as far as `note_events` knows."""
        self.generations: dict[int, int] = {}
        """The generation that the last views obeyed that were sent, by number of the reduction."""
        self.behind = False
        """Whether there is something to count."""

    @property
    def _asked(self) -> dict[int, ReductionOrder]:
        """The orders of the reductions with views, by number."""
        reductions = enumerate(self._pipeline.order.reductions)
        return {n: each for n, each in reductions if each.asks_views}

    def obey(self) -> None:
        """Count what the order of the pipeline asks for."""
        wanted = {
            (each.settings.image.view, each.settings.image.resolution)
            for each in self._asked.values()
            if each.makes_image or each.picks
        }
        reductions = enumerate(self._pipeline.order.reductions)
        self._settings = {number: deciding(each.settings) for number, each in reductions}
        self._layouts = {key: self._layout(*key) for key in wanted}
        maps = {
            self._settings[number].map for number, each in self._asked.items() if each.makes_map
        }
        self._map_rows = {each: self._rows_of(each) for each in maps if each.by_detectors}
        self._plan()

    def _layout(self, view: ImageView, most: int) -> Future[DetectorLayout]:
        """The layout of a view, perhaps later."""
        if (view, most) in self._layouts:
            return self._layouts[view, most]
        return self._made(functools.partial(detector_layout, self._pipeline.instrument, view, most))

    def _rows_of(self, settings: MapSettings) -> Future[DetectorRowsOfMap]:
        """The rows of a map against a property of detectors, perhaps later."""
        if settings in self._map_rows:
            return self._map_rows[settings]
        return self._made(functools.partial(rows_of_detectors, settings, self._pipeline.instrument))

    def _made(self, work: Callable[[], MadeT]) -> Future[MadeT]:
        """What ``work`` gives: at once for a small instrument, else later, from a thread."""
        if self._pipeline.instrument.detector_id.size > SMALL:
            return computed_in_thread(work)
        done = Future[MadeT]()
        done.set_result(work())
        return done

    def _plan(self) -> None:
        """Have the engine count what has changed since the last plan."""
        layouts_made = all(each.done() for each in self._layouts.values())
        self._planned = layouts_made and all(each.done() for each in self._map_rows.values())
        for number in range(len(self._pipeline.order.reductions), max(self._plans, default=0) + 1):
            self._plans.pop(number, None)  # the order has fewer reductions than the one before
        for number in self._plans.keys() | self._asked.keys():
            layout = self._layout_of(self._pipeline.order.reductions[number].settings.image)
            key = self._key(number, layout)
            if number in self._plans and self._plans[number].key == key:
                continue
            self._plans[number] = view_plan(number, key, self._pipeline, layout)
            self._pipeline.engine.set_views(number, self._plans[number].recipes)
            self.behind = True
        for number in self._plans.keys() - self._asked.keys():
            del self._plans[number]
        self.behind = self.behind and bool(self._plans)

    def _key(self, number: int, layout: DetectorLayout | None) -> PlanKey:
        """The key of the plan of a reduction, given the layout of its image, if it is made."""
        order, rows = self._pipeline.order.reductions[number], tuple[float, ...]()
        if order.makes_map and order.settings.map.against is MapAxis.TIME:
            rows = tuple(time_edges(order.settings.map, self._reached_s).tolist())
        picks = order.picks and layout is not None
        rows_of_map = self._map_rows.get(self._settings[number].map)
        return PlanKey(
            self._settings[number],
            order.counts_pixels,
            order.makes_map and (rows_of_map is None or rows_of_map.done()),
            picks,
            self._pipeline.series,
            rows,
        )

    def _layout_of(self, settings: ImageSettings) -> DetectorLayout | None:
        """The layout of an image; None if it is not made yet, or not needed."""
        future = self._layouts.get((settings.view, settings.resolution))
        return future.result() if future is not None and future.done() else None

    def note_events(self, last_ns: int) -> None:
        """Note that there may be further events, of pulses up to a time."""
        if not self._plans:
            return
        begun_ns = self._pipeline.timeline.begins_ns[-1]
        self._reached_s = max((last_ns - begun_ns) / 1e9, 0.0) if begun_ns != NO_PULSE else 0.0
        self._plan()
        self.behind = True

    def advance(self, seconds: float) -> None:
        """Count, for about so many seconds, unless nothing is left to count."""
        if self.behind:
            self.behind = not self._pipeline.engine.advance_views(seconds)

    @property
    def ready(self) -> bool:
        """Whether all events that the engine has are counted, in all that is asked for."""
        return not self.behind and self._planned

    def due(self, tick: int) -> dict[int, DueViews]:
        """Which views are to be sent with the result of a tick, by number of the reduction."""
        found = {}
        for number, order in self._asked.items():
            image, rows = order.settings.image, order.settings.map
            found[number] = DueViews(
                image=order.makes_image and self._is_due(number, "image", tick, image.rate),
                map=order.makes_map and self._is_due(number, "map", tick, rows.rate),
                picked=order.picks and self._is_due(number, "picked", tick, image.rate),
                outliers=order.settings.outliers.searched
                and self._is_due(number, "outliers", tick, SEARCH_RATE_HZ),
            )
        return {number: each for number, each in found.items() if each.any}

    def _is_due(self, number: int, name: str, tick: int, rate_hz: float) -> bool:
        last = self._sent.get((number, name), LastSent())
        # A period ends within the tick that is nearest to its end.
        period = round(self._tick_rate_hz / rate_hz) - 0.5
        return last.due(tick, self._pipeline.order.revision, period)

    def result(
        self, number: int, due: DueViews, together: Collectives, tick: int
    ) -> ViewsResult | None:
        """The views of a reduction, summed over ranks; None on other ranks than 0.

        All ranks call this together, with equal arguments.
        """
        engine, order = self._pipeline.engine, self._pipeline.order
        image, missing = None, 0
        if due.image:
            image, missing = self._image(number, together)
        outliers = self._outliers(number, together) if due.outliers else None
        cells = {
            kind: together.total(engine.view_cells(number, kind))
            for kind, wanted in ((ViewKind.MAP, due.map), (ViewKind.PICKED, due.picked))
            if wanted
        }
        for name in (each for each, wanted in vars(due).items() if wanted):
            self._sent[number, name] = LastSent(tick, order.revision)
        self.generations[number] = order.reductions[number].generation
        if together.rank != 0:
            return None
        counts = {
            kind: engine.view_tally(number, kind, each).counts for kind, each in cells.items()
        }
        made_map, picked = None, counts.get(ViewKind.PICKED)
        if ViewKind.MAP in counts:
            plan, of_map = self._plans[number], counts[ViewKind.MAP]
            edges = plan.recipes.histograms[ViewKind.MAP].edges
            rows = of_map.reshape(-1, edges.size - 1)
            made_map = MapCounts(rows, edges, plan.row_edges)
        of_picked = None if picked is None else picked[0, 0]
        return ViewsResult(image, missing, made_map, of_picked, outliers)

    def _outliers(self, number: int, together: Collectives) -> OutliersFound | None:
        """The dead and hot detectors of a reduction; None on other ranks than 0."""
        counts = together.total(self._pipeline.engine.pixel_counts(number))
        if together.rank != 0:
            return None
        group = self._pipeline.recipes[number].group
        if number not in self._tests or self._tests[number].group is not group:
            self._tests[number] = OutlierTest(self._pipeline.instrument, group)
        return self._tests[number].find(
            counts, self._pipeline.order.reductions[number].settings.outliers.sigmas
        )

    def _image(self, number: int, together: Collectives) -> tuple[NDArray[np.int64], int]:
        """The counts of the cells of an image, (rows, columns), and the events that it lacks."""
        engine = self._pipeline.engine
        layout = self._layout_of(self._pipeline.order.reductions[number].settings.image)
        assert layout is not None
        sums = cell_sums(engine.pixel_counts(number), layout.cell, layout.cells)
        missing = together.total(np.array([engine.pixels_missing(number)], np.int64))
        return together.total(sums).reshape(layout.shape), int(missing[0])
