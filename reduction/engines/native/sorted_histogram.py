"""A histogram that has events sorted in spare time, so that new bins need no pass over them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import CellLayout
from reduction.engines.event_store import EventBlock
from reduction.engines.histogram import Histogram
from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.sorted_runs import (
    SortedRun,
    joined_run,
    merge,
    sorted_run,
    to_merge,
)
from reduction.engines.protocol import Cells, Recipe


class SortedHistogram(Histogram[EventBlock]):
    """A histogram with ``runs``: the sorted values of the blocks that have been sorted so far.

    Runs are in the order of their blocks, in memory from a pool. ``validity`` is replaced by
    another object whenever sorting that is under way has become useless.
    """

    _layout: CompiledRecipe

    def __init__(self, layout: CellLayout[EventBlock], pool: MemoryPool) -> None:
        super().__init__(layout)
        self._pool = pool
        self.runs: list[SortedRun] = []
        self.validity = object()

    def _drop_runs(self) -> None:
        self.runs, self.validity = [], object()

    @property
    def compiled(self) -> CompiledRecipe:
        """The layout, with the tables of detectors."""
        return self._layout

    def change_layout(self, layout: CellLayout[EventBlock]) -> None:
        """Use another recipe; runs stay if it gives events the same values, groups and slices."""
        if not layout.recipe.reuses_values_of(self.recipe):
            self._drop_runs()
        super().change_layout(layout)

    def clear(self) -> None:
        self._drop_runs()
        super().clear()

    @property
    def memory_bytes(self) -> int:
        blocks = sum(len(run.content.pieces) for run in self.runs)
        return super().memory_bytes + blocks * self._pool.block_bytes

    def fold(
        self, block: EventBlock, layout_of: Callable[[Recipe], CellLayout[EventBlock]]
    ) -> None:
        super().fold(block, layout_of)
        self.runs = [run.renumbered() for run in self.runs if run.first > 0]
        self.validity = object()

    def _count(self, blocks: Sequence[EventBlock], number: int) -> int:
        run = next((run for run in self.runs if run.first == number), None)
        if number < len(self._slices) or run is None:
            return super()._count(blocks, number)
        self._layout.add_sorted(run.content.pieces, run.special, self.cells)
        self._slices += run.slices
        return run.last

    def _move(
        self,
        block: EventBlock,
        number: int,
        slices: NDArray[np.int32],
        weights: Cells,
    ) -> None:
        super()._move(block, number, slices, weights)
        self.runs = [run for run in self.runs if not run.first <= number < run.last]

    def to_merge(self, _: Sequence[EventBlock]) -> Callable[[], None] | None:
        """A function that merges two runs, for any thread; None if there is nothing to merge.

        The two runs count as one from now on.
        """
        pair = to_merge(self.runs)
        if pair is None:
            return None
        one, next_one = pair
        joined = joined_run(one, next_one)
        place = self.runs.index(one)
        self.runs[place : place + 2] = [joined]
        contents = joined.content, one.content, next_one.content
        return functools.partial(merge, *contents, pool=self._pool)

    def to_sort(self, blocks: Sequence[EventBlock]) -> Callable[[], SortedRun] | None:
        """A function that sorts the next block, for any thread; None if all are sorted."""
        done = {number for run in self.runs for number in range(run.first, run.last)}
        for number, slices in enumerate(self._slices):
            block = blocks[number]
            if number not in done and block.full and slices.size == block.spans:
                memory = self._pool.array((block.size,), np.float64)
                return functools.partial(sorted_run, self._layout, block, number, slices, memory)
        return None

    def add_run(self, run: SortedRun) -> None:
        """Add a finished run, unless the slices of its blocks have changed meanwhile."""
        slices = self._slices[run.first : run.last]
        same = len(slices) == len(run.slices)
        if same and all(map(np.array_equal, slices, run.slices)):
            kept = [each for each in self.runs if each.last <= run.first or each.first >= run.last]
            self.runs = sorted([*kept, run], key=lambda each: each.first)
