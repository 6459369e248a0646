"""Retained events in blocks: as they arrived, or in the order of their values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.blocks.ordered_block import OrderedBlock

BLOCK_EVENTS = 1 << 20
"""Events of a block. To count a block takes some ms, so work can stop in time after each."""

RAW_EVENT_BYTES = 8
"""Memory of an event: pixel id and time of flight, int32 each."""


class EventBlock:
    """Events in spans of one pulse each, in ``memory`` (2, capacity) int32.

    ``pixel_id`` and ``tof_ns`` are (size,) int32. Span i has the events from ``starts[i]`` to
    ``starts[i + 1]``, (spans + 1,) int64, of the pulse at ``times_ns[i]``, (spans,) int64.
    """

    def __init__(self, memory: NDArray[np.int32]) -> None:
        self._events = memory
        self._starts = [0]
        self._times_ns: list[int] = []
        self.capacity = int(memory.shape[1])
        self.size = 0

    @property
    def full(self) -> bool:
        return self.size == self.capacity

    @property
    def nbytes(self) -> int:
        """Memory of the events."""
        return RAW_EVENT_BYTES * self.size

    @property
    def spans(self) -> int:
        return len(self._times_ns)

    @property
    def pixel_id(self) -> NDArray[np.int32]:
        return self._events[0, : self.size]

    @property
    def tof_ns(self) -> NDArray[np.int32]:
        return self._events[1, : self.size]

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.array(self._starts, np.int64)

    @property
    def times_ns(self) -> NDArray[np.int64]:
        return np.array(self._times_ns, np.int64)

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> int:
        """Copy as many of the events, (n,) each, as there is room for; return how many."""
        n = min(self.capacity - self.size, pixel_id.size)
        if n:
            self._events[0, self.size : self.size + n] = pixel_id[:n]
            self._events[1, self.size : self.size + n] = tof_ns[:n]
            self.size += n
            self._starts.append(self.size)
            self._times_ns.append(pulse_time_ns)
        return n


class EventStore:
    """Blocks of events, oldest first, whose memory comes from a pool."""

    def __init__(self, pool: MemoryPool) -> None:
        self._pool = pool
        self.blocks: list[EventBlock | OrderedBlock] = []

    @property
    def size(self) -> int:
        """Number of events."""
        return sum(block.size for block in self.blocks)

    @property
    def nbytes(self) -> int:
        """Memory of the events."""
        return sum(block.nbytes for block in self.blocks)

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        """Copy the events of a pulse, (n,) int32 each, into blocks."""
        while pixel_id.size:
            last = self.blocks[-1] if self.blocks else None
            if not isinstance(last, EventBlock) or last.full:
                capacity = self._pool.block_bytes // RAW_EVENT_BYTES
                last = EventBlock(self._pool.array((2, capacity), np.int32))
                self.blocks.append(last)
            n = last.append(pixel_id, tof_ns, pulse_time_ns)
            pixel_id, tof_ns = pixel_id[n:], tof_ns[n:]

    def clear(self) -> None:
        """Drop all events; their memory is free again."""
        self.blocks.clear()
