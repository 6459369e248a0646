"""Old events that memory has no more room for, kept as fine histograms.

Counts of folded events are never lost. A bin is exact if its edges lie on edges of fine bins. If an
edge lies inside a fine bin, the events of that fine bin are displaced: they may be counted one bin
away from the bin of their value. A fine bin is a tenth of the bin that was set when the events were
folded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.protocol import Cells, Recipe

FINER = 10
"""Number of fine bins for each bin that is set when events are folded."""

EDGE_TOLERANCE = 1e-6
"""Edges that differ by less than this share of a fine bin are taken to be the same edge."""


def fine_edges(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """``edges`` (n + 1,) with each bin cut into `FINER` parts, (n · FINER + 1,) float64."""
    shares = np.arange(FINER) / FINER
    inside = edges[:-1, np.newaxis] + np.diff(edges)[:, np.newaxis] * shares
    return np.append(inside.ravel(), edges[-1])


class FoldedHistogram:
    """A histogram of folded events in fine bins.

    ``cells`` are laid out by ``layout``. Its edges are finer than the edges ``coarse``, which were
    set when the first of its events were folded.
    """

    def __init__(self, layout: CellLayout[Any], coarse: NDArray[np.float64], cells: Cells) -> None:
        self.layout = layout
        self.coarse = coarse
        self.cells = cells
        self._displaced = 0

    @property
    def recipe(self) -> Recipe:
        return self.layout.recipe

    @property
    def events(self) -> Any:
        """Number of folded events, or the sum of their weights."""
        return self.cells.sum()

    @property
    def nbytes(self) -> int:
        """Memory of the cells."""
        return self.cells.nbytes

    def add_histogram(self, other: FoldedHistogram) -> None:
        """Add the events of another folded histogram, each to one fine bin of this one."""
        self._displaced += other.add_to(self.cells, self.layout)

    def add_to(self, cells: Cells, layout: CellLayout[Any]) -> int:
        """Add the events to ``cells``, which have another layout; return how many are displaced.

        If ``layout`` has another unit, grouping or slicing, all events count as filtered.
        """
        if not layout.recipe.reuses_values_of(self.recipe):
            cells[-1] += self.events
            return 0
        slices = self.recipe.slices
        fine = self.cells[:-1].reshape(slices, -1)
        target = cells[:-1].reshape(layout.recipe.slices, -1)[:slices]
        target[:, -SPECIAL:] += fine[:, -SPECIAL:]
        cells[-1] += self.cells[-1]
        spectra = fine[:, :-SPECIAL].reshape(slices * self.recipe.groups, -1)
        cell_of, cut = _cells_of(self.layout.edges, layout.edges)
        added = [np.bincount(cell_of, each, layout.edges.size + 1) for each in spectra]
        target[:, :-SPECIAL] += np.array(added).reshape(slices, -1).astype(target.dtype)
        return min(int(spectra[:, cut].sum()) + self._displaced, int(self.events))


def _cells_of(
    fine: NDArray[np.float64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The cell that holds the middle of each fine cell, and whether an edge cuts the fine cell.

    Both are (fine bins + 2,), from underflow to overflow. An edge that differs from an edge of
    ``fine`` only by rounding does not cut.
    """
    tolerance = EDGE_TOLERANCE * np.diff(fine)
    cell = np.searchsorted(edges, (fine[:-1] + fine[1:]) / 2)
    after_low = np.searchsorted(edges, fine[:-1] + tolerance)
    before_high = np.searchsorted(edges, fine[1:] - tolerance)
    under, over = edges[0] < fine[0] - tolerance[0], edges[-1] > fine[-1] + tolerance[-1]
    cut = np.concatenate(([under], after_low != before_high, [over]))
    return np.concatenate(([0], cell, [edges.size])), cut
