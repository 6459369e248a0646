"""The events of an ordered block span by span, for changes that are of some of its spans.

Log values that come late, a sliding window and fading weights change a few spans at a time, again
and again of the same block. So its events are put in the order of their spans once, and kept as
long as no other block is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.passes.packing import count_keys, unpack_keys


class SpannedEvents(NamedTuple):
    """Events as the passes over raw events take them; span s is from ``bounds[s]`` on."""

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]
    bounds: NDArray[np.int64]


class SpanCache:
    """The events of the ordered block that was last asked for, span by span.

    ``first_id`` is as in `reduction.engines.native.passes.tables.DetectorTables`.
    """

    def __init__(self, first_id: np.int32) -> None:
        self._first_id = first_id
        self._memory = np.empty((2, 0), np.int32)
        self._block: OrderedBlock | None = None
        self._bounds = np.zeros(1, np.int64)

    @property
    def block(self) -> OrderedBlock | None:
        """The block whose events are kept."""
        return self._block

    @property
    def nbytes(self) -> int:
        """Memory of the events."""
        return self._memory.nbytes

    def events(self, block: OrderedBlock) -> SpannedEvents:
        """The events of a block, span by span."""
        if self._block is not block:
            self._fill(block)
        pixel_id, tof_ns = self._memory[:, : block.size]
        return SpannedEvents(pixel_id, tof_ns, self._bounds)

    def _fill(self, block: OrderedBlock) -> None:
        content = block.contents[0]
        packing, counts = content.order.packing, np.zeros(block.spans, np.int64)
        spans = np.arange(block.spans, dtype=np.int32)
        count_keys(content.events, packing, spans, counts)
        self._bounds = np.append(0, np.cumsum(counts))
        if self._memory.shape[1] < block.size:
            self._memory = np.empty((2, block.size), np.int32)
        pixel_id, tof_ns = self._memory
        at = self._bounds[:-1].copy()
        unpack_keys(content.events, packing, self._first_id, spans, at, pixel_id, tof_ns)
        self._block = block

    def clear(self) -> None:
        """Give the memory back."""
        self._block, self._memory = None, np.empty((2, 0), np.int32)
