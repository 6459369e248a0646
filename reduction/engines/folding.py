"""Events that memory has no more room for, kept as fine histograms.

Their counts are never lost: bins whose edges lie on fine edges are exact, others are right to a
fine bin, a tenth of the bin that was asked for when they were folded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.protocol import Cells, Recipe

FINER = 10
"""Fine bins in each bin of the moment."""

EDGE_TOLERANCE = 1e-6
"""Share of a fine bin by which edges may differ and be the same."""


def fine_edges(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """``edges`` (n + 1,) with each bin cut into `FINER` parts, (n · FINER + 1,)."""
    shares = np.arange(FINER) / FINER
    inside = edges[:-1, np.newaxis] + np.diff(edges)[:, np.newaxis] * shares
    return np.append(inside.ravel(), edges[-1])


class FoldedHistogram:
    """A fine histogram: ``ready`` is its pass, ``coarse`` the edges that its own are finer than.

    ``cells`` are those of the pass; events are added to them as to any others.
    """

    def __init__(self, ready: CellLayout[Any], coarse: NDArray[np.float64], cells: Cells) -> None:
        self.ready = ready
        self.coarse = coarse
        self.cells = cells
        self._blurred = 0

    @property
    def recipe(self) -> Recipe:
        return self.ready.recipe

    @property
    def events(self) -> Any:
        """Events folded here, or their weights."""
        return self.cells.sum()

    @property
    def nbytes(self) -> int:
        """Memory of the cells."""
        return self.cells.nbytes

    def take(self, other: FoldedHistogram) -> None:
        """Take in what another one holds, to a fine bin."""
        self._blurred += other.add_to(self.cells, self.ready)

    def add_to(self, cells: Cells, ready: CellLayout[Any]) -> int:
        """Add to the cells of another pass; how many events may be in the bin beside theirs.

        A pass that gives events other values, slices or groups cannot have them: all are filtered.
        """
        if not ready.recipe.sorts_as(self.recipe):
            cells[-1] += self.events
            return 0
        fine = self.cells[:-1].reshape(self.recipe.slices, -1)
        to = cells[:-1].reshape(ready.recipe.slices, -1)[: self.recipe.slices]
        to[:, -SPECIAL:] += fine[:, -SPECIAL:]
        cells[-1] += self.cells[-1]
        groups = (self.recipe.slices, self.recipe.groups, -1)
        parts = fine[:, :-SPECIAL].reshape(groups)
        place, astray = _places(self.ready.edges, ready.edges)
        added = [
            np.bincount(place, part, ready.edges.size + 1)
            for part in parts.reshape(-1, parts.shape[-1])
        ]
        to[:, :-SPECIAL] += np.array(added).reshape(self.recipe.slices, -1).astype(to.dtype)
        return min(int(parts[..., astray].sum()) + self._blurred, int(self.events))


def _places(
    fine: NDArray[np.float64], edges: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each fine cell, underflow to overflow, its cell by its middle; and which are cut.

    Edges that rounding alone keeps from being fine ones cut nothing.
    """
    hair = EDGE_TOLERANCE * np.diff(fine)
    place = np.searchsorted(edges, (fine[:-1] + fine[1:]) / 2)
    cut = np.searchsorted(edges, fine[:-1] + hair) != np.searchsorted(edges, fine[1:] - hair)
    under, over = edges[0] < fine[0] - hair[0], edges[-1] > fine[-1] + hair[-1]
    return np.concatenate(([0], place, [edges.size])), np.concatenate(([under], cut, [over]))
