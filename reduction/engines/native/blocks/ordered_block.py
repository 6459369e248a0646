"""Blocks of retained events in the order of their values, so that other bins need no pass.

A full block of raw events is packed, cut into parts, and merged with its neighbours into an ordered
block, which takes their place. Some ordered blocks are merged into one, whose parts are ordered
anew. So an event is retained once, in eight bytes, and is put in order twice or three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.blocks.value_order import EventValues, ValueOrder
from reduction.engines.native.passes.order_kernels import (
    EVENTS_IN_BUCKET,
    OrderedArrays,
    copy_parts,
    find_parts,
    order_parts,
    scatter,
)

EVENT_BYTES = 8


class PartedEvents(NamedTuple):
    """Events part by part, (n,) uint64; part p is from ``starts[p]`` to ``starts[p + 1]``.

    ``starts`` is (parts + 1,) int64. ``more_spans`` is to be added to the number of each span.
    """

    events: NDArray[np.uint64]
    starts: NDArray[np.int64]
    more_spans: int = 0


@dataclass(frozen=True, eq=False)
class OrderedEvents:
    """Packed events in an order of values."""

    order: ValueOrder
    arrays: OrderedArrays

    @property
    def events(self) -> NDArray[np.uint64]:
        """All events, (n,)."""
        return self.arrays.events

    @property
    def odd(self) -> NDArray[np.uint64]:
        """The events that have no value, (n,)."""
        return self.arrays.events[: self.arrays.starts[0]]

    @property
    def nbytes(self) -> int:
        """Memory of the events and of what is needed to find them."""
        return sum(each.nbytes for each in self.arrays)

    def parted(self, more_spans: int) -> PartedEvents:
        """All events part by part, with so many spans before them."""
        starts = self.arrays.starts[self.arrays.first_bucket].astype(np.int64)
        starts[0] = 0
        return PartedEvents(self.events, starts, more_spans)


@dataclass(frozen=True, eq=False)
class OrderedBlock:
    """Events of spans at ``times_ns`` (spans,), once in each of the orders in ``contents``.

    There is at least one. ``raw_blocks`` is of how many blocks of raw events they are.
    """

    times_ns: NDArray[np.int64]
    raw_blocks: int
    contents: tuple[OrderedEvents, ...]

    @property
    def size(self) -> int:
        """Number of events."""
        return self.contents[0].events.size

    @property
    def nbytes(self) -> int:
        """Memory of all contents."""
        return sum(each.nbytes for each in self.contents)

    @property
    def spans(self) -> int:
        return self.times_ns.size

    def ordered_by(self, values: EventValues) -> OrderedEvents | None:
        """The events in the order of these values; None if they are not."""
        return next((each for each in self.contents if each.order.values is values), None)


def event_memory(size: int, pool: MemoryPool) -> NDArray[np.uint64]:
    """An array for packed events, (size,), of a block of raw events or less."""
    return pool.array((pool.block_bytes // EVENT_BYTES,), np.uint64)[:size]


def parted_events(events: NDArray[np.uint64], order: ValueOrder, pool: MemoryPool) -> PartedEvents:
    """Packed ``events`` (n,), those of a block or less, part by part, in memory from a pool."""
    part, counts = np.empty(events.size, np.uint16), np.zeros(order.count, np.int64)
    find_parts(events, order.packing, order.values.tables, order.parts, part, counts)
    starts = np.append(0, np.cumsum(counts))
    ordered = event_memory(events.size, pool)
    scatter(events, part, starts[:-1].copy(), ordered)
    return PartedEvents(ordered, starts)


def merged_events(
    sources: Sequence[PartedEvents], order: ValueOrder, pool: MemoryPool
) -> OrderedEvents:
    """All events of the ``sources``, in order, in memory from a pool. Any thread may do it."""
    sizes = np.sum([np.diff(each.starts) for each in sources], axis=0)
    starts = np.append(0, np.cumsum(sizes))
    buckets = np.maximum(sizes // EVENTS_IN_BUCKET, 1)
    buckets[0] = 0
    first_bucket = np.append(0, np.cumsum(buckets)).astype(np.int32)
    arrays = _ordered_arrays(int(starts[-1]), first_bucket, pool)
    at = starts[:-1].copy()
    for each in sources:
        copy_parts(each.events, each.starts, np.uint64(each.more_spans), at, arrays.events)
    order_parts(arrays, starts, order.packing, order.values.tables, order.parts)
    return OrderedEvents(order, arrays)


def _ordered_arrays(size: int, first_bucket: NDArray[np.int32], pool: MemoryPool) -> OrderedArrays:
    """Arrays for so many events in these buckets, in one block of memory.

    Its size follows from the numbers of events and parts alone, so that it can be used again.
    """
    most_buckets = size // EVENTS_IN_BUCKET + first_bucket.size
    memory = pool.array((size + most_buckets // 2 + 1,), np.uint64)
    starts = memory[size:].view(np.int32)[: first_bucket[-1] + 1]
    return OrderedArrays(memory[:size], first_bucket, starts)
