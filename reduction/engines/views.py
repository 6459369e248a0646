"""What an engine counts of a reduction besides its histogram: an image, and further histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Generic

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.histogram import Histogram
from reduction.engines.pixel_counts import PixelCounts
from reduction.engines.protocol import Recipe, ViewKind, ViewRecipes

LayoutOf = Callable[[Recipe], CellLayout[BlockT]]
"""Makes the layout of a recipe."""


class ReductionViews(Generic[BlockT]):
    """The views of one reduction, whose ``histogram`` has the slices of pulses.

    None is made before `set`. Until then, and after all have been taken away, they cost nothing.
    """

    def __init__(self, histogram: Histogram[BlockT]) -> None:
        self._histogram = histogram
        self.image: PixelCounts[BlockT] | None = None
        self.histograms: dict[ViewKind, Histogram[BlockT]] = {}
        self._recipes = ViewRecipes()

    def set(self, recipes: ViewRecipes, layout_of: LayoutOf[BlockT], folded: int) -> None:
        """Count by these recipes; what they have in common with those before stays counted.

        ``folded`` events were folded by now.
        """
        self._recipes = recipes
        for kind in self.histograms.keys() - recipes.histograms.keys():
            del self.histograms[kind]
        for kind, recipe in recipes.histograms.items():
            if kind not in self.histograms:
                self.histograms[kind] = Histogram(layout_of(recipe))
            elif not recipe.equals(self.histograms[kind].recipe):
                self.histograms[kind].change_layout(layout_of(recipe))
        window, layout = recipes.image, self._histogram.layout
        if window is None:
            self.image = None
        elif self.image is None or not self.image.follow(layout, window):
            self.image = PixelCounts(layout, window, folded)

    def histogram_changed(self, folded: int) -> None:
        """Follow another layout of the histogram of the reduction."""
        window = self._recipes.image
        if self.image is not None and window is not None:
            layout = self._histogram.layout
            if not self.image.follow(layout, window):
                self.image = PixelCounts(layout, window, folded)

    def advance(self, blocks: Sequence[BlockT], deadline_s: float) -> bool:
        """Count what is not counted yet, until the deadline; return whether all is."""
        done = [each.advance(blocks, deadline_s) for each in self.histograms.values()]
        if self.image is not None:
            done.append(self.image.advance(blocks, self._histogram, deadline_s))
        return all(done)

    def reslice(self, blocks: Sequence[BlockT], since_ns: int, until_ns: int) -> None:
        """Move events of pulses in [since, until] whose slice has changed; an image advances."""
        for each in self.histograms.values():
            each.reslice(blocks, since_ns, until_ns)

    def fold(self, blocks: Sequence[BlockT], layout_of: LayoutOf[BlockT], *, keep: bool) -> None:
        """Fold the first block, before the histogram of the reduction does.

        It has been counted there, and is counted here first. Its events leave all slices unless
        ``keep`` is set; an image follows the histogram of the reduction.
        """
        for each in self.histograms.values():
            each.advance(blocks[:1], math.inf)
            if not keep:
                each.remove_from_slices(blocks[0])
            each.fold(blocks[0], layout_of)
        if self.image is not None:
            self.image.fold(blocks[0], self._histogram.slices[0])

    @property
    def parts(self) -> Iterator[Histogram[BlockT] | PixelCounts[BlockT]]:
        """All that counts events."""
        yield from self.histograms.values()
        if self.image is not None:
            yield self.image

    def clear(self) -> None:
        """Drop all counts."""
        for each in self.parts:
            each.clear()
