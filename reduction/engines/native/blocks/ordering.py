"""What there is to put in order among the blocks of a store, and how that is done.

Four full blocks of raw events become an ordered block, and up to eight of these a large one. So new
events are soon in order, and 5e8 events are in about 16 blocks, each of which is searched for other
bins. A block whose spans are too many to be told from each other stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.blocks.event_store import EventBlock
from reduction.engines.native.blocks.ordered_block import (
    EVENT_BYTES,
    OrderedBlock,
    event_memory,
    merged_events,
    parted_events,
)
from reduction.engines.native.blocks.value_order import EventValues, ValueOrder, value_parts
from reduction.engines.native.passes.packing import Packing, pack, packed_values

RAW_TOGETHER = 4
"""Blocks of raw events that are put in order together."""

MERGED_TOGETHER = 8
"""Most ordered blocks that are merged."""

SAMPLE = 1 << 16
"""Events whose values say how values are cut into parts."""

Block = EventBlock | OrderedBlock

OrderingSteps = Generator[None, None, OrderedBlock]
"""Steps of work, tens of milliseconds each, the last of which returns a block."""


@dataclass(frozen=True, eq=False)
class OrderingTask:
    """Work that makes the block that takes the place of ``blocks``.

    Any thread may do each of its ``steps``, one thread at a time.
    """

    blocks: tuple[Block, ...]
    steps: OrderingSteps

    def step(self) -> OrderedBlock | None:
        """Do the next step; the block, if that was the last one."""
        try:
            next(self.steps)
        except StopIteration as end:
            made: OrderedBlock = end.value
            return made
        return None

    def run(self) -> OrderedBlock:
        """Do all steps that are left; the block."""
        while (made := self.step()) is None:
            pass
        return made


@dataclass(frozen=True, eq=False)
class BlockOrdering:
    """Makes ordered blocks of events packed by ``packing``, in memory from ``pool``.

    ``first_id`` and ``max_tof_ns`` are as in
    `reduction.engines.native.passes.tables.DetectorTables`, ``rows`` is the number of rows of its
    tables.
    """

    packing: Packing
    pool: MemoryPool
    first_id: np.int32
    max_tof_ns: np.uint32
    rows: int

    @classmethod
    def of(cls, rows: DetectorRows, max_tof_ns: int, pool: MemoryPool) -> BlockOrdering:
        """For the events of an instrument with these rows of detectors."""
        packing = Packing.of(rows.count, max_tof_ns)
        return cls(packing, pool, np.int32(rows.first), np.uint32(max_tof_ns), rows.count)

    def packed(self, block: EventBlock, first_span: int = 0) -> NDArray[np.uint64]:
        """The events of a block, (n,), packed, with their spans numbered from ``first_span``."""
        events = event_memory(block.size, self.pool)
        last_row = np.uint32(self.rows - 1)
        raw = block.pixel_id, block.tof_ns, block.starts, first_span
        pack(*raw, self.first_id, last_row, self.max_tof_ns, self.packing, events)
        return events

    def order(self, values: EventValues, like: Block) -> ValueOrder:
        """An order of values, with parts that suit a sample of the events of a block."""
        if isinstance(like, EventBlock):
            events = self.packed(like)[:: max(like.size // SAMPLE, 1)]
        else:
            events = like.contents[0].events[:: max(like.size // SAMPLE, 1)]
        found = np.empty(events.size)
        packed_values(events, self.packing, values.tables, found)
        return ValueOrder(self.packing, values, value_parts(found))

    def ordered(self, blocks: Sequence[EventBlock], orders: Sequence[ValueOrder]) -> OrderingSteps:
        """Full blocks of raw events as one ordered block."""
        first_spans = np.cumsum([0, *(block.spans for block in blocks)]).tolist()
        times_ns = np.concatenate([block.times_ns for block in blocks])
        contents = []
        for order in orders:
            parted = []
            for block, first in zip(blocks, first_spans, strict=False):
                parted.append(parted_events(self.packed(block, first), order, self.pool))
                yield
            contents.append(merged_events(parted, order, self.pool))
            yield
        return OrderedBlock(times_ns, len(blocks), tuple(contents))

    def merged(self, blocks: Sequence[OrderedBlock], orders: Sequence[ValueOrder]) -> OrderingSteps:
        """Ordered blocks as one, in the ``orders`` that they have in common."""
        times_ns = np.concatenate([block.times_ns for block in blocks])
        first_spans = np.cumsum([0, *(block.spans for block in blocks)]).tolist()
        contents = []
        for order in orders:
            found = [next(each for each in of.contents if each.order is order) for of in blocks]
            parted = [each.parted(n) for each, n in zip(found, first_spans, strict=False)]
            contents.append(merged_events(parted, order, self.pool))
            yield
        raw_blocks = sum(block.raw_blocks for block in blocks)
        return OrderedBlock(times_ns, raw_blocks, tuple(contents))

    def reordered(self, block: OrderedBlock, orders: Sequence[ValueOrder]) -> OrderingSteps:
        """The block in just these orders; those that it has are kept."""
        events, together = block.contents[0].events, self.pool.block_bytes // EVENT_BYTES
        contents = []
        for order in orders:
            known = next((each for each in block.contents if each.order is order), None)
            if known is None:
                parted = []
                for start in range(0, events.size, together):
                    piece = events[start : start + together]
                    parted.append(parted_events(piece, order, self.pool))
                    yield
                known = merged_events(parted, order, self.pool)
            contents.append(known)
        return OrderedBlock(block.times_ns, block.raw_blocks, tuple(contents))


def raw_to_order(
    blocks: Sequence[Block], most_spans: int, taken: Collection[int] = ()
) -> tuple[EventBlock, ...]:
    """The first neighbouring blocks of raw events to put in order together; empty if none are.

    Those whose `id` is in ``taken`` are left out.
    """
    found: list[EventBlock] = []
    for block in blocks:
        raw = isinstance(block, EventBlock) and block.full and id(block) not in taken
        if not isinstance(block, EventBlock) or not raw or block.spans > most_spans:
            found = []
            continue
        if sum(each.spans for each in found) + block.spans > most_spans:
            return tuple(found)
        found.append(block)
        if len(found) == RAW_TOGETHER:
            return tuple(found)
    return ()


def to_merge(
    blocks: Sequence[Block], most_spans: int, most_raw: int
) -> tuple[tuple[OrderedBlock, ...], tuple[ValueOrder, ...]]:
    """The first neighbouring small ordered blocks to merge, and the orders that all have.

    Empty if there are none. The merged block is of at most ``most_raw`` blocks of raw events.
    """
    found: list[OrderedBlock] = []
    orders: tuple[ValueOrder, ...] = ()
    for block in blocks:
        small = isinstance(block, OrderedBlock) and block.raw_blocks <= RAW_TOGETHER
        if not isinstance(block, OrderedBlock) or not small:
            found = []
            continue
        here = tuple(each.order for each in block.contents)
        common = tuple(each for each in orders if each in here) if found else here
        spans = sum(each.spans for each in found) + block.spans
        raw = sum(each.raw_blocks for each in found) + block.raw_blocks
        if found and (not common or spans > most_spans or raw > most_raw):
            if len(found) > 1:
                return tuple(found), orders
            found, common = [], here
        found.append(block)
        orders = common
        if len(found) == MERGED_TOGETHER:
            return tuple(found), orders
    return (), ()


def to_reorder(blocks: Sequence[Block], orders: Sequence[ValueOrder]) -> OrderedBlock | None:
    """The first ordered block that has other orders than these; None if there is none."""
    for block in blocks:
        if isinstance(block, OrderedBlock):
            here = {id(each.order) for each in block.contents}
            if here != {id(each) for each in orders}:
                return block
    return None
