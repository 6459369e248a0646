"""Memory for events in blocks of one size, which are used again without being cleared.

The system clears each page of new memory, which takes as long as all other work on an event.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref
from collections import deque
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

MOST_SPARE = 128
"""Most blocks that are kept while nobody uses them; the system gets back all others."""

FEW_SPARE = 16
"""Blocks that `MemoryPool.trim` leaves: so many are free for a moment while runs are merged."""

ScalarT = TypeVar("ScalarT", bound=np.generic)


class MemoryPool:
    """Blocks of ``block_bytes`` in separate memory pages. Any thread may take them.

    A block is free again when no array refers to it any more.
    """

    def __init__(self, block_bytes: int, most_spare: int = MOST_SPARE) -> None:
        self.block_bytes = max(block_bytes, 1)
        self._most_spare = most_spare
        self._spare: deque[mmap.mmap] = deque()
        self._block_type = ctypes.c_char * self.block_bytes

    @property
    def spare_bytes(self) -> int:
        """Memory of the blocks that nobody uses."""
        return len(self._spare) * self.block_bytes

    def array(self, shape: tuple[int, ...], dtype: type[ScalarT]) -> NDArray[ScalarT]:
        """An array with arbitrary content, in a block of its own.

        Raises ValueError if it does not fit into a block.
        """
        try:
            memory = self._spare.pop()
        except IndexError:
            memory = new_pages(self.block_bytes)
        block = self._block_type.from_buffer(memory)
        weakref.finalize(block, self._keep, memory).atexit = False
        return np.frombuffer(memoryview(block), dtype, count=int(np.prod(shape))).reshape(shape)

    def _keep(self, memory: mmap.mmap) -> None:
        """Keep a block that has become free, unless there are enough."""
        if len(self._spare) < self._most_spare:
            self._spare.append(memory)

    def trim(self, most_bytes: float) -> None:
        """Keep at most so many bytes that nobody uses, or else `FEW_SPARE` blocks."""
        left = max(most_bytes // self.block_bytes, FEW_SPARE)
        while len(self._spare) > left:
            self._spare.pop()

    def clear(self) -> None:
        """Give all blocks that nobody uses back to the system."""
        self._spare.clear()


def new_pages(size: int) -> mmap.mmap:
    """New memory, in huge pages where possible: first access then takes a fifth of the time."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
