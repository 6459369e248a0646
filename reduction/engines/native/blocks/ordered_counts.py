"""Counts the events of ordered blocks in the cells of a recipe, or by detector."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL
from reduction.engines.native.blocks.ordered_block import OrderedEvents
from reduction.engines.native.passes.edge_kernels import count_all, find_places
from reduction.engines.native.passes.ordered_kernels import (
    CellTables,
    KeyTables,
    count_by_key,
    count_in_cells,
    count_pixels,
    count_pixels_between,
    count_unmasked,
)
from reduction.engines.native.passes.packing import Packing, count_keys, unpack, unpack_keys

MOST_KEYS = 1024
"""Kinds of events, by group and slice, that are counted by a key: their counts stay in a cache …"""

EVENTS_FOR_KEY = 4
"""… if there are at least so many events of each kind in each bin, on average."""

UNPACKED_TOGETHER = 1 << 17
"""Events that are unpacked at once: so few that they stay in the second-level cache."""


@dataclass(frozen=True, eq=False)
class GroupTables:
    """Where events are counted by the group of their detectors.

    ``coded_cell`` (rows,) is as in `reduction.engines.native.passes.tables.DetectorTables`. A group
    has ``group_cells``, and a slice ``slice_cells`` with the special ones. Other tables by row are
    made when they are first needed.
    """

    coded_cell: NDArray[np.int32]
    groups: int
    group_cells: int
    slice_cells: int

    @functools.cached_property
    def unmasked(self) -> NDArray[np.int8]:
        """1 for the rows whose events are binned, 0 for others, (rows,)."""
        return (self.coded_cell & 1).astype(np.int8)

    @functools.cached_property
    def any_masked(self) -> bool:
        """Whether any detector is masked."""
        return bool((self.coded_cell == 2 * self.groups * self.group_cells).any())

    @functools.cached_property
    def key_of_row(self) -> NDArray[np.uint16]:
        """The group of each row, or the number of groups for rows that are in none, (rows,)."""
        group = self.coded_cell // (2 * self.group_cells)
        return np.minimum(group, self.groups).astype(np.uint16)


def unpacked(
    events: NDArray[np.uint64],
    packing: Packing,
    first_id: np.int32,
    slices: NDArray[np.int32],
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]]:
    """Packed ``events`` (n,) as raw ones: pixel ids, times of flight, bounds and their slices.

    They are as the passes over raw events take them. ``slices`` (spans,) are those of the spans.
    """
    of_keys, found = np.unique(slices, return_inverse=True)
    key_of_span = found.astype(np.int32)
    for start in range(0, events.size, UNPACKED_TOGETHER):
        here = events[start : start + UNPACKED_TOGETHER]
        pixel_id, tof_ns = np.empty((2, here.size), np.int32)
        if of_keys.size == 1:
            unpack(here, packing, first_id, pixel_id, tof_ns)
            yield pixel_id, tof_ns, np.array([0, here.size]), of_keys
            continue
        counts = np.zeros(of_keys.size, np.int64)
        count_keys(here, packing, key_of_span, counts)
        bounds = np.append(0, np.cumsum(counts))
        unpack_keys(here, packing, first_id, key_of_span, bounds[:-1].copy(), pixel_id, tof_ns)
        yield pixel_id, tof_ns, bounds, of_keys


def count_ordered(
    ordered: OrderedEvents,
    edges: NDArray[np.float64],
    tables: GroupTables,
    slices: NDArray[np.int32],
    cells: NDArray[np.int64],
) -> None:
    """Count all events that have a value in their ``cells``; ``slices`` (spans,) are of spans."""
    order = ordered.order
    places = find_places(ordered.arrays, order.parts, edges)
    placed = ordered.arrays, order.packing, order.values.tables, places
    if tables.groups > 1 or slices[0] < 0 or (slices != slices[0]).any():
        most_keys = min(MOST_KEYS, ordered.events.size // (EVENTS_FOR_KEY * edges.size))
        keys = _key_tables(tables, slices, cells.size, most_keys)
        if keys is not None:
            count_by_key(*placed, keys, cells)
        else:
            count_in_cells(*placed, _cell_tables(tables, slices, cells.size), cells)
        return
    of_slice = cells[slices[0] * tables.slice_cells :][: tables.slice_cells]
    of_group = of_slice[: tables.group_cells]
    if tables.any_masked:
        counted = count_unmasked(*placed, tables.unmasked, of_group)
        of_slice[-SPECIAL] += ordered.events.size - ordered.odd.size - counted
    else:
        count_all(*placed, of_group)


def _key_tables(
    tables: GroupTables, slices: NDArray[np.int32], cells: int, most_keys: int
) -> KeyTables | None:
    """The tables of `count_by_key` for spans in these ``slices``; None if keys are too many."""
    of_keys, found = np.unique(slices, return_inverse=True)
    if of_keys.size * (tables.groups + 1) > most_keys:
        return None
    of_span = (tables.groups + 1) * found
    in_slice = (of_keys >= 0)[:, np.newaxis]
    group = np.arange(tables.groups + 1)
    in_slices = of_keys[:, np.newaxis].astype(np.int64) * tables.slice_cells
    first = np.where(in_slice, in_slices + tables.group_cells * group, cells - 1)
    binned = (in_slice & (group < tables.groups)).astype(np.int64)
    return KeyTables(tables.key_of_row, of_span.astype(np.uint16), first.ravel(), binned.ravel())


def _cell_tables(tables: GroupTables, slices: NDArray[np.int32], cells: int) -> CellTables:
    """The tables of `count_in_cells` for spans in these ``slices``."""
    first = slices.astype(np.int64) * tables.slice_cells
    of_span = np.where(slices >= 0, first, cells - 1)
    return CellTables(tables.coded_cell, of_span, -(slices >= 0).astype(np.int64))


def count_pixels_of(
    ordered: OrderedEvents,
    weights: NDArray[np.int64],
    window: tuple[float, float] | None,
    counts: NDArray[np.int32],
) -> None:
    """Add the weights of events, by ``weights`` (spans,), to the ``counts`` (rows,) of their rows.

    An event counts if its time of flight is valid, and if its value v is low ≤ v < high, for
    ``window`` (low, high); None: any.
    """
    packing, parts = ordered.order.packing, ordered.order.parts
    narrow = weights.astype(np.int32)
    if window is None:
        count_pixels(ordered.events[ordered.odd.size :], packing, narrow, counts)
        valid = ordered.odd[(ordered.odd >> packing.tof_shift) & packing.tof_mask > 0]
        count_pixels(valid, packing, narrow, counts)
        return
    places = find_places(ordered.arrays, parts, np.array(window))
    (low_start, high_start), (low_end, high_end) = places.starts, places.ends
    count_pixels(ordered.events[low_end:high_start], packing, narrow, counts)
    for start, end in (
        (0, ordered.odd.size),
        (low_start, low_end),
        (max(high_start, low_end), high_end),
    ):
        doubtful, tables = ordered.events[start:end], ordered.order.values.tables
        count_pixels_between(doubtful, packing, tables, window, narrow, counts)
