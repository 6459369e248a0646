"""Compiles the kernels of the native engine, or loads them from the cache."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.event_store import RAW_EVENT_BYTES, EventBlock
from reduction.engines.native.ordering import BlockOrdering
from reduction.engines.protocol import Recipe
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.parameters.units import Units


@functools.cache
def compile_kernels(max_tof_ns: int) -> None:
    """Call all kernels with a few events, so that none is compiled while events come.

    There are kernels for even and for uneven edges, without and with a curved calibration. A small
    instrument serves for it: its tables have the types of those of any other.
    """
    small = Instrument("", np.zeros(1, np.int32), np.ones((1, 3)), np.zeros(1, np.bool_), 1.0)
    rows = DetectorRows.of(small)
    ordering = BlockOrdering.of(rows, max_tof_ns, MemoryPool(4 * RAW_EVENT_BYTES))
    group = np.zeros(small.detector_id.size, np.int32)
    curved = Calibration(*np.ones((3, group.size)))
    for units, edges in (
        (Units.TOF, [1.0, 2.0, 3.0]),
        (Units.TOF, [1.0, 2.0, 4.0, 5.0]),
        (Units.D_SPACING, [1.0, 2.0, 3.0]),
        (Units.D_SPACING, [1.0, 2.0, 4.0, 5.0]),
    ):
        recipe = Recipe(units, np.array(edges), group, calibration=curved)
        layout = CompiledRecipe(small, recipe, max_tof_ns, rows)
        masked = dataclasses.replace(recipe, group=np.full_like(group, MASKED))
        _call(layout, ordering)
        _call(CompiledRecipe(small, masked, max_tof_ns, rows, layout.values), ordering)


def _call(layout: CompiledRecipe, ordering: BlockOrdering) -> None:
    """Call the kernels of a layout, and those that order events by its values."""
    block = EventBlock(np.zeros((2, 4), np.int32))
    for time_ns in range(2):
        block.append(np.zeros(2, np.int32), np.array([0, 5000], np.int32), time_ns)
    counts = np.zeros(layout.pixel_slots, np.int32)
    for each in block, ordering.ordered([block], [ordering.order(layout.values, block)]):
        for slices in np.zeros(2, np.int32), np.arange(-1, 1, dtype=np.int32):
            for weights in np.ones(2, np.int64), np.full(2, 2), np.arange(2), np.ones(2):
                layout.add(each, slices, weights, np.zeros(layout.cells, weights.dtype))
        for window in None, (0.0, 1.0):
            for weights in np.ones(2, np.int64), np.arange(2):
                layout.add_pixels(each, weights, window, counts)
