"""Blocks of retained events in the order of their values, so that other bins need no pass.

A full block of raw events is packed, cut into parts, and merged with its neighbours into an ordered
block, which takes their place. Some ordered blocks are merged into one, whose parts are ordered
anew. So an event is retained once, in eight bytes, and is put in order twice or three times.

An ordered block is in pieces of one block of memory each. A piece has whole parts, so it is not
quite full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.order_kernels import (
    EVENTS_IN_BUCKET,
    OrderedPiece,
    copy_parts,
    find_parts,
    order_parts,
    scatter,
)
from reduction.engines.native.value_order import EventValues, ValueOrder

EVENT_BYTES = 8


class PartedEvents(NamedTuple):
    """Events part by part, (n,) uint64.

    Part ``first`` + i is from ``starts[i]`` to ``starts[i + 1]``, (parts + 1,) int64.
    ``more_spans`` is to be added to the number of each span.
    """

    events: NDArray[np.uint64]
    first: int
    starts: NDArray[np.int64]
    more_spans: int = 0

    def within(self, low: int, high: int) -> PartedEvents:
        """The parts from ``low`` to ``high`` - 1 that are here."""
        low = min(max(low, self.first), self.first + self.starts.size - 1)
        high = max(min(high, self.first + self.starts.size - 1), low)
        starts = self.starts[low - self.first : high - self.first + 1]
        return PartedEvents(self.events, low, starts, self.more_spans)


@dataclass(frozen=True, eq=False)
class OrderedEvents:
    """Packed events in pieces by an order of values; ``odd`` have no value, (n,) uint64 each."""

    order: ValueOrder
    pieces: tuple[OrderedPiece, ...]
    odd: NDArray[np.uint64]

    @property
    def arrays(self) -> Iterator[NDArray[np.uint64]]:
        """All events, in arrays (n,)."""
        yield from (piece.events for piece in self.pieces)
        yield self.odd

    def parted(self, more_spans: int) -> Iterator[PartedEvents]:
        """All events part by part, with so many spans before them."""
        yield PartedEvents(self.odd, 0, np.array([0, self.odd.size]), more_spans)
        for piece in self.pieces:
            starts = piece.starts[piece.first_bucket].astype(np.int64)
            yield PartedEvents(piece.events, piece.first_part, starts, more_spans)

    def nbytes(self, block_bytes: int) -> int:
        """Memory of the events and of what is needed to find them."""
        indices = sum(each.starts.nbytes + each.first_bucket.nbytes for each in self.pieces)
        events = sum(
            block_bytes if 2 * each.events.nbytes > block_bytes else each.events.nbytes
            for each in self.pieces
        )
        return events + indices + self.odd.nbytes


@dataclass(frozen=True, eq=False)
class OrderedBlock:
    """Events of spans at ``times_ns`` (spans,), once in each of the orders in ``contents``.

    There is at least one. ``raw_blocks`` is of how many blocks of raw events they are.
    """

    times_ns: NDArray[np.int64]
    size: int
    raw_blocks: int
    nbytes: int
    contents: tuple[OrderedEvents, ...]

    @property
    def spans(self) -> int:
        return self.times_ns.size

    def ordered_by(self, values: EventValues) -> OrderedEvents | None:
        """The events in the order of these values; None if they are not."""
        return next((each for each in self.contents if each.order.values is values), None)


def event_memory(size: int, pool: MemoryPool) -> NDArray[np.uint64]:
    """An array for packed events, (size,), in a block of the pool if it fills more than half."""
    capacity = pool.block_bytes // EVENT_BYTES
    if capacity // 2 < size <= capacity:
        return pool.array((capacity,), np.uint64)[:size]
    return np.empty(size, np.uint64)


def parted_events(events: NDArray[np.uint64], order: ValueOrder, pool: MemoryPool) -> PartedEvents:
    """Packed ``events`` (n,) part by part, in memory from a pool."""
    part, counts = np.empty(events.size, np.uint16), np.zeros(order.count, np.int64)
    find_parts(events, order.packing, order.values.tables, order.parts, part, counts)
    starts = np.append(0, np.cumsum(counts))
    ordered = event_memory(events.size, pool)
    scatter(events, part, starts[:-1].copy(), ordered)
    return PartedEvents(ordered, 0, starts)


def merged_events(
    sources: Sequence[PartedEvents], order: ValueOrder, pool: MemoryPool
) -> OrderedEvents:
    """All events of the ``sources``, in order, in memory from a pool. Any thread may do it."""
    sizes = np.zeros(order.count, np.int64)
    for each in sources:
        sizes[each.first : each.first + each.starts.size - 1] += np.diff(each.starts)
    odd = np.empty(sizes[0], np.uint64)
    _copy(sources, 0, np.array([0, odd.size]), odd)
    pieces = []
    ends = np.cumsum(sizes)
    first, capacity = 1, pool.block_bytes // EVENT_BYTES
    while first < order.count:
        last = int(np.searchsorted(ends, ends[first - 1] + capacity, side="right"))
        last = max(last, first + 1)
        piece_ends = ends[first - 1 : last] - ends[first - 1]
        if piece_ends[-1]:
            pieces.append(_piece(sources, order, first, piece_ends, pool))
        first = last
    return OrderedEvents(order, tuple(pieces), odd)


def _piece(
    sources: Sequence[PartedEvents],
    order: ValueOrder,
    first: int,
    starts: NDArray[np.int64],
    pool: MemoryPool,
) -> OrderedPiece:
    """The parts from ``first`` on, which begin at ``starts`` (parts + 1,), in order."""
    events = event_memory(int(starts[-1]), pool)
    _copy(sources, first, starts, events)
    buckets = np.maximum(np.diff(starts) // EVENTS_IN_BUCKET, 1)
    first_bucket = np.append(0, np.cumsum(buckets)).astype(np.int32)
    index = np.empty(first_bucket[-1] + 1, np.int32)
    piece = OrderedPiece(events, first, first_bucket, index)
    order_parts(piece, starts, order.packing, order.values.tables, order.parts)
    return piece


def _copy(
    sources: Sequence[PartedEvents],
    first: int,
    starts: NDArray[np.int64],
    events: NDArray[np.uint64],
) -> None:
    """Copy the parts from ``first`` on of all sources to ``starts`` (parts + 1,) in ``events``."""
    at = starts[:-1].copy()
    for each in sources:
        here = each.within(first, first + at.size)
        places = at[here.first - first : here.first - first + here.starts.size - 1]
        if places.size:
            copy_parts(here.events, here.starts, np.uint64(here.more_spans), places, events)
