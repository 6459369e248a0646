"""Cells of events that fade: a pulse weighs e^(-age / time), so what was long ago counts little."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.engines.histogram import Histogram
from reduction.engines.passes import Pass
from reduction.engines.protocol import Cells
from reduction.store import Block

FORGOTTEN = 40.0
"""Age, in fading times, from which on a pulse adds less than the rounding of what is newer."""

LARGEST = 300.0
"""Logarithm of a weight at which all are made smaller."""


class Fading(Histogram):
    """The histogram of one recipe in weights relative to those of pulses at one time.

    ``fade_ns`` is the time in which weights fall by e. Squares of weights are those of half of it.
    """

    dtype = np.float64

    def __init__(self, ready: Pass, fade_ns: float) -> None:
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

    def advance(self, blocks: list[Block], deadline_s: float) -> bool:
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

    def _pass_over(
        self,
        ready: Pass,
        cells: Cells,
        block: Block,
        keys: NDArray[np.int32],
        which: NDArray[np.bool_],
        sign: int,
    ) -> None:
        assert self._zero_ns is not None
        times_ns, starts = block.times_ns, block.starts
        remembered = self._newest_ns - times_ns[: which.size] < FORGOTTEN * self._fade_ns
        for span in np.flatnonzero(which & remembered):
            weight = float(np.exp((times_ns[span] - self._zero_ns) / self._fade_ns))
            here = slice(span, span + 1)
            bounds = starts[span : span + 2]
            ready.add(block.pixel_id, block.tof_ns, bounds, keys[here], cells, sign * weight)
