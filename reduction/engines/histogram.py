"""The cells of one recipe, kept up to date with the events that are retained."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from reduction.engines.folded import Folded, fine_edges
from reduction.engines.passes import SPECIAL, Pass
from reduction.engines.protocol import Cells, Recipe, Tally
from reduction.engines.sorted_runs import Run, merged_run, merged_spans, sorted_run, to_merge
from reduction.store import Block


class Histogram:
    """The cells of one recipe, and how far through the store's blocks they have come.

    For each block it knows the slices of the spans that are in the cells. Blocks that there was
    time to sort are in ``runs``, in order.
    """

    dtype: type[np.int64] | type[np.float64] = np.int64

    def __init__(self, ready: Pass) -> None:
        self._ready = ready
        self.cells: Cells = np.zeros(ready.cells, self.dtype)
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
        self.cells = np.zeros(ready.cells, self.dtype)
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
        self._add(block, self._keys[0], everything)

    def fold(self, block: Block, made: Callable[[Recipe], Pass]) -> None:
        """Keep the first block, which is in the cells and about to go, as a fine histogram."""
        into = self._into(made)
        everything = np.ones(block.spans, np.bool_)
        self._pass_over(into.ready, into.cells, block, self._keys[0], everything, 1)
        del self._keys[0]
        self.runs = [run.earlier() for run in self.runs if run.first > 0]
        self.order = object()

    def _into(self, made: Callable[[Recipe], Pass]) -> Folded:
        """What to fold into: one for each way of sorting, for memory is what is short."""
        edges = self._ready.edges
        same = [each for each in self._folded if self.recipe.sorts_as(each.recipe)]
        for each in same:
            if each.recipe.slices == self.recipe.slices and np.array_equal(each.coarse, edges):
                return each
        ready = made(dataclasses.replace(self.recipe, edges=fine_edges(edges)))
        into = Folded(ready, edges, np.zeros(ready.cells, self.dtype))
        for each in same:
            into.take(each)
        self._folded = [*(each for each in self._folded if each not in same), into]
        return into

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
            self._add(block, keys, np.arange(keys.size) >= known.size)
            self._keys[number] = keys

    def _slices(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The slices of pulses; the kernels trust that there are no others."""
        keys = self.recipe.slice_of(times_ns)
        if np.any(keys >= self.recipe.slices):
            raise ValueError(f"slice {keys.max()} of {self.recipe.slices}")
        return keys

    def _add(
        self, block: Block, keys: NDArray[np.int32], which: NDArray[np.bool_], sign: int = 1
    ) -> None:
        """Add ``sign`` for the events of some spans, by the slices that ``keys`` gives."""
        self._pass_over(self._ready, self.cells, block, keys, which, sign)

    def _pass_over(
        self,
        ready: Pass,
        cells: Cells,
        block: Block,
        keys: NDArray[np.int32],
        which: NDArray[np.bool_],
        sign: int,
    ) -> None:
        """Add ``sign`` for the events of some spans to the cells of a pass."""
        for first, last in _stretches(which):
            bounds, slices = merged_spans(block.starts[first : last + 1], keys[first:last])
            ready.add(block.pixel_id, block.tof_ns, bounds, slices, cells, sign)

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
                self._add(blocks[number], keys, moved)
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

    def tally(self, cells: Cells) -> Tally:
        """What ``cells``, these or the sum of several ranks', say."""
        recipe, bins = self.recipe, self._ready.edges.size - 1
        parts = cells[:-1].reshape(recipe.slices, -1)
        spectra = parts[:, :-SPECIAL].reshape(recipe.slices, recipe.groups, bins + 2)
        masked, bad_pixel, monitor, bad_time = (int(n) for n in parts[:, -SPECIAL:].sum(axis=0))
        outside = int(spectra[..., 0].sum() + spectra[..., -1].sum())
        counts = spectra[..., 1:-1]
        return Tally(
            counts,
            outside,
            masked + monitor,
            bad_pixel,
            bad_time,
            monitor_counts=parts[:, -SPECIAL:][:, 2],
            filtered=int(cells[-1]),
        )


def _stretches(which: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[first, last) of each stretch of true values."""
    steps = np.flatnonzero(np.diff(np.concatenate(([False], which, [False]))))
    return [(int(first), int(last)) for first, last in steps.reshape(-1, 2)]
