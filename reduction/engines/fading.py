"""Cells of events whose weight fades: a pulse weighs e^(-age / fading time)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.histogram import Histogram
from reduction.engines.protocol import Cells

FORGOTTEN = 40.0
"""Age, in fading times, above which a pulse adds less than the rounding of newer pulses."""

LARGEST = 300.0
"""Logarithm of a weight above which all weights are scaled down, before they overflow."""


class FadingHistogram(Histogram[BlockT]):
    """The cells of one recipe as sums of weights; a pulse at the reference time has weight 1.

    ``fade_ns`` is the time in which weights fall by e. (Squares of weights fall by e in half of it,
    so a second histogram with that time sums the squares.)
    """

    dtype = np.float64

    def __init__(self, layout: CellLayout[BlockT], fade_ns: float) -> None:
        super().__init__(layout)
        self._fade_ns = fade_ns
        self._reference_ns: int | None = None
        self._newest_ns = 0

    def clear(self) -> None:
        super().clear()
        self._reference_ns, self._newest_ns = None, 0

    def at(self, time_ns: int) -> NDArray[np.float64]:
        """The cells as sums of the weights that pulses have at a time, ns since 1970."""
        since_ns = time_ns if self._reference_ns is None else self._reference_ns
        age = (time_ns - since_ns) / self._fade_ns
        faded: NDArray[np.float64] = self.cells * np.exp(-age)
        return faded

    def advance(self, blocks: Sequence[BlockT], deadline_s: float) -> bool:
        if blocks:
            self._newest_ns = max(self._newest_ns, int(blocks[-1].times_ns.max()))
            self._rebase()
        return super().advance(blocks, deadline_s)

    def _rebase(self) -> None:
        """Move the reference time before the weights of the newest pulses overflow."""
        reference_ns = self._newest_ns if self._reference_ns is None else self._reference_ns
        self._reference_ns = reference_ns
        if (self._newest_ns - reference_ns) / self._fade_ns > LARGEST:
            faded = np.exp((reference_ns - self._newest_ns) / self._fade_ns)
            for cells in (self.cells, *(each.cells for each in self._folded)):
                cells *= faded
            self._reference_ns = self._newest_ns

    def weights(self, times_ns: NDArray[np.int64]) -> Cells:
        """The weight of pulses at these times, (spans,) float64; 0 above the age `FORGOTTEN`."""
        assert self._reference_ns is not None
        remembered = self._newest_ns - times_ns < FORGOTTEN * self._fade_ns
        age = np.where(remembered, (self._reference_ns - times_ns) / self._fade_ns, np.inf)
        weights: Cells = np.exp(-age)
        return weights
