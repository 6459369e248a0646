"""The cells of a recipe: a vector that ranks can add up, whatever engine filled it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import Cells, EventTally, Recipe


class EventSpans(Protocol):
    """Retained events of some pulses; a span is a stretch of events of one of them."""

    @property
    def size(self) -> int:
        """Events."""

    @property
    def spans(self) -> int:
        """How many spans."""

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """The pulse times of the spans, (spans,) int64."""


BlockT = TypeVar("BlockT", bound=EventSpans)


class CellLayout(ABC, Generic[BlockT]):
    """Where the cells of a recipe lie, and a way to add a block's events to them.

    Each slice has ``slice_cells``: for each group one cell below the bins, the bins, and one above
    them; then `SPECIAL` ones: events masked, of bad pixels, of monitors, and at bad times. The last
    of all ``cells`` is for events in no slice.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.edges = recipe.edges.copy()
        self.slice_cells = recipe.groups * (self.edges.size + 1) + SPECIAL
        self.cells = recipe.slices * self.slice_cells + 1

    @abstractmethod
    def add(self, block: BlockT, keys: NDArray[np.int32], weights: Cells, cells: Cells) -> None:
        """Add events to cells, by the slices and the weights of their spans, (spans,) each.

        To counts, int64, weights are whole numbers; to float64 they may be any. Spans of weight 0
        are passed over.
        """

    def tally(self, cells: Cells) -> EventTally:
        """What ``cells``, of one rank or the sum of several ranks', say."""
        parts = cells[:-1].reshape(self.recipe.slices, -1)
        spectra = parts[:, :-SPECIAL].reshape(self.recipe.slices, self.recipe.groups, -1)
        masked, bad_pixel, monitor, bad_time = (int(n) for n in parts[:, -SPECIAL:].sum(axis=0))
        return EventTally(
            spectra[..., 1:-1],
            int(spectra[..., 0].sum() + spectra[..., -1].sum()),
            masked + monitor,
            bad_pixel,
            bad_time,
            monitor_counts=parts[:, -SPECIAL:][:, 2],
            filtered=int(cells[-1]),
        )


SPECIAL = 4
"""Cells of a slice after those of its groups: masked, bad pixel, monitor, bad time."""
