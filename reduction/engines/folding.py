"""Old events that memory has no more room for, kept as fine histograms.

Their counts are never lost. Bins whose edges lie on fine edges are exact. Others are right to a
fine bin, which is a tenth of the bin that was set when the events were folded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.protocol import Cells, Recipe

FINER = 10
"""Fine bins in each bin that is set when events are folded."""

EDGE_TOLERANCE = 1e-6
"""Share of a fine bin by which edges may differ and still be the same edge."""


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
        """Take in the events of another one, each to a fine bin."""
        self._displaced += other.add_to(self.cells, self.layout)

    def add_to(self, cells: Cells, layout: CellLayout[Any]) -> int:
        """Add the events to ``cells`` of another layout; how many may be in a bin next to theirs.

        If it is of another unit, grouping or slicing, all events count as filtered there.
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
    """For each fine cell, underflow to overflow, the cell that its middle is in; and if it is cut.

    Both (fine bins + 2,). Edges that differ from fine ones by rounding cut nothing.
    """
    tolerance = EDGE_TOLERANCE * np.diff(fine)
    cell = np.searchsorted(edges, (fine[:-1] + fine[1:]) / 2)
    after_low = np.searchsorted(edges, fine[:-1] + tolerance)
    before_high = np.searchsorted(edges, fine[1:] - tolerance)
    under, over = edges[0] < fine[0] - tolerance[0], edges[-1] > fine[-1] + tolerance[-1]
    cut = np.concatenate(([under], after_low != before_high, [over]))
    return np.concatenate(([0], cell, [edges.size])), cut
