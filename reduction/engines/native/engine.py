"""The native engine: what Mantid's ConvertUnits, Rebin and SumSpectra do, in one compiled pass."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.block_engine import BlockEngine
from reduction.engines.cells import CellLayout
from reduction.engines.detector_rows import DetectorRows
from reduction.engines.event_store import BLOCK_EVENTS, RAW_EVENT_BYTES, EventBlock, EventStore
from reduction.engines.memory_pool import FEW_SPARE, MemoryPool
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.sorted_histogram import SortedHistogram
from reduction.engines.native.sorted_kernels import MergePlace, SortedPiece, merge_pieces
from reduction.engines.native.sorted_runs import SortedRun
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.host.thread_pool import started_pool
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units

FindTask = Callable[[SortedHistogram, Sequence[EventBlock]], Callable[[], SortedRun | None] | None]

SORTING: tuple[FindTask, ...] = (SortedHistogram.to_sort, SortedHistogram.to_merge)
"""Each finds the next task of one kind. Both kinds run at the same time: a new block need not wait
until a merge ends."""


class SortingTask(NamedTuple):
    """Sorting or merging under way for a histogram.

    A run that results is of use only if the histogram still has this ``validity`` at the end.
    """

    histogram: SortedHistogram
    validity: object
    run: Future[SortedRun | None]


def _lower_priority() -> None:
    """Give this thread the lowest priority: work that a client waits for goes first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


class NativeEngine(BlockEngine[EventBlock]):
    """Keeps events as pixel ids and times of flight, and counts them with the compiled passes."""

    _histograms: list[SortedHistogram]  # type: ignore[assignment]

    def __init__(
        self,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = BLOCK_EVENTS,
    ) -> None:
        self._instrument, self._max_tof_ns = instrument, max_tof_ns
        self._rows = DetectorRows.of(instrument)
        self._pool = MemoryPool(RAW_EVENT_BYTES * block_events)
        super().__init__(f"native (numba {numba.__version__})", EventStore(self._pool), recipes)
        self._workers = started_pool(len(SORTING), "sort", _lower_priority)
        self._tasks: dict[FindTask, SortingTask] = {}
        self._compile()

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        super().accumulate(self._rows.kept(pixel_id), tof_ns, pulse_time_ns)

    def _layout(self, recipe: Recipe) -> CompiledRecipe:
        others = (each.compiled for each in self._histograms)
        like = next((each for each in others if each.has_values_of(recipe)), None)
        return CompiledRecipe(self._instrument, recipe, self._max_tof_ns, self._rows, like)

    def _histogram(self, layout: CellLayout[EventBlock]) -> SortedHistogram:
        return SortedHistogram(layout, self._pool)

    def _compile(self) -> None:
        """Compile the kernels, or load them from the cache, before events come.

        There are kernels for even and for uneven edges, without and with a curved calibration. A
        small instrument serves for it: its tables have the types of those of any other.
        """
        small = Instrument("", np.zeros(1, np.int32), np.ones((1, 3)), np.zeros(1, np.bool_), 1.0)
        rows = DetectorRows.of(small)
        nothing, bounds = np.empty(0, np.int32), np.zeros(2, np.int64)
        slices = np.zeros(1, np.int32)
        group = np.zeros(small.detector_id.size, np.int32)
        curved = Calibration(*np.ones((3, group.size)))
        for units, edges in (
            (Units.TOF, [1.0, 2.0, 3.0]),
            (Units.TOF, [1.0, 2.0, 4.0, 5.0]),
            (Units.D_SPACING, [1.0, 2.0, 3.0]),
            (Units.D_SPACING, [1.0, 2.0, 4.0, 5.0]),
        ):
            recipe = Recipe(units, np.array(edges), group, calibration=curved)
            layout = CompiledRecipe(small, recipe, self._max_tof_ns, rows)
            cells, values = np.zeros(layout.cells, np.int64), np.empty(0)
            layout.add_events(nothing, nothing, bounds, slices, cells)
            layout.add_events(nothing, nothing, bounds, slices, np.zeros(layout.cells), 1.0)
            ordered = layout.sorted_values(nothing, nothing, bounds, slices, values)
            piece = SortedPiece(ordered.values, 0, ordered.starts)
            start = MergePlace(0, 0, 0, 0)
            merge_pieces(piece, True, piece, True, start, values, ordered.starts)
            layout.add_sorted([piece], ordered.special, cells)
            counts, weights = np.zeros(layout.pixel_slots, np.int32), np.zeros(1, np.int64)
            empty = EventBlock(np.zeros((2, 1), np.int32))
            for window in (None, (0.0, 1.0)):
                layout.add_pixels(empty, weights, window, counts)

    def prepare(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while self._begin():
            left_s = max(deadline_s - time.monotonic(), 0)
            wait([task.run for task in self._tasks.values()], left_s, FIRST_COMPLETED)
            done = {find: task for find, task in self._tasks.items() if task.run.done()}
            if not done:
                return False
            for find, task in done.items():
                del self._tasks[find]
                run = task.run.result()
                if run is not None and task.validity is task.histogram.validity:
                    task.histogram.add_run(run)
        return True

    def advance(self, seconds: float) -> bool:
        done = super().advance(seconds)
        if self._pool.spare_bytes > FEW_SPARE * self._pool.block_bytes:
            self._pool.trim(self._limit_bytes - self.memory_bytes)
        return done

    def clear(self) -> None:
        super().clear()
        self._pool.clear()

    def _begin(self) -> bool:
        """Start the next task of each kind, if memory has room; whether any task is running."""
        for find in SORTING:
            if find in self._tasks or self._crowded:
                continue
            for histogram in self._histograms:
                work = find(histogram, self._store.blocks)
                if work is not None:
                    run = self._workers.submit(work)
                    self._tasks[find] = SortingTask(histogram, histogram.validity, run)
                    break
        return bool(self._tasks)
