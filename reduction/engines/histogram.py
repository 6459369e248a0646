"""The cells of one recipe, kept up to date with the events that are retained."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.folding import FoldedHistogram, fine_edges
from reduction.engines.protocol import Cells, Recipe


class Histogram(Generic[BlockT]):
    """The cells of one recipe, and how far through the retained blocks they have come.

    For each block it knows the slices of the spans that are in the cells.
    """

    dtype: type[np.int64] | type[np.float64] = np.int64

    def __init__(self, ready: CellLayout[BlockT]) -> None:
        self._ready = ready
        self.cells: Cells = np.zeros(ready.cells, self.dtype)
        self._keys: list[NDArray[np.int32]] = []
        self._folded: list[FoldedHistogram] = []
        self.astray = 0

    @property
    def ready(self) -> CellLayout[BlockT]:
        """What events are added by."""
        return self._ready

    @property
    def recipe(self) -> Recipe:
        return self._ready.recipe

    def recut(self, ready: CellLayout[BlockT]) -> None:
        """Start again by another recipe."""
        self._ready = ready
        self.cells = np.zeros(ready.cells, self.dtype)
        self._keys = []
        self.astray = sum(each.add_to(self.cells, ready) for each in self._folded)

    def clear(self) -> None:
        self._keys = []
        self._folded, self.astray = [], 0
        self.cells[:] = 0

    @property
    def memory_bytes(self) -> int:
        """Memory of what is kept beside the events."""
        return sum(each.nbytes for each in self._folded)

    def weights(self, times_ns: NDArray[np.int64]) -> Cells:
        """What pulses at these times (spans,) weigh: a count each."""
        return np.ones(times_ns.size, self.dtype)

    def _add(self, block: BlockT, keys: NDArray[np.int32], weights: Cells) -> None:
        self._ready.add(block, keys, weights, self.cells)

    def leave_out(self, block: BlockT) -> None:
        """Have the first block's events be in no slice."""
        known, weights = self._keys[0], self.weights(block.times_ns)
        self._keys[0] = np.full_like(known, -1)
        self._add(block, known, -weights)
        self._add(block, self._keys[0], weights)

    def fold(self, block: BlockT, made: Callable[[Recipe], CellLayout[BlockT]]) -> None:
        """Keep the first block, which is in the cells and about to go, as a fine histogram."""
        into = self._into(made)
        into.ready.add(block, self._keys.pop(0), self.weights(block.times_ns), into.cells)

    def _into(self, made: Callable[[Recipe], CellLayout[BlockT]]) -> FoldedHistogram:
        """What to fold into: one for each way of sorting, for memory is what is short."""
        edges = self._ready.edges
        same = [each for each in self._folded if self.recipe.sorts_as(each.recipe)]
        for each in same:
            if each.recipe.slices == self.recipe.slices and np.array_equal(each.coarse, edges):
                return each
        ready = made(dataclasses.replace(self.recipe, edges=fine_edges(edges)))
        into = FoldedHistogram(ready, edges, np.zeros(ready.cells, self.dtype))
        for each in same:
            into.take(each)
        self._folded = [*(each for each in self._folded if each not in same), into]
        return into

    def covers(self, number: int, block: BlockT) -> bool:
        """Whether a block is in the cells as a whole."""
        return number < len(self._keys) and self._keys[number].size == block.spans

    def advance(self, blocks: Sequence[BlockT], deadline_s: float) -> bool:
        """Bring the cells up to date with the blocks, until the deadline; whether they are."""
        number = max(len(self._keys) - 1, 0)
        while number < len(blocks):
            number = self._cover(blocks, number)
            if time.monotonic() > deadline_s:
                return number == len(blocks)
        return True

    def _cover(self, blocks: Sequence[BlockT], number: int) -> int:
        """Add the spans of a block that are not in the cells; the number of the next block."""
        if number == len(self._keys):
            self._keys.append(np.empty(0, np.int32))
        block, known = blocks[number], self._keys[number]
        if known.size < block.spans:
            times_ns = block.times_ns
            keys = np.append(known, self._slices(times_ns[known.size :]))
            weights = self.weights(times_ns)
            weights[: known.size] = 0
            self._add(block, keys, weights)
            self._keys[number] = keys
        return number + 1

    def _slices(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The slices of pulses; the kernels trust that there are no others."""
        keys = self.recipe.slice_of(times_ns)
        if np.any(keys >= self.recipe.slices):
            raise ValueError(f"slice {keys.max()} of {self.recipe.slices}")
        return keys

    def resliced(self, blocks: Sequence[BlockT], since_ns: int, until_ns: int) -> None:
        """Move the events of pulses in [since, until] whose slice has changed."""
        for number, known in enumerate(self._keys):
            times_ns = blocks[number].times_ns[: known.size]
            if not known.size or times_ns.max() < since_ns or times_ns.min() > until_ns:
                continue
            keys = self._slices(times_ns)
            moved = keys != known
            if moved.any():
                self._move(blocks[number], number, keys, self.weights(times_ns) * moved)

    def _move(self, block: BlockT, number: int, keys: NDArray[np.int32], weights: Cells) -> None:
        """Give the events of a block's spans other slices."""
        self._add(block, self._keys[number], -weights)
        self._add(block, keys, weights)
        self._keys[number] = keys

    def join(self, number: int) -> None:
        """A block and the one before it, both in the cells, are one from now on."""
        self._keys[number - 1] = np.append(self._keys[number - 1], self._keys.pop(number))
