"""The cells of one recipe, kept up to date with the retained events."""

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
    """The cells of one recipe, and how many of the retained blocks have been counted in them.

    For each counted block it keeps the slice of each span. ``displaced`` is the number of displaced
    events: folded events that may be counted one bin away from the bin of their value.
    """

    dtype: type[np.int64] | type[np.float64] = np.int64

    def __init__(self, layout: CellLayout[BlockT]) -> None:
        self._layout = layout
        self.cells: Cells = np.zeros(layout.cells, self.dtype)
        self._slices: list[NDArray[np.int32]] = []
        self._folded: list[FoldedHistogram] = []
        self.displaced = 0

    @property
    def layout(self) -> CellLayout[BlockT]:
        """The layout of the cells, which adds events to them."""
        return self._layout

    @property
    def slices(self) -> Sequence[NDArray[np.int32]]:
        """For each counted block the slice of each span, (spans,); replaced when one changes."""
        return self._slices

    @property
    def recipe(self) -> Recipe:
        return self._layout.recipe

    def change_layout(self, layout: CellLayout[BlockT]) -> None:
        """Use the layout of another recipe from now on; `advance` counts all blocks again."""
        self._layout = layout
        self.cells = np.zeros(layout.cells, self.dtype)
        self._slices = []
        self.displaced = sum(each.add_to(self.cells, layout) for each in self._folded)

    def clear(self) -> None:
        self._slices = []
        self._folded, self.displaced = [], 0
        self.cells[:] = 0

    @property
    def memory_bytes(self) -> int:
        """Memory of the folded histograms."""
        return sum(each.nbytes for each in self._folded)

    def weights(self, times_ns: NDArray[np.int64]) -> Cells:
        """The weight of pulses at these times, (spans,): 1 each."""
        return np.ones(times_ns.size, self.dtype)

    def _add(self, block: BlockT, slices: NDArray[np.int32], weights: Cells) -> None:
        self._layout.add(block, slices, weights, self.cells)

    def remove_from_slices(self, block: BlockT) -> None:
        """Move the events of the first block out of all slices: they count as filtered."""
        known, weights = self._slices[0], self.weights(block.times_ns)
        self._slices[0] = np.full_like(known, -1)
        self._add(block, known, -weights)
        self._add(block, self._slices[0], weights)

    def fold(self, block: BlockT, layout_of: Callable[[Recipe], CellLayout[BlockT]]) -> None:
        """Keep the events of the first block as a fine histogram, before the block is dropped.

        The block must have been counted. ``layout_of`` makes the layout of a recipe.
        """
        fine = self._fine_histogram(layout_of)
        fine.layout.add(block, self._slices.pop(0), self.weights(block.times_ns), fine.cells)

    def _fine_histogram(self, layout_of: Callable[[Recipe], CellLayout[BlockT]]) -> FoldedHistogram:
        """The fine histogram to fold into.

        There is one for each unit, grouping and slicing. Memory is short, so a new fine histogram
        takes over the events of those that differ from it in their bins alone.
        """
        edges = self._layout.edges
        same = [each for each in self._folded if self.recipe.reuses_values_of(each.recipe)]
        for each in same:
            if each.recipe.slices == self.recipe.slices and np.array_equal(each.coarse, edges):
                return each
        layout = layout_of(dataclasses.replace(self.recipe, edges=fine_edges(edges)))
        made = FoldedHistogram(layout, edges, np.zeros(layout.cells, self.dtype))
        for each in same:
            made.add_histogram(each)
        self._folded = [*(each for each in self._folded if each not in same), made]
        return made

    def has_counted(self, number: int, block: BlockT) -> bool:
        """Whether all spans of a block are in the cells."""
        return number < len(self._slices) and self._slices[number].size == block.spans

    def has_begun(self, number: int) -> bool:
        """Whether any spans of a block, or of one after it, are in the cells."""
        return number < len(self._slices)

    def advance(self, blocks: Sequence[BlockT], deadline_s: float) -> bool:
        """Count blocks until the deadline passes or all are counted; return whether all are.

        ``deadline_s`` is a time of the monotonic clock. Even after it something is counted, if
        anything is left, so that each call makes progress.
        """
        number = max(len(self._slices) - 1, 0)
        if number < len(blocks) and self.has_counted(number, blocks[number]):
            number += 1
        while number < len(blocks):
            number = self._count(blocks, number)
            if time.monotonic() > deadline_s:
                return number == len(blocks)
        return True

    def _count(self, blocks: Sequence[BlockT], number: int) -> int:
        """Add the spans of a block that are not in the cells; the number of the next block."""
        if number == len(self._slices):
            self._slices.append(np.empty(0, np.int32))
        block, known = blocks[number], self._slices[number]
        if known.size < block.spans:
            times_ns = block.times_ns
            slices = np.append(known, self._slices_at(times_ns[known.size :]))
            weights = self.weights(times_ns)
            weights[: known.size] = 0
            self._add(block, slices, weights)
            self._slices[number] = slices
        return number + 1

    def _slices_at(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The slices of pulses; raises ValueError if one is too high: kernels do not check."""
        slices = self.recipe.slice_of(times_ns)
        if np.any(slices >= self.recipe.slices):
            raise ValueError(f"slice {slices.max()} of {self.recipe.slices}")
        return slices

    def reslice(self, blocks: Sequence[BlockT], since_ns: int, until_ns: int) -> None:
        """Move events to other slices, for the pulses in [since, until] whose slice has changed."""
        for number, known in enumerate(self._slices):
            times_ns = blocks[number].times_ns[: known.size]
            if not known.size or times_ns.max() < since_ns or times_ns.min() > until_ns:
                continue
            slices = self._slices_at(times_ns)
            moved = slices != known
            if moved.any():
                self._move(blocks[number], number, slices, self.weights(times_ns) * moved)

    def _move(self, block: BlockT, number: int, slices: NDArray[np.int32], weights: Cells) -> None:
        """Move the events of a block to ``slices``; ``weights`` (spans,) are 0 where none moved."""
        self._add(block, self._slices[number], -weights)
        self._add(block, slices, weights)
        self._slices[number] = slices

    def join(self, number: int) -> None:
        """Note that a block has been joined to the block before it; both must have been counted."""
        self._slices[number - 1] = np.append(self._slices[number - 1], self._slices.pop(number))
