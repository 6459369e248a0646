"""New memory is in huge pages, unless these take the system too long."""

from __future__ import annotations

import mmap

from reduction.engines.memory_pool import SLOW_PAGE_NS, SMALL_AFTER_SLOW, NewPages

SIZE = 4 << 20


class SlowPages:
    """A clock, and pages whose first touch takes as long as a test says."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.touch_ns = 0
        self.touched = 0

    def clock_ns(self) -> int:
        return self.now_ns

    def touch(self, memory: mmap.mmap) -> None:
        memory[0] = 0
        self.touched += 1
        self.now_ns += self.touch_ns


def test_after_slow_huge_pages_small_ones_are_taken_for_a_while() -> None:
    pages = SlowPages()
    new = NewPages(pages.clock_ns, pages.touch)
    for _ in range(3):
        assert bytes(new.take(SIZE)) == bytes(SIZE)
    pages.touch_ns = SLOW_PAGE_NS + 1
    for _ in range(1 + SMALL_AFTER_SLOW):
        new.take(SIZE)
    assert pages.touched == 4
    pages.touch_ns = 0
    new.take(SIZE)
    new.take(SIZE)
    assert pages.touched == 6


def test_memory_of_less_than_a_page_can_be_used() -> None:
    assert bytes(NewPages().take(100)) == bytes(100)
