"""Cells of events that fade: a pulse weighs e^(-age / time), so what was long ago counts little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import BlockT, CellLayout
from reduction.engines.histogram import Histogram
from reduction.engines.protocol import Cells

FORGOTTEN = 40.0
"""Age, in fading times, from which on a pulse adds less than the rounding of what is newer."""

LARGEST = 300.0
"""Logarithm of a weight at which all are made smaller."""


class FadingHistogram(Histogram[BlockT]):
    """The histogram of one recipe in weights relative to those of pulses at one time.

    ``fade_ns`` is the time in which weights fall by e. Squares of weights are those of half of it.
    """

    dtype = np.float64

    def __init__(self, ready: CellLayout[BlockT], fade_ns: float) -> None:
        super().__init__(ready)
        self._fade_ns = fade_ns
        self._zero_ns: int | None = None
        self._newest_ns = 0

    def clear(self) -> None:
        super().clear()
        self._zero_ns, self._newest_ns = None, 0

    def at(self, time_ns: int) -> NDArray[np.float64]:
        """The cells by the weights that pulses have at a time."""
        age = 0.0 if self._zero_ns is None else (time_ns - self._zero_ns) / self._fade_ns
        faded: NDArray[np.float64] = self.cells * np.exp(-age)
        return faded

    def advance(self, blocks: Sequence[BlockT], deadline_s: float) -> bool:
        if blocks:
            self._newest_ns = max(self._newest_ns, int(blocks[-1].times_ns.max()))
            self._rebase()
        return super().advance(blocks, deadline_s)

    def _rebase(self) -> None:
        """Have the newest pulses weigh what can be told from zero and infinity."""
        zero_ns = self._newest_ns if self._zero_ns is None else self._zero_ns
        self._zero_ns = zero_ns
        if (self._newest_ns - zero_ns) / self._fade_ns > LARGEST:
            faded = np.exp((zero_ns - self._newest_ns) / self._fade_ns)
            for cells in (self.cells, *(each.cells for each in self._folded)):
                cells *= faded
            self._zero_ns = self._newest_ns

    def weights(self, times_ns: NDArray[np.int64]) -> Cells:
        """What pulses at these times (spans,) weigh: nothing once they are forgotten."""
        assert self._zero_ns is not None
        remembered = self._newest_ns - times_ns < FORGOTTEN * self._fade_ns
        age = np.where(remembered, (self._zero_ns - times_ns) / self._fade_ns, np.inf)
        weights: Cells = np.exp(-age)
        return weights
