"""Retained events: raw, in the order they came, in blocks that never move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK_EVENTS = 1 << 22


class EventStore:
    """An append-only column store of (pixel_id, tof_ns), 8 bytes an event."""

    def __init__(self, block_events: int = BLOCK_EVENTS) -> None:
        self._capacity = block_events
        self._blocks: list[NDArray[np.int32]] = []
        self.size = 0

    def append(self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> None:
        """Copy in events, (n,) int32 each."""
        done = 0
        while done < pixel_id.size:
            block, used = divmod(self.size, self._capacity)
            if block == len(self._blocks):
                self._blocks.append(np.empty((2, self._capacity), np.int32))
            n = min(self._capacity - used, pixel_id.size - done)
            self._blocks[block][0, used : used + n] = pixel_id[done : done + n]
            self._blocks[block][1, used : used + n] = tof_ns[done : done + n]
            self.size += n
            done += n

    def run(self, start: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Views of the events from ``start`` to the end of their block: pixel_id and tof_ns."""
        block, first = divmod(start, self._capacity)
        last = min(self.size - block * self._capacity, self._capacity)
        return self._blocks[block][0, first:last], self._blocks[block][1, first:last]

    def clear(self) -> None:
        """Drop all; the memory goes back to the system."""
        self._blocks.clear()
        self.size = 0
