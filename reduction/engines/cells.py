"""The cells of a recipe: one vector with the same layout in both engines, which ranks add up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import Cells, EventTally, Recipe

SPECIAL = 4
"""Special cells of a slice: events masked, of bad pixels, of monitors, at bad times."""


class EventSpans(Protocol):
    """A block of retained events. A span is a stretch of events of one pulse."""

    @property
    def size(self) -> int:
        """Number of events."""

    @property
    def spans(self) -> int:
        """Number of spans."""

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """The pulse time of each span, (spans,), in ns since 1970."""


BlockT = TypeVar("BlockT", bound=EventSpans)


class CellLayout(ABC, Generic[BlockT]):
    """The layout of the cells of a recipe; it adds the events of a block to them.

    Each slice has ``slice_cells``: for each group one cell below the edges, the bins and one cell
    above the edges, then the `SPECIAL` cells. The last of all ``cells`` is for events in no slice.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.edges = recipe.edges.copy()
        self.slice_cells = recipe.groups * (self.edges.size + 1) + SPECIAL
        self.cells = recipe.slices * self.slice_cells + 1

    @abstractmethod
    def add(
        self,
        block: BlockT,
        slices: NDArray[np.int32],
        weights: Cells,
        cells: Cells,
    ) -> None:
        """Add the events of a block to ``cells``, by the slice and the weight of their span.

        ``slices`` (spans,) are -1 for no slice. ``weights`` (spans,) are integers if cells are
        int64, and any numbers if they are float64. Spans of weight 0 are skipped.
        """

    @property
    @abstractmethod
    def pixel_slots(self) -> int:
        """The length of the arrays that `add_pixels` counts in."""

    @abstractmethod
    def add_pixels(
        self,
        block: BlockT,
        weights: NDArray[np.int64],
        values: tuple[float, float] | None,
        counts: NDArray[np.int32],
    ) -> None:
        """Add the events of a block to the ``counts`` (pixel_slots,) of their detectors.

        An event counts by the weight of its span, ``weights`` (spans,), if its detector is not
        masked, its time of flight is valid, and its value v is low ≤ v < high, for ``values``
        (low, high); None: any.
        """

    @abstractmethod
    def by_detector(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        """Counts (pixel_slots,) as (detectors,), in the order of the instrument."""

    def tally(self, cells: Cells) -> EventTally:
        """Where all events were counted, given the ``cells`` of one rank or of several, summed."""
        slices = cells[:-1].reshape(self.recipe.slices, -1)
        spectra = slices[:, :-SPECIAL].reshape(self.recipe.slices, self.recipe.groups, -1)
        special = slices[:, -SPECIAL:]
        masked, bad_pixel, monitor, bad_time = (int(n) for n in special.sum(axis=0))
        return EventTally(
            spectra[..., 1:-1],
            int(spectra[..., 0].sum() + spectra[..., -1].sum()),
            masked + monitor,
            bad_pixel,
            bad_time,
            monitor_counts=special[:, 2],
            filtered=int(cells[-1]),
        )
