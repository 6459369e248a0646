"""The native engine: Mantid's ConvertUnits, Rebin and SumSpectra as one compiled pass."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines import kernels
from reduction.engines.fading import Fading
from reduction.engines.histogram import Histogram
from reduction.engines.passes import Pass
from reduction.engines.protocol import Cells, Recipe, Tally
from reduction.engines.sorted_runs import Run
from reduction.geometry import Instrument
from reduction.store import BLOCK_EVENTS, EventStore
from reduction.units import Units

NO_LIMIT = 1 << 62

MAX_TOF_NS = 1_000_000_000
"""Longest time of flight taken for real: one second, fourteen pulses of a 14 Hz source."""


class NativeEngine:
    """Events retained as raw (pixel, time of flight), histograms by compiled passes over them."""

    def __init__(
        self,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = BLOCK_EVENTS,
    ) -> None:
        self.name = f"native (numba {numba.__version__})"
        self._instrument, self._max_tof_ns = instrument, max_tof_ns
        self._store = EventStore(block_events)
        self._histograms = [Histogram(self._made(recipe)) for recipe in recipes]
        self._fading = [self._faders(recipe) for recipe in recipes]
        self._limit_bytes, self._keep = NO_LIMIT, True
        self._folded = 0
        self._worker = ThreadPoolExecutor(1, "sort")
        self._job: tuple[Histogram, object, Future[Run]] | None = None
        self._compile()

    def _made(self, recipe: Recipe) -> Pass:
        return Pass(self._instrument, recipe, self._max_tof_ns)

    def _faders(self, recipe: Recipe) -> tuple[Fading, ...]:
        """The weights that a recipe asks for, and their squares."""
        fade_ns = recipe.fade_s * 1e9
        ready = self._made(recipe)
        return (Fading(ready, fade_ns), Fading(ready, fade_ns / 2)) if fade_ns else ()

    @property
    def _all(self) -> Iterator[Histogram]:
        """Counts and weights of all reductions."""
        return itertools.chain(self._histograms, *self._fading)

    def _compile(self) -> None:
        """Have the kernels compiled, or loaded from the cache, before events come."""
        nothing, bounds, keys = np.empty(0, np.int32), np.zeros(2, np.int64), np.zeros(1, np.int32)
        group = np.zeros(self._instrument.detector_id.size, np.int32)
        for edges in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]):
            ready = self._made(Recipe(Units.TOF, np.array(edges), group))
            cells, values = np.zeros(ready.cells, np.int64), np.empty(0)
            ready.add(nothing, nothing, bounds, keys, cells)
            ready.add(nothing, nothing, bounds, keys, np.zeros(ready.cells), 1.0)
            ends, rest = ready.sort(nothing, nothing, bounds, keys, values)
            kernels.merge_sorted(values, ends, values, ends, values)
            ready.add_sorted(values, ends, rest, cells)

    @property
    def retained(self) -> int:
        return self._store.size

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        self._store.append(pixel_id, tof_ns, pulse_time_ns)

    def configure(self, reduction: int, recipe: Recipe) -> None:
        if reduction == len(self._histograms):
            self._histograms.append(Histogram(self._made(recipe)))
            self._fading.append(self._faders(recipe))
            return
        histogram, fading = self._histograms[reduction], self._fading[reduction]
        if fading and recipe.fade_s == histogram.recipe.fade_s:
            for each in fading:
                each.recut(self._made(recipe))
        else:
            self._fading[reduction] = self._faders(recipe)
        histogram.recut(self._made(recipe))

    def resliced(self, reduction: int, since_ns: int, until_ns: int) -> None:
        for each in (self._histograms[reduction], *self._fading[reduction]):
            each.resliced(self._store.blocks, since_ns, until_ns)

    def advance(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        done = [each.advance(self._store.blocks, deadline_s) for each in self._all]
        self._make_room(deadline_s)
        return all(done)

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        self._limit_bytes, self._keep = memory_bytes, keep

    @property
    def memory_bytes(self) -> int:
        """Memory of events and of what is sorted of them."""
        return self._store.nbytes + sum(each.memory_bytes for each in self._all)

    @property
    def _crowded(self) -> bool:
        """Whether there is more in memory than may be, and something to fold."""
        return self.memory_bytes > self._limit_bytes and len(self._store.blocks) > 1

    def _make_room(self, deadline_s: float) -> None:
        """Fold full blocks, the oldest first, while memory is crowded, until the deadline.

        One at least is folded, so that it gets on. Cells are whole however far it has come.
        """
        while self._crowded:
            oldest = self._store.blocks[0]
            if not all(each.covers(oldest) for each in self._all):
                return
            for histogram in self._all:
                if not self._keep:
                    histogram.leave_out(oldest)
                histogram.fold(oldest, self._made)
            self._folded += oldest.size
            del self._store.blocks[0]
            if time.monotonic() > deadline_s:
                return

    @property
    def folded(self) -> int:
        return self._folded

    def astray(self, reduction: int) -> int:
        return self._histograms[reduction].astray

    def prepare(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while self._job is not None or self._begin():
            assert self._job is not None
            histogram, order, run = self._job
            left_s = max(deadline_s - time.monotonic(), 0)
            if not wait([run], left_s).done:
                return False
            self._job = None
            if order is histogram.order:
                histogram.adopt(run.result())
        return True

    def _begin(self) -> bool:
        """Give the worker the next work; whether there is any, and room for its outcome."""
        if self._crowded:
            return False
        for histogram in self._histograms:
            work = histogram.preparation(self._store.blocks)
            if work is not None:
                self._job = (histogram, histogram.order, self._worker.submit(work))
                return True
        return False

    def clear(self) -> None:
        self._store.clear()
        self._folded = 0
        for histogram in self._all:
            histogram.clear()

    def cells(self, reduction: int) -> NDArray[np.int64]:
        cells: NDArray[np.int64] = self._histograms[reduction].cells
        return cells

    def faded(self, reduction: int, time_ns: int) -> NDArray[np.float64]:
        weights = [each.at(time_ns) for each in self._fading[reduction]]
        return np.array(weights) if weights else np.empty((0, 0))

    def tally(self, reduction: int, cells: Cells) -> Tally:
        return self._histograms[reduction].tally(cells)
