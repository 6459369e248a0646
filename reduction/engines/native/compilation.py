"""Compiles the kernels of the native engine, or loads them from the cache."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.blocks.event_store import RAW_EVENT_BYTES, EventBlock
from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.blocks.ordering import BlockOrdering, OrderingTask
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.protocol import Recipe
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.parameters.units import Units


@functools.cache
def compile_raw_passes(max_tof_ns: int) -> None:
    """Call all passes over raw events with a few of them, so that none is compiled later.

    There are passes for even and for uneven edges, without and with a curved calibration. Few
    events with many cells are counted in another way than many.
    """
    for layout, _ in _layouts(max_tof_ns):
        for size in 4, 64:
            _count(layout, _block(size))


@functools.cache
def compile_ordered_passes(max_tof_ns: int) -> None:
    """The same for all that orders events, and counts those that are in order.

    Few events with many cells are counted in another way than many.
    """
    for layout, ordering in _layouts(max_tof_ns):
        for block in _block(4), _block(64):
            order = ordering.order(layout.values, block)
            _count(layout, OrderingTask((block,), ordering.ordered([block], [order])).run())


def _layouts(max_tof_ns: int) -> Iterator[tuple[CompiledRecipe, BlockOrdering]]:
    """Layouts that together need all passes, and what orders their events.

    A small instrument serves for it: its tables have the types of those of any other.
    """
    small = Instrument("", np.zeros(1, np.int32), np.ones((1, 3)), np.zeros(1, np.bool_), 1.0)
    rows = DetectorRows.of(small)
    ordering = BlockOrdering.of(rows, max_tof_ns, MemoryPool(64 * RAW_EVENT_BYTES))
    group = np.zeros(small.detector_id.size, np.int32)
    curved = Calibration(*np.ones((3, group.size)))
    for units, edges in (
        (Units.TOF, [1.0, 2.0, 3.0]),
        (Units.TOF, [1.0, 2.0, 4.0, 5.0, 5.5]),
        (Units.D_SPACING, [1.0, 2.0, 3.0]),
        (Units.D_SPACING, [1.0, 2.0, 4.0, 5.0, 5.5]),
    ):
        recipe = Recipe(units, np.array(edges), group, calibration=curved)
        layout = CompiledRecipe(small, recipe, max_tof_ns, rows)
        masked = dataclasses.replace(recipe, group=np.full_like(group, MASKED))
        yield layout, ordering
        yield CompiledRecipe(small, masked, max_tof_ns, rows, layout.values), ordering


def _block(size: int) -> EventBlock:
    """A full block of so many events, in two spans."""
    block = EventBlock(np.zeros((2, size), np.int32))
    pixel_id, tof_ns = np.zeros((2, size // 2), np.int32)
    tof_ns[1:] = 5000
    for time_ns in range(2):
        block.append(pixel_id, tof_ns, time_ns)
    return block


def _count(layout: CompiledRecipe, block: EventBlock | OrderedBlock) -> None:
    """Count a block in each way that there is."""
    counts = np.zeros(layout.pixel_slots, np.int32)
    for slices in np.zeros(2, np.int32), np.arange(-1, 1, dtype=np.int32):
        for weights in np.ones(2, np.int64), np.full(2, 2), np.arange(2), np.ones(2):
            layout.add(block, slices, weights, np.zeros(layout.cells, weights.dtype))
    for window in None, (0.0, 1.0):
        for weights in np.ones(2, np.int64), np.arange(2):
            layout.add_pixels(block, weights, window, counts)
