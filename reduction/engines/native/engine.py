"""The native engine: Mantid's ConvertUnits, Rebin and SumSpectra as one compiled pass."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import numba
import numpy as np

from reduction.engines.block_engine import BlockEngine
from reduction.engines.cells import CellLayout
from reduction.engines.event_store import BLOCK_EVENTS, EventBlock, EventStore
from reduction.engines.native import kernels
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.sorted_histogram import SortedHistogram
from reduction.engines.native.sorted_runs import SortedRun
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units

Kind = Callable[[SortedHistogram, Sequence[EventBlock]], Callable[[], SortedRun] | None]

KINDS: tuple[Kind, ...] = (SortedHistogram.to_sort, SortedHistogram.to_merge)
"""Work done at the same time: merging takes long, and new blocks must not wait for it."""


class Job(NamedTuple):
    """Work under way for a histogram, for use while its ``order`` is the same."""

    histogram: SortedHistogram
    order: object
    run: Future[SortedRun]


def _yielding() -> None:
    """Have this thread run when nothing else would: whoever waits for a result goes first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


class NativeEngine(BlockEngine[EventBlock]):
    """Events retained as raw (pixel, time of flight), histograms by compiled passes over them."""

    _histograms: list[SortedHistogram]  # type: ignore[assignment]

    def __init__(
        self,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = BLOCK_EVENTS,
    ) -> None:
        self._instrument, self._max_tof_ns = instrument, max_tof_ns
        super().__init__(f"native (numba {numba.__version__})", EventStore(block_events), recipes)
        self._workers = ThreadPoolExecutor(len(KINDS), "sort", initializer=_yielding)
        self._jobs: dict[Kind, Job] = {}
        self._compile()

    def _made(self, recipe: Recipe) -> CompiledRecipe:
        return CompiledRecipe(self._instrument, recipe, self._max_tof_ns)

    def _histogram(self, ready: CellLayout[EventBlock]) -> SortedHistogram:
        return SortedHistogram(ready)

    def _compile(self) -> None:
        """Have the kernels compiled, or loaded from the cache, before events come."""
        nothing, bounds, keys = np.empty(0, np.int32), np.zeros(2, np.int64), np.zeros(1, np.int32)
        group = np.zeros(self._instrument.detector_id.size, np.int32)
        for edges in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]):
            ready = self._made(Recipe(Units.TOF, np.array(edges), group))
            cells, values = np.zeros(ready.cells, np.int64), np.empty(0)
            ready.add_events(nothing, nothing, bounds, keys, cells)
            ready.add_events(nothing, nothing, bounds, keys, np.zeros(ready.cells), 1.0)
            ends, rest = ready.sort(nothing, nothing, bounds, keys, values)
            kernels.merge_sorted(values, ends, values, ends, values)
            ready.add_sorted(values, ends, rest, cells)

    def prepare(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while self._begin():
            left_s = max(deadline_s - time.monotonic(), 0)
            wait([job.run for job in self._jobs.values()], left_s, FIRST_COMPLETED)
            done = {kind: job for kind, job in self._jobs.items() if job.run.done()}
            if not done:
                return False
            for kind, job in done.items():
                del self._jobs[kind]
                if job.order is job.histogram.order:
                    job.histogram.adopt(job.run.result())
        return True

    def _begin(self) -> bool:
        """Give workers that are idle the next work there is room for; whether any is at work."""
        for kind in KINDS:
            if kind in self._jobs or self._crowded:
                continue
            for histogram in self._histograms:
                work = kind(histogram, self._store.blocks)
                if work is not None:
                    run = self._workers.submit(work)
                    self._jobs[kind] = Job(histogram, histogram.order, run)
                    break
        return bool(self._jobs)
