"""Memory for events in blocks of a few sizes, which are used again without being cleared.

The system clears each page of new memory, which takes as long as all other work on an event.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

MOST_SPARE = 128
"""Memory of so many blocks is kept while nobody uses it; the system gets back all other."""

FEW_SPARE = 16
"""Blocks that `MemoryPool.trim` leaves: so many are free for a moment while events are ordered."""

ScalarT = TypeVar("ScalarT", bound=np.generic)


SLOW_PAGE_NS = 1_500_000
"""A huge page of 2 MB is slow from here on: it mostly takes 0.3 ms, as many small ones 0.9 ms."""

SMALL_AFTER_SLOW = 32
"""So many blocks are of small pages before huge ones are tried again."""


class MemoryPool:
    """Blocks of ``block_bytes``, and larger ones, in separate memory pages. Any thread takes them.

    A block is free again when no array refers to it any more. Then an array of the same size gets
    it; all that fit into ``block_bytes`` are of the same size here. For a new larger block, as many
    bytes of smaller ones that nobody uses go back to the system.
    """

    def __init__(self, block_bytes: int, most_spare: int = MOST_SPARE) -> None:
        self.block_bytes = max(block_bytes, 1)
        self._most_spare_bytes = most_spare * self.block_bytes
        self._spare: defaultdict[int, deque[mmap.mmap]] = defaultdict(deque)
        self._pages = NewPages()

    @property
    def spare_bytes(self) -> int:
        """Memory of the blocks that nobody uses."""
        return sum(len(spare) * size for size, spare in list(self._spare.items()))

    def array(self, shape: tuple[int, ...], dtype: type[ScalarT]) -> NDArray[ScalarT]:
        """An array with arbitrary content, in a block of its own."""
        count = int(np.prod(shape))
        size = max(count * np.dtype(dtype).itemsize, self.block_bytes)
        try:
            memory = self._spare[size].pop()
        except IndexError:
            self._give_back(size)
            memory = self._pages.take(size)
        block = (ctypes.c_char * size).from_buffer(memory)
        weakref.finalize(block, self._keep, memory, size).atexit = False
        return np.frombuffer(memoryview(block), dtype, count=count).reshape(shape)

    def _give_back(self, size: int) -> None:
        """Give so many bytes back to the system, of smaller blocks that nobody uses."""
        left = size
        with contextlib.suppress(IndexError):  # another thread may take what is spare
            for smaller in sorted(each for each in self._spare if each < size):
                while left > 0 and self._spare[smaller]:
                    self._spare[smaller].pop()
                    left -= smaller

    def _keep(self, memory: mmap.mmap, size: int) -> None:
        """Keep a block that has become free, unless there is enough."""
        if self.spare_bytes + size <= self._most_spare_bytes:
            self._spare[size].append(memory)

    def trim(self, most_bytes: float) -> None:
        """Keep at most so many bytes that nobody uses, or else `FEW_SPARE` blocks."""
        most_bytes = max(most_bytes, FEW_SPARE * self.block_bytes)
        sizes = sorted(self._spare)
        with contextlib.suppress(IndexError):  # another thread may take what is spare
            for size in reversed(sizes):
                while self._spare[size] and self.spare_bytes - size >= most_bytes:
                    self._spare[size].pop()
            for size in sizes:
                while self._spare[size] and self.spare_bytes > most_bytes:
                    self._spare[size].pop()

    def clear(self) -> None:
        """Give all blocks that nobody uses back to the system."""
        self._spare.clear()


def _touch(memory: mmap.mmap) -> None:
    memory[0] = 0


class NewPages:
    """New memory in huge pages, or in small ones as long as huge ones cost more.

    The first touch of a huge page takes a fifth of the time of as many small ones. But it takes
    several times as long if the system must move other memory out of the way, or if the host of a
    virtual machine must give it memory. So the first page of a block is touched here, and if that
    was slow, the rest of the block and the next `SMALL_AFTER_SLOW` blocks are of small pages.

    ``clock_ns`` is the time that this thread has run. ``touch`` touches the first page of a block.
    """

    def __init__(
        self,
        clock_ns: Callable[[], int] = time.thread_time_ns,
        touch: Callable[[mmap.mmap], None] = _touch,
    ) -> None:
        self._clock_ns, self._touch = clock_ns, touch
        self._small_left = 0

    def take(self, size: int) -> mmap.mmap:
        """Memory of a size in bytes, whose content is zeros."""
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if not hasattr(mmap, "MADV_HUGEPAGE"):
            return memory
        if self._small_left > 0:
            self._small_left -= 1
            return memory
        memory.madvise(mmap.MADV_HUGEPAGE)
        began_ns = self._clock_ns()
        self._touch(memory)
        if self._clock_ns() - began_ns > SLOW_PAGE_NS:
            memory.madvise(mmap.MADV_NOHUGEPAGE)
            self._small_left = SMALL_AFTER_SLOW
        return memory
