"""The native engine: Mantid's ConvertUnits, Rebin and SumSpectra as one compiled pass."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines import kernels
from reduction.engines.folded import Folded, fine_edges
from reduction.engines.passes import SPECIAL, Pass
from reduction.engines.protocol import Recipe, Tally
from reduction.engines.sorted_runs import Run, merged_run, merged_spans, sorted_run, to_merge
from reduction.geometry import Instrument
from reduction.store import BLOCK_EVENTS, Block, EventStore
from reduction.units import Units

NO_LIMIT = 1 << 62

MAX_TOF_NS = 1_000_000_000
"""Longest time of flight taken for real: one second, fourteen pulses of a 14 Hz source."""


class Histogram:
    """The cells of one recipe, and how far through the store's blocks they have come.

    For each block it knows the slices of the spans that are in the cells. Blocks that there was
    time to sort are in ``runs``, in order.
    """

    def __init__(self, ready: Pass) -> None:
        self._ready = ready
        self.cells = np.zeros(ready.cells, np.int64)
        self._keys: list[NDArray[np.int32]] = []
        self.runs: list[Run] = []
        self.order = object()
        """Another one whenever runs made before are of no more use."""
        self._folded: list[Folded] = []
        self.astray = 0

    @property
    def recipe(self) -> Recipe:
        return self._ready.recipe

    def recut(self, ready: Pass) -> None:
        """Start again by another recipe; what is sorted stays if it is in the same order."""
        if not ready.recipe.sorts_as(self.recipe):
            self.runs, self.order = [], object()
        self._ready = ready
        self.cells = np.zeros(ready.cells, np.int64)
        self._keys = []
        self.astray = sum(each.add_to(self.cells, ready) for each in self._folded)

    def clear(self) -> None:
        self._keys, self.runs, self.order = [], [], object()
        self._folded, self.astray = [], 0
        self.cells[:] = 0

    @property
    def memory_bytes(self) -> int:
        """Memory of the sorted values and the fine histograms."""
        values = sum(run.values.nbytes for run in self.runs)
        return values + sum(each.nbytes for each in self._folded)

    def leave_out(self, block: Block) -> None:
        """Have the first block's events be in no slice."""
        known = self._keys[0]
        self._keys[0] = np.full_like(known, -1)
        everything = np.ones(known.size, np.bool_)
        self._add(block, known, everything, -1)
        self._add(block, self._keys[0], everything, 1)

    def fold(self, block: Block, made: Callable[[Recipe], Pass]) -> None:
        """Keep the first block, which is in the cells and about to go, as a fine histogram."""
        edges = self._ready.edges
        into = next(
            (
                each
                for each in self._folded
                if each.recipe.sorts_as(self.recipe) and np.array_equal(each.coarse, edges)
            ),
            None,
        )
        if into is None:
            fine = dataclasses.replace(self.recipe, edges=fine_edges(edges))
            into = Folded(made(fine), edges)
            # One fine histogram for each way of sorting: memory is what is short.
            same = [each for each in self._folded if each.recipe.sorts_as(self.recipe)]
            for each in same:
                into.take(each)
            self._folded = [*(each for each in self._folded if each not in same), into]
        into.fold(block, *merged_spans(block.starts, self._keys[0]))
        del self._keys[0]
        self.runs = [run.earlier() for run in self.runs if run.first > 0]
        self.order = object()

    def covers(self, block: Block) -> bool:
        """Whether the first block is in the cells as a whole."""
        return bool(self._keys) and self._keys[0].size == block.spans

    def advance(self, blocks: list[Block], deadline_s: float) -> bool:
        """Bring the cells up to date with the blocks, until the deadline; whether they are."""
        runs = {run.first: run for run in self.runs}
        number = max(len(self._keys) - 1, 0)
        while number < len(blocks):
            if number == len(self._keys) and number in runs:
                run = runs[number]
                self._ready.add_sorted(run.values, run.ends, run.rest, self.cells)
                self._keys += run.keys
                number = run.last
            else:
                self._cover(blocks[number], number)
                number += 1
            if time.monotonic() > deadline_s:
                return number == len(blocks)
        return True

    def _cover(self, block: Block, number: int) -> None:
        """Add the spans of a block that are not in the cells."""
        if number == len(self._keys):
            self._keys.append(np.empty(0, np.int32))
        known = self._keys[number]
        if known.size < block.spans:
            keys = np.append(known, self._slices(block.times_ns[known.size :]))
            self._add(block, keys, np.arange(keys.size) >= known.size, 1)
            self._keys[number] = keys

    def _slices(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The slices of pulses; the kernels trust that there are no others."""
        keys = self.recipe.slice_of(times_ns)
        if np.any(keys >= self.recipe.slices):
            raise ValueError(f"slice {keys.max()} of {self.recipe.slices}")
        return keys

    def _add(
        self, block: Block, keys: NDArray[np.int32], which: NDArray[np.bool_], sign: int
    ) -> None:
        """Add ``sign`` for the events of some spans, by the slices that ``keys`` gives."""
        for first, last in _stretches(which):
            bounds, slices = merged_spans(block.starts[first : last + 1], keys[first:last])
            self._ready.add(block.pixel_id, block.tof_ns, bounds, slices, self.cells, sign)

    def resliced(self, blocks: list[Block], since_ns: int, until_ns: int) -> None:
        """Move the events of pulses in [since, until] whose slice has changed."""
        for number, known in enumerate(self._keys):
            times_ns = blocks[number].times_ns[: known.size]
            if not known.size or times_ns.max() < since_ns or times_ns.min() > until_ns:
                continue
            keys = self._slices(times_ns)
            moved = keys != known
            if moved.any():
                self._add(blocks[number], known, moved, -1)
                self._add(blocks[number], keys, moved, 1)
                self._keys[number] = keys
                self.runs = [run for run in self.runs if not run.first <= number < run.last]

    def preparation(self, blocks: list[Block]) -> Callable[[], Run] | None:
        """The next work that makes other bins quicker, for any thread; None if none is left."""
        if pair := to_merge(self.runs):
            return functools.partial(merged_run, *pair)
        done = {number for run in self.runs for number in range(run.first, run.last)}
        for number, keys in enumerate(self._keys):
            block = blocks[number]
            if number not in done and block.full and keys.size == block.spans:
                return functools.partial(sorted_run, self._ready, block, number, keys)
        return None

    def adopt(self, run: Run) -> None:
        """Take a run that was prepared, if what it was made of still holds."""
        keys = self._keys[run.first : run.last]
        if len(keys) == len(run.keys) and all(map(np.array_equal, keys, run.keys)):
            kept = [each for each in self.runs if each.last <= run.first or each.first >= run.last]
            self.runs = sorted([*kept, run], key=lambda each: each.first)

    def tally(self, cells: NDArray[np.int64]) -> Tally:
        """What ``cells``, these or the sum of several ranks', say."""
        recipe, bins = self.recipe, self._ready.edges.size - 1
        parts = cells[:-1].reshape(recipe.slices, -1)
        spectra = parts[:, :-SPECIAL].reshape(recipe.slices, recipe.groups, bins + 2)
        masked, bad_pixel, bad_time = (int(n) for n in parts[:, -SPECIAL:].sum(axis=0))
        outside = int(spectra[..., 0].sum() + spectra[..., -1].sum())
        counts = spectra[..., 1:-1]
        return Tally(counts, outside, masked, bad_pixel, bad_time, int(cells[-1]))


def _stretches(which: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[first, last) of each stretch of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], which, [False]))))
    return [(int(first), int(last)) for first, last in steps.reshape(-1, 2)]


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
        self._limit_bytes, self._keep = NO_LIMIT, True
        self._folded = 0
        self._worker = ThreadPoolExecutor(1, "sort")
        self._job: tuple[Histogram, object, Future[Run]] | None = None
        self._compile()

    def _made(self, recipe: Recipe) -> Pass:
        return Pass(self._instrument, recipe, self._max_tof_ns)

    def _compile(self) -> None:
        """Have the kernels compiled, or loaded from the cache, before events come."""
        nothing, bounds, keys = np.empty(0, np.int32), np.zeros(2, np.int64), np.zeros(1, np.int32)
        group = np.zeros(self._instrument.detector_id.size, np.int32)
        for edges in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]):
            ready = self._made(Recipe(Units.TOF, np.array(edges), group))
            cells, values = np.zeros(ready.cells, np.int64), np.empty(0)
            ready.add(nothing, nothing, bounds, keys, cells)
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
        else:
            self._histograms[reduction].recut(self._made(recipe))

    def resliced(self, reduction: int, since_ns: int, until_ns: int) -> None:
        self._histograms[reduction].resliced(self._store.blocks, since_ns, until_ns)

    def advance(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        done = [each.advance(self._store.blocks, deadline_s) for each in self._histograms]
        self._make_room()
        return all(done)

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        self._limit_bytes, self._keep = memory_bytes, keep

    @property
    def memory_bytes(self) -> int:
        """Memory of events and of what is sorted of them."""
        return self._store.nbytes + sum(each.memory_bytes for each in self._histograms)

    def _make_room(self) -> None:
        """Fold full blocks, the oldest first, while there is more in memory than may be."""
        while self.memory_bytes > self._limit_bytes and len(self._store.blocks) > 1:
            oldest = self._store.blocks[0]
            if not all(each.covers(oldest) for each in self._histograms):
                return
            for histogram in self._histograms:
                if not self._keep:
                    histogram.leave_out(oldest)
                histogram.fold(oldest, self._made)
            self._folded += oldest.size
            del self._store.blocks[0]

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
        """Give the worker the next work; whether there is any."""
        for histogram in self._histograms:
            work = histogram.preparation(self._store.blocks)
            if work is not None:
                self._job = (histogram, histogram.order, self._worker.submit(work))
                return True
        return False

    def clear(self) -> None:
        self._store.clear()
        self._folded = 0
        for histogram in self._histograms:
            histogram.clear()

    def cells(self, reduction: int) -> NDArray[np.int64]:
        return self._histograms[reduction].cells

    def tally(self, reduction: int, cells: NDArray[np.int64]) -> Tally:
        return self._histograms[reduction].tally(cells)
