"""Counts of each pixel, kept up to date with the retained events: what an image is made of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.histogram import Histogram
from reduction.engines.protocol import PixelWindow

NOT_SLICED = np.empty(0, np.int32)
NOT_COUNTED = np.empty(0, np.bool_)


@dataclass(frozen=True, eq=False)
class CountedSpans:
    """Which spans of a block are in the counts, (spans,) bool, judged by ``slices`` (spans,)."""

    slices: NDArray[np.int32]
    included: NDArray[np.bool_]

    def padded(self, spans: int) -> NDArray[np.bool_]:
        """The same for the first spans of a block, (spans,): later ones are not counted."""
        return np.append(self.included, np.zeros(spans - self.included.size, np.bool_))


NOTHING_COUNTED = CountedSpans(NOT_SLICED, NOT_COUNTED)


class PixelCounts(Generic[BlockT]):
    """Counts of each pixel in a window, by the layout and the slices of a reduction's histogram.

    It takes 4 bytes a pixel. Folded blocks stay in the counts as long as the window does; those
    that were folded before it was set are ``missing``.
    """

    def __init__(self, layout: CellLayout[BlockT], window: PixelWindow, missing: int) -> None:
        self._layout, self._window = layout, window
        self.missing = missing
        self._counts = np.zeros(layout.pixel_slots, np.int32)
        self._counted: list[CountedSpans] = []

    @property
    def by_detector(self) -> NDArray[np.int32]:
        """The counts, (detectors,) in the order of the instrument."""
        return self._layout.by_detector(self._counts)

    def follow(self, layout: CellLayout[BlockT], window: PixelWindow) -> bool:
        """Go on with another window or layout, if the counts of what is counted stay right.

        They do if each event has the same value and detectors are masked as before. Then `advance`
        counts only the pulses that are in or out by the window alone.
        """
        now, before = layout.recipe, self._layout.recipe
        same = window.values == self._window.values and (
            np.array_equal(now.group < 0, before.group < 0)
            and (window.values is None or now.values_equal(before))
        )
        if same:
            self._layout, self._window = layout, window
            self._counted = [CountedSpans(NOT_SLICED, each.included) for each in self._counted]
        return same

    def clear(self) -> None:
        """Drop all counts."""
        self._counts[:] = 0
        self._counted, self.missing = [], 0

    def advance(
        self, blocks: Sequence[BlockT], histogram: Histogram[BlockT], deadline_s: float
    ) -> bool:
        """Count what ``histogram`` has counted, until the deadline; return whether all is.

        ``deadline_s`` is a time of the monotonic clock. At least one block is counted.
        """
        slices = histogram.slices
        for number, now in enumerate(slices):
            if number == len(self._counted):
                self._counted.append(NOTHING_COUNTED)
            if self._counted[number].slices is now:
                continue
            self._count(blocks[number], number, now)
            if time.monotonic() > deadline_s:
                return number == len(slices) - 1
        return True

    def _count(self, block: BlockT, number: int, slices: NDArray[np.int32]) -> None:
        """Count the spans of a block that are in the window by ``slices``, and no others."""
        included = self._window.has(slices)
        weights = included.astype(np.int64) - self._counted[number].padded(slices.size)
        if weights.any():
            # The block may have got further spans since the histogram has counted it.
            weights = np.append(weights, np.zeros(block.spans - slices.size, np.int64))
            self._layout.add_pixels(block, weights, self._window.values, self._counts)
        self._counted[number] = CountedSpans(slices, included)

    def fold(self, block: BlockT, slices: NDArray[np.int32]) -> None:
        """Count the first block by ``slices``, before it is dropped."""
        if not self._counted:
            self._counted.append(NOTHING_COUNTED)
        self._count(block, 0, slices)
        del self._counted[0]

    def has_counted(self, number: int, block: BlockT) -> bool:
        """Whether all spans of a block have been counted."""
        known = self._counted[number : number + 1]
        return bool(known) and known[0].included.size == block.spans

    def has_begun(self, number: int) -> bool:
        """Whether any spans of a block, or of one after it, have been counted."""
        return number < len(self._counted)

    def join(self, number: int) -> None:
        """Note that a block has been joined to the block before it; both must have been counted."""
        first, second = self._counted[number - 1 : number + 1]
        joined = CountedSpans(NOT_SLICED, np.append(first.included, second.included))
        self._counted[number - 1 : number + 1] = [joined]
