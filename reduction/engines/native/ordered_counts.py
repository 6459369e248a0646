"""Counts the events of ordered blocks in the cells of a recipe, or by detector."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL
from reduction.engines.native.order_kernels import OrderedPiece, ValueParts
from reduction.engines.native.ordered_block import OrderedEvents
from reduction.engines.native.ordered_kernels import (
    CellTables,
    EdgePlaces,
    count_all,
    count_in_cells,
    count_pixels,
    count_pixels_between,
    count_unmasked,
    find_places,
)
from reduction.engines.native.packing import Packing, count_keys, unpack, unpack_keys
from reduction.instrument.selection import MASKED

UNPACKED_TOGETHER = 1 << 17
"""Events that are unpacked at once: so few that they stay in the second-level cache."""


@dataclass(frozen=True, eq=False)
class GroupTables:
    """Where events are counted by the ``group`` (rows,) of their detectors.

    ``group`` is as in `reduction.engines.native.compiled_recipe.CompiledRecipe`. A group has
    ``group_cells``, and a slice ``slice_cells`` with the special ones. Tables by row are made when
    they are first needed.
    """

    group: NDArray[np.int32]
    groups: int
    group_cells: int
    slice_cells: int

    @functools.cached_property
    def unmasked(self) -> NDArray[np.int8]:
        """1 for the rows whose events are counted in a group, 0 for others, (rows,)."""
        return (self.group >= 0).astype(np.int8)

    @functools.cached_property
    def any_masked(self) -> bool:
        """Whether any detector is masked."""
        return bool((self.group == MASKED).any())

    @functools.cached_property
    def of_row(self) -> NDArray[np.int32]:
        """As in `CellTables`; of events that have a value, only masked ones have no group."""
        masked = 2 * self.groups * self.group_cells
        counted = 2 * self.group_cells * self.group + 1
        return np.where(self.group >= 0, counted, masked).astype(np.int32)


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


def _places(piece: OrderedPiece, parts: ValueParts, edges: NDArray[np.float64]) -> EdgePlaces:
    """The places of the edges among the values that the parts of a piece have."""
    last = piece.first_part + piece.first_bucket.size - 1
    low = 0 if piece.first_part == 1 else int(np.searchsorted(edges, parts.low[piece.first_part]))
    high = edges.size if last == parts.scale.size else int(np.searchsorted(edges, parts.low[last]))
    starts, ends = np.empty((2, high - low), np.int64)
    find_places(piece, parts, edges[low:high], starts, ends)
    return EdgePlaces(edges, low, starts, ends)


def count_ordered(
    ordered: OrderedEvents,
    edges: NDArray[np.float64],
    tables: GroupTables,
    slices: NDArray[np.int32],
    cells: NDArray[np.int64],
) -> None:
    """Count all events that have a value in their ``cells``; ``slices`` (spans,) are of spans."""
    order = ordered.order
    placed = ((piece.events, _places(piece, order.parts, edges)) for piece in ordered.pieces)
    if tables.groups > 1 or slices[0] < 0 or (slices != slices[0]).any():
        of_cells = _cell_tables(tables, slices, cells.size)
        for events, places in placed:
            count_in_cells(events, order.packing, order.values.tables, places, of_cells, cells)
        return
    of_slice = cells[slices[0] * tables.slice_cells :][: tables.slice_cells]
    of_group = of_slice[: tables.group_cells]
    for events, places in placed:
        common = events, order.packing, order.values.tables, places
        if tables.any_masked:
            counted = count_unmasked(*common, tables.unmasked, of_group)
            of_slice[-SPECIAL] += events.size - counted
        else:
            count_all(*common, of_group)


def _cell_tables(tables: GroupTables, slices: NDArray[np.int32], cells: int) -> CellTables:
    """The tables of `count_in_cells` for spans in these ``slices``."""
    first = slices.astype(np.int64) * tables.slice_cells
    of_span = np.where(slices >= 0, first, cells - 1)
    return CellTables(tables.of_row, of_span, -(slices >= 0).astype(np.int64))


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
        for piece in ordered.pieces:
            count_pixels(piece.events, packing, narrow, counts)
        valid = ordered.odd[(ordered.odd >> packing.tof_shift) & packing.tof_mask > 0]
        count_pixels(valid, packing, narrow, counts)
        return
    doubtful = [ordered.odd]
    for piece in ordered.pieces:
        events, places = piece.events, _places(piece, parts, np.array(window))
        last = places.first + places.starts.size  # of the edges up to the end of the piece
        starts = np.pad(places.starts, (places.first, 2 - last), constant_values=(0, events.size))
        ends = np.pad(places.ends, (places.first, 2 - last), constant_values=(0, events.size))
        doubtful += [events[starts[0] : ends[0]], events[max(starts[1], ends[0]) : ends[1]]]
        count_pixels(events[ends[0] : starts[1]], packing, narrow, counts)
    for events in doubtful:
        tables = ordered.order.values.tables
        count_pixels_between(events, packing, tables, window, narrow, counts)
