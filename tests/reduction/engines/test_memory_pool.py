"""Memory is used again; new memory is in huge pages, unless these take the system too long."""

from __future__ import annotations

import mmap
import threading

import numpy as np

from reduction.engines.memory_pool import (
    FEW_SPARE,
    SLOW_PAGE_NS,
    SMALL_AFTER_SLOW,
    MemoryPool,
    NewPages,
)

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


def test_memory_is_used_again_once_nothing_refers_to_it() -> None:
    pool = MemoryPool(800)
    first = pool.array((2, 100), np.int32)
    first[:] = 7
    view = first[1, 50:]
    place = first.ctypes.data
    del first
    assert pool.spare_bytes == 0  # the view is still there
    del view
    assert pool.spare_bytes == 800
    again = pool.array((100,), np.float64)
    assert again.ctypes.data == place
    assert pool.spare_bytes == 0


def test_a_pool_keeps_no_more_than_its_bound_and_gives_all_back_when_told() -> None:
    pool = MemoryPool(80, most_spare=3)
    arrays = [pool.array((10,), np.float64) for _ in range(8)]
    arrays.clear()
    assert pool.spare_bytes == 240
    pool.clear()
    assert pool.spare_bytes == 0


def test_a_trimmed_pool_has_what_there_is_room_for_and_a_few_blocks_in_any_case() -> None:
    pool = MemoryPool(80)
    arrays = [pool.array((10,), np.float64) for _ in range(40)]
    arrays.clear()
    pool.trim(1e9)
    assert pool.spare_bytes == 40 * 80
    pool.trim(30 * 80)
    assert pool.spare_bytes == 30 * 80
    pool.trim(-1)
    assert pool.spare_bytes == FEW_SPARE * 80


def test_memory_of_a_larger_array_is_used_again_for_one_of_its_size() -> None:
    pool = MemoryPool(80)
    large = pool.array((30,), np.float64)
    place = large.ctypes.data
    del large
    assert pool.spare_bytes == 240
    small, other = pool.array((10,), np.float64), pool.array((29,), np.float64)
    assert pool.spare_bytes == 240
    again = pool.array((15, 2), np.float64)
    assert again.ctypes.data == place
    assert (small.size, other.size, pool.spare_bytes) == (10, 29, 0)


def test_a_new_larger_block_takes_the_place_of_spare_smaller_ones() -> None:
    pool = MemoryPool(80)
    arrays = [pool.array((size,), np.float64) for size in (10, 20, 10, 10, 100)]
    arrays.clear()
    assert pool.spare_bytes == 3 * 80 + 160 + 800
    larger = pool.array((30,), np.float64)
    assert pool.spare_bytes == 160 + 800
    assert pool.array((20,), np.float64).size + larger.size == 50
    assert pool.spare_bytes == 160 + 800


def test_a_pool_of_several_sizes_is_trimmed_to_its_bound() -> None:
    pool = MemoryPool(80)
    arrays = [pool.array((size,), np.float64) for size in (10, 300, 10, 40) for _ in range(3)]
    arrays.clear()
    assert pool.spare_bytes == 6 * 80 + 3 * 2400 + 3 * 320
    pool.trim(5000)
    assert pool.spare_bytes == 2 * 80 + 2 * 2400
    pool.trim(0)
    assert pool.spare_bytes <= FEW_SPARE * 80


def test_threads_never_get_the_same_memory() -> None:
    pool = MemoryPool(64)
    wrong = []

    def work(number: int) -> None:
        for _ in range(2000):
            array = pool.array((8,), np.int64)
            array[:] = number
            other = pool.array((8,), np.int64)
            other[:] = -1
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
