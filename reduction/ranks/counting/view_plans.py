"""What the engine has to count for the image, the map and the picked spectrum of a reduction."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import PixelWindow, Recipe, SliceOf, ViewKind, ViewRecipes
from reduction.instrument.layout import DetectorLayout
from reduction.instrument.selection import MASKED
from reduction.parameters.images.detector_map import MapSettings
from reduction.parameters.images.image import ImageScale, ImageSource
from reduction.parameters.reduction import ReductionSettings
from reduction.ranks.counting.map_rows import even_edges, row_of_pulses, rows_of_detectors
from reduction.ranks.counting.pipeline import Pipeline


@dataclass(frozen=True)
class WindowSlicing:
    """Pulses whose slice is in a window, all in slice 0; the others in none."""

    slice_of: SliceOf
    window: PixelWindow

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.where(self.window.has(self.slice_of(times_ns)), 0, -1).astype(np.int32)


class RowSlicing:
    """Pulses of a window by the rows of a map; equal if window, settings and edges are."""

    def __init__(
        self, within: WindowSlicing, settings: MapSettings, edges: NDArray[np.float64], of: Pipeline
    ) -> None:
        self._within, self._settings, self._edges, self._of = within, settings, edges, of

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        since_begin = self._of.timeline.seconds_since_begin
        row = row_of_pulses(self._settings, self._edges, self._of.logs, since_begin, times_ns)
        return np.where(self._within(times_ns) < 0, np.int32(-1), row)

    @property
    def _decisive(self) -> tuple[object, ...]:
        return self._within, self._settings.against, self._settings.log, tuple(self._edges.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowSlicing) and self._decisive == other._decisive

    def __hash__(self) -> int:
        return hash(self._decisive)


@dataclass(frozen=True)
class PlanKey:
    """What decides the plan of a reduction; with equal keys it stays as it is.

    ``settings`` are as `deciding` makes them. ``map_rows`` are the boundaries of rows if they go by
    time, else empty. ``picks`` tells whether the layout is there that picked cells need.
    """

    settings: ReductionSettings
    image: bool
    map: bool
    picks: bool
    series: int
    map_rows: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ViewPlan:
    """What is counted of a reduction, and the boundaries of the rows of its map, (rows + 1,)."""

    key: PlanKey
    recipes: ViewRecipes
    row_edges: NDArray[np.float64]


def deciding(settings: ReductionSettings) -> ReductionSettings:
    """``settings`` with defaults for all that does not decide what is counted."""
    return dataclasses.replace(
        settings.counted,
        image=dataclasses.replace(settings.image, rate=1.0, scale=ImageScale.COUNTS),
        map=dataclasses.replace(settings.map, rate=1.0),
    )


def view_plan(
    number: int, key: PlanKey, pipeline: Pipeline, layout: DetectorLayout | None
) -> ViewPlan:
    """The plan of a reduction; picked cells need the ``layout`` of the image."""
    recipe, settings = pipeline.recipes[number], key.settings
    histograms: dict[ViewKind, Recipe] = {}
    edges = np.empty(0)
    if key.map:
        histograms[ViewKind.MAP], edges = _map_recipe(number, key, pipeline)
    if key.picks and layout is not None:
        picked = settings.image.picked
        inside = np.zeros(recipe.group.size, np.bool_)
        inside[layout.detectors_in(picked.min_x, picked.min_y, picked.size_x, picked.size_y)] = True
        window = image_window(settings, key.series)
        histograms[ViewKind.PICKED] = dataclasses.replace(
            recipe,
            group=_group(recipe, np.where(inside, 0, MASKED).astype(np.int32)),
            slices=1,
            slice_of=WindowSlicing(pipeline.slicing(number), window),
            least_groups=1,
            fade_s=0.0,
        )
    image = image_window(settings, key.series) if key.image else None
    return ViewPlan(key, ViewRecipes(image, histograms), edges)


def image_window(settings: ReductionSettings, series: int) -> PixelWindow:
    """The events of the image, given so many series, the running one included."""
    image, slices = settings.image, settings.filter.count
    values = None if image.all_values else (image.minimum, image.maximum)
    first = (series - 1) * slices
    match image.source:
        case ImageSource.TOTAL:
            return PixelWindow(first, first + slices, values)
        case ImageSource.SERIES:
            beyond = image.number > series
            first = -slices if beyond else (image.number - 1) * slices
            return PixelWindow(max(first, 0), max(first + slices, 0), values)
        case ImageSource.SLICE:
            place = first + image.number - 1
            return PixelWindow(place, place + (image.number <= slices), values)


def _group(recipe: Recipe, group: NDArray[np.int32]) -> NDArray[np.int32]:
    """``group`` (detectors,) without the detectors that the recipe masks."""
    return np.where(recipe.group == MASKED, np.int32(MASKED), group)


def _map_recipe(
    number: int, key: PlanKey, pipeline: Pipeline
) -> tuple[Recipe, NDArray[np.float64]]:
    """The recipe of a map, and the boundaries of its rows, (rows + 1,)."""
    recipe, settings = pipeline.recipes[number], key.settings
    first = (key.series - 1) * settings.filter.count
    running = PixelWindow(first, first + settings.filter.count)
    within = WindowSlicing(pipeline.slicing(number), running)
    if not settings.map.by_detectors:
        edges = np.array(key.map_rows) if key.map_rows else even_edges(settings.map)
        rows = edges.size - 1
        made = dataclasses.replace(
            recipe,
            group=_group(recipe, np.zeros(recipe.group.size, np.int32)),
            least_groups=1,
            slices=rows,
            slice_of=RowSlicing(within, settings.map, edges, pipeline),
        )
    else:
        found = rows_of_detectors(settings.map, pipeline.instrument)
        edges, rows = found.edges, found.edges.size - 1
        group = _group(recipe, found.row)
        made = dataclasses.replace(
            recipe, group=group, least_groups=rows, slices=1, slice_of=within
        )
    bins = settings.map.edges(recipe.edges, rows)
    return dataclasses.replace(made, edges=bins, fade_s=0.0), edges
