"""A histogram that sorts the events it has time for, so that other bins need no pass over them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import CellLayout
from reduction.engines.event_store import EventBlock
from reduction.engines.histogram import Histogram
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.sorted_runs import SortedRun, merged_run, sorted_run, to_merge
from reduction.engines.protocol import Cells, Recipe


class SortedHistogram(Histogram[EventBlock]):
    """A histogram whose blocks, as far as there was time to sort them, are in ``runs``, in order.

    ``order`` is another object whenever runs made before are of no more use.
    """

    _ready: CompiledRecipe

    def __init__(self, ready: CellLayout[EventBlock]) -> None:
        super().__init__(ready)
        self.runs: list[SortedRun] = []
        self.order = object()

    def _unsort(self) -> None:
        self.runs, self.order = [], object()

    def recut(self, ready: CellLayout[EventBlock]) -> None:
        """Start again by another recipe; what is sorted stays if it is in the same order."""
        if not ready.recipe.sorts_as(self.recipe):
            self._unsort()
        super().recut(ready)

    def clear(self) -> None:
        self._unsort()
        super().clear()

    @property
    def memory_bytes(self) -> int:
        return super().memory_bytes + sum(run.values.nbytes for run in self.runs)

    def fold(self, block: EventBlock, made: Callable[[Recipe], CellLayout[EventBlock]]) -> None:
        super().fold(block, made)
        self.runs = [run.earlier() for run in self.runs if run.first > 0]
        self.order = object()

    def _cover(self, blocks: Sequence[EventBlock], number: int) -> int:
        run = next((run for run in self.runs if run.first == number), None)
        if number < len(self._keys) or run is None:
            return super()._cover(blocks, number)
        self._ready.add_sorted(run.values, run.ends, run.rest, self.cells)
        self._keys += run.keys
        return run.last

    def _move(
        self, block: EventBlock, number: int, keys: NDArray[np.int32], weights: Cells
    ) -> None:
        super()._move(block, number, keys, weights)
        self.runs = [run for run in self.runs if not run.first <= number < run.last]

    def to_merge(self, _: Sequence[EventBlock]) -> Callable[[], SortedRun] | None:
        """The next two runs to be made one, as work for any thread; None if there are none."""
        pair = to_merge(self.runs)
        return functools.partial(merged_run, *pair) if pair else None

    def to_sort(self, blocks: Sequence[EventBlock]) -> Callable[[], SortedRun] | None:
        """The next block to be sorted, as work for any thread; None if all are."""
        done = {number for run in self.runs for number in range(run.first, run.last)}
        for number, keys in enumerate(self._keys):
            block = blocks[number]
            if number not in done and block.full and keys.size == block.spans:
                return functools.partial(sorted_run, self._ready, block, number, keys)
        return None

    def adopt(self, run: SortedRun) -> None:
        """Take a run that was prepared, if what it was made of still holds."""
        keys = self._keys[run.first : run.last]
        if len(keys) == len(run.keys) and all(map(np.array_equal, keys, run.keys)):
            kept = [each for each in self.runs if each.last <= run.first or each.first >= run.last]
            self.runs = sorted([*kept, run], key=lambda each: each.first)
