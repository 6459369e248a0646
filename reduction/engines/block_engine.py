"""The base of both engines: it keeps events in blocks, and keeps histograms of them up to date."""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Generic, Protocol

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.fading import FadingHistogram
from reduction.engines.histogram import Histogram
from reduction.engines.pixel_counts import PixelCounts
from reduction.engines.protocol import Cells, EventTally, Recipe, ViewKind, ViewRecipes
from reduction.engines.views import ReductionViews

NO_LIMIT = 1 << 62


class Store(Protocol[BlockT]):
    """Blocks of retained events, oldest first."""

    blocks: list[BlockT]

    @property
    def size(self) -> int:
        """Number of retained events."""

    @property
    def nbytes(self) -> int:
        """Memory of the events."""

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        """Keep the events of a pulse, (n,) each."""

    def clear(self) -> None:
        """Drop all events."""


class BlockEngine(ABC, Generic[BlockT]):
    """An engine that keeps events in the blocks of a store; see `reduction.engines.protocol`."""

    def __init__(self, name: str, store: Store[BlockT], recipes: list[Recipe]) -> None:
        self.name = name
        self._store = store
        self._limit_bytes, self._keep = NO_LIMIT, True
        self._folded = 0
        self._histograms: list[Histogram[BlockT]] = []
        self._fading: list[tuple[FadingHistogram[BlockT], ...]] = []
        self._views: list[ReductionViews[BlockT]] = []
        for number, recipe in enumerate(recipes):
            self.configure(number, recipe)

    @abstractmethod
    def _layout(self, recipe: Recipe) -> CellLayout[BlockT]:
        """The layout of the cells of a recipe, which adds events to them."""

    def _histogram(self, layout: CellLayout[BlockT]) -> Histogram[BlockT]:
        return Histogram(layout)

    def _fading_histograms(self, layout: CellLayout[BlockT]) -> tuple[FadingHistogram[BlockT], ...]:
        """The sums of fading weights and of their squares; empty if the recipe does not fade."""
        if not layout.recipe.fade_s:
            return ()
        fade_ns = layout.recipe.fade_s * 1e9
        return FadingHistogram(layout, fade_ns), FadingHistogram(layout, fade_ns / 2)

    @property
    def _all(self) -> Iterator[Histogram[BlockT]]:
        """The histograms of all reductions: those of counts, and those of fading weights."""
        return itertools.chain(self._histograms, *self._fading)

    @property
    def _of_views(self) -> Iterator[Histogram[BlockT]]:
        """The further histograms of all reductions."""
        return itertools.chain.from_iterable(each.histograms.values() for each in self._views)

    @property
    def _counting(self) -> Iterator[Histogram[BlockT] | PixelCounts[BlockT]]:
        """All that counts events."""
        return itertools.chain(self._all, *(each.parts for each in self._views))

    @property
    def message(self) -> str:
        return ""

    def check(self, recipe: Recipe) -> None:
        """Accept any recipe."""

    @property
    def retained(self) -> int:
        return self._store.size

    @property
    def folded(self) -> int:
        return self._folded

    def displaced(self, reduction: int) -> int:
        return self._histograms[reduction].displaced

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        self._store.append(pixel_id, tof_ns, pulse_time_ns)

    def configure(self, reduction: int, recipe: Recipe) -> None:
        layout = self._layout(recipe)
        if reduction == len(self._histograms):
            self._histograms.append(self._histogram(layout))
            self._views.append(ReductionViews(self._histograms[-1]))
            self._fading.append(self._fading_histograms(layout))
            return
        histogram, fading = self._histograms[reduction], self._fading[reduction]
        if fading and recipe.fade_s == histogram.recipe.fade_s:
            for each in fading:
                each.change_layout(layout)
        else:
            self._fading[reduction] = self._fading_histograms(layout)
        histogram.change_layout(layout)
        self._views[reduction].histogram_changed(self._folded)

    def keep_first(self, reductions: int) -> None:
        del self._histograms[reductions:], self._fading[reductions:], self._views[reductions:]

    def reslice(self, reduction: int, since_ns: int, until_ns: int) -> None:
        views = self._views[reduction].histograms.values()
        for each in (self._histograms[reduction], *self._fading[reduction], *views):
            each.reslice(self._store.blocks, since_ns, until_ns)

    def advance(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        done = [each.advance(self._store.blocks, deadline_s) for each in self._all]
        self._make_room(deadline_s)
        return all(done)

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        self._limit_bytes, self._keep = memory_bytes, keep

    @property
    def memory_bytes(self) -> int:
        """Memory of the events, and of folded events and sorted runs that histograms keep."""
        histograms = itertools.chain(self._all, self._of_views)
        return self._store.nbytes + sum(each.memory_bytes for each in histograms)

    @property
    def _crowded(self) -> bool:
        """Whether more memory is used than allowed, and there is a block to fold."""
        return self.memory_bytes > self._limit_bytes and len(self._store.blocks) > 1

    def _make_room(self, deadline_s: float) -> None:
        """Fold blocks, the oldest first, until memory is within its limit or the deadline passes.

        At least one block is folded, so that each call makes progress. The newest block is never
        folded. The cells are correct whenever a block has been folded, so the work may stop after
        any block.
        """
        while self._crowded:
            oldest = self._store.blocks[0]
            if not all(each.has_counted(0, oldest) for each in self._all):
                return
            if not self._keep:
                for histogram in self._all:
                    histogram.remove_from_slices(oldest)
            for views in self._views:
                views.fold(self._store.blocks, self._layout, keep=self._keep)
            for histogram in self._all:
                histogram.fold(oldest, self._layout)
            self._folded += oldest.size
            del self._store.blocks[0]
            if time.monotonic() > deadline_s:
                return

    def clear(self) -> None:
        self._store.clear()
        self._folded = 0
        for histogram in self._all:
            histogram.clear()
        for views in self._views:
            views.clear()

    def cells(self, reduction: int) -> NDArray[np.int64]:
        cells: NDArray[np.int64] = self._histograms[reduction].cells
        return cells

    def faded(self, reduction: int, time_ns: int) -> NDArray[np.float64]:
        weights = [each.at(time_ns) for each in self._fading[reduction]]
        return np.array(weights) if weights else np.empty((0, 0))

    def tally(self, reduction: int, cells: Cells) -> EventTally:
        return self._histograms[reduction].layout.tally(cells)

    def set_views(self, reduction: int, views: ViewRecipes) -> None:
        self._views[reduction].set(views, self._layout, self._folded)

    def advance_views(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        done = [each.advance(self._store.blocks, deadline_s) for each in self._views]
        return all(done)

    def pixel_counts(self, reduction: int) -> NDArray[np.int32]:
        image = self._views[reduction].image
        assert image is not None
        return image.by_detector

    def pixels_missing(self, reduction: int) -> int:
        image = self._views[reduction].image
        return image.missing if image is not None else 0

    def view_cells(self, reduction: int, kind: ViewKind) -> NDArray[np.int64]:
        cells: NDArray[np.int64] = self._views[reduction].histograms[kind].cells
        return cells

    def view_tally(self, reduction: int, kind: ViewKind, cells: Cells) -> EventTally:
        return self._views[reduction].histograms[kind].layout.tally(cells)
