"""Compiled functions that count events in the order of their values, between edges.

Where an edge lies among the events of a piece follows from its bucket, by arithmetic. Only events
of that bucket are compared with it. All events between two such buckets are in the same bin,
without a look at their values. `reduction.engines.native.order_kernels` explains parts and buckets.

The functions take the arrays of a table out of it before they loop: numba counts references to what
is taken out of a NamedTuple within a loop, which is slower than the loop.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.order_kernels import (
    EVENTS_IN_BUCKET,
    OrderedPiece,
    ValueParts,
    bucket_in_part,
    part_of,
)
from reduction.engines.native.packing import Packing, ValueTables, value_of_event

EVENTS_IN_LINE = 8
"""Events in a line of the cache."""

CELLS_TOGETHER = 256
"""Events whose cells are found before they are counted: events next to each other share cells."""

LINES_TOUCHED = 1 + EVENTS_IN_BUCKET // EVENTS_IN_LINE
"""Lines that most buckets are in."""


class EdgePlaces(NamedTuple):
    """Where edges lie among the events of a piece.

    Edge ``first`` + i has the bucket from ``starts[i]`` to ``ends[i]``, (edges,) int64: all events
    before it are below the edge, none after it is.
    """

    edges: NDArray[np.float64]
    first: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


class CellTables(NamedTuple):
    """The cell of an event follows from its row, its span and its bin.

    For a row and a span it is ``of_row`` + ``of_span``. The bin is added, but for rows whose events
    are not binned: see `cell_of`.
    """

    of_row: NDArray[np.int32]
    """Twice the first cell of a row's group in a slice, plus 1; or twice the cell for masked."""

    of_span: NDArray[np.int64]
    """The first cell of the slice of each span, (spans,); the last cell of all for no slice."""

    in_slice: NDArray[np.int64]
    """-1 for each span in a slice, 0 for others, (spans,): all bits of a cell, or none."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_places(
    piece: OrderedPiece,
    parts: ValueParts,
    edges: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> np.uint64:
    """Fill the places of ``edges`` (n,) among the events of a piece, which has their parts.

    The events of their buckets are in the cache afterwards: the processor waits for the memory of
    many edges at once here, but for that of one after another where events are compared. What is
    returned is of no use, but that the events have been read.
    """
    events = piece.events
    first_bucket, bucket_starts, first_part = piece.first_bucket, piece.starts, piece.first_part
    pattern_parts, first_bits, dropped = (
        parts.part_of_pattern,
        parts.first_bits,
        parts.dropped_bits,
    )
    low, scale = parts.low, parts.scale
    for i in range(edges.size):
        part = np.int64(part_of(edges[i], pattern_parts, first_bits, dropped))
        bucket = int(first_bucket[part - first_part])
        buckets = int(first_bucket[part - first_part + 1]) - bucket
        starts[i] = bucket + bucket_in_part(edges[i], low[part], scale[part], buckets)
    for i in range(edges.size):
        bucket = starts[i]
        starts[i], ends[i] = bucket_starts[bucket], bucket_starts[bucket + 1]
    touched = np.uint64(0)
    last = events.size - 1
    for i in range(edges.size):
        for line in range(LINES_TOUCHED):
            touched ^= events[min(starts[i] + line * EVENTS_IN_LINE, last)]
    return touched


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_all(
    events: NDArray[np.uint64],
    packing: Packing,
    tables: ValueTables,
    places: EdgePlaces,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, which numba compiles together
    """Add the number of events in each bin to ``cells`` (bins + 2,), of one group in one slice.

    If there are several edges in a bucket, each of its events is searched among them: so bins cost
    no more than a pass over the events, however few of them the buckets tell apart.
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    edges, starts, ends, first = places.edges, places.starts, places.ends, places.first
    before, i = np.int64(0), 0
    while i < starts.size:
        low, start, end = i, starts[i], ends[i]
        here = events[start:end]
        i += 1
        while i < starts.size and ends[i] == end:
            i += 1
        if i == low + 1:
            x, below = edges[first + low], start
            for j in range(here.size):
                row = here[j] >> row_shift
                tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
                below += np.int64(value_of_event(tof_ns, row, coefficient, exponent, curved) < x)
            cells[first + low] += below - before
            before = below
            continue
        cells[first + low] += start - before
        for j in range(here.size):
            row = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, row, coefficient, exponent, curved)
            cells[edges_not_above(v, edges, first + low, first + i)] += 1
        before = end
    cells[first + starts.size] += events.size - before


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_unmasked(
    events: NDArray[np.uint64],
    packing: Packing,
    tables: ValueTables,
    places: EdgePlaces,
    unmasked: NDArray[np.int8],
    cells: NDArray[np.int64],
) -> int:
    """As `count_all`, but only events of rows that are 1 in ``unmasked`` (rows,); how many are.

    Others are 0 there.
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    edges, starts, ends, first = places.edges, places.starts, places.ends, places.first
    at, i, counted = np.int64(0), 0, np.int64(0)
    while True:
        until = starts[i] if i < starts.size else np.int64(events.size)
        number = np.int64(0)
        here = events[at:until]
        for j in range(here.size):
            number += unmasked[here[j] >> row_shift]
        cells[first + i] += number
        counted += number
        if i == starts.size:
            return int(counted)
        low, at = i, ends[i]
        while i < starts.size and ends[i] == at:
            i += 1
        here = events[until:at]
        for j in range(here.size):
            row = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, row, coefficient, exponent, curved)
            k = edges_not_above(v, edges, first + low, first + i)
            cells[k] += unmasked[row]
            counted += unmasked[row]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_in_cells(
    events: NDArray[np.uint64],
    packing: Packing,
    tables: ValueTables,
    places: EdgePlaces,
    of_cells: CellTables,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, which numba compiles together
    """Count each event in its cell, for any groups and slices."""
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    span_mask = packing.span_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    edges, starts, ends, first = places.edges, places.starts, places.ends, places.first
    of_row, of_span, in_slice = of_cells.of_row, of_cells.of_span, of_cells.in_slice
    cell = np.empty(CELLS_TOGETHER, np.int64)
    at, i = np.int64(0), 0
    while True:
        until = starts[i] if i < starts.size else np.int64(events.size)
        for start in range(at, until, CELLS_TOGETHER):
            here = events[start : min(start + CELLS_TOGETHER, until)]
            for j in range(here.size):
                row, span = of_row[here[j] >> row_shift], here[j] & span_mask
                cell[j] = cell_of(row, of_span[span], in_slice[span], first + i)
            for j in range(here.size):
                cells[cell[j]] += 1
        if i == starts.size:
            return
        low, at = i, ends[i]
        while i < starts.size and ends[i] == at:
            i += 1
        here = events[until:at]
        for j in range(here.size):
            detector = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, detector, coefficient, exponent, curved)
            k = edges_not_above(v, edges, first + low, first + i)
            row, span = of_row[detector], here[j] & span_mask
            cells[cell_of(row, of_span[span], in_slice[span], k)] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def cell_of(of_row: int, of_span: int, in_slice: int, i: int) -> int:
    """The cell of an event, where its value is in cell ``i`` of its group; see `CellTables`."""
    return of_span + (((of_row >> 1) + (i & -(of_row & 1))) & in_slice)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def edges_not_above(v: float, edges: NDArray[np.float64], low: int, high: int) -> int:
    """How many edges are ≤ v, if all before ``low`` are and none from ``high`` on is."""
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= v:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_pixels(
    events: NDArray[np.uint64],
    packing: Packing,
    weights: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Add the weight of its span, (spans,), to the count of each event's row, (rows,)."""
    row_shift, span_mask = packing.row_shift, packing.span_mask
    for j in range(events.size):
        counts[events[j] >> row_shift] += weights[events[j] & span_mask]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_pixels_between(
    events: NDArray[np.uint64],
    packing: Packing,
    tables: ValueTables,
    window: tuple[float, float],
    weights: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """As `count_pixels`, but only for events with a value v in ``window``: low ≤ v < high."""
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    for j in range(events.size):
        row = events[j] >> row_shift
        tof_ns = np.int32((events[j] >> tof_shift) & tof_mask)
        v = value_of_event(tof_ns, row, coefficient, exponent, curved)
        if tof_ns and window[0] <= v < window[1]:
            counts[row] += weights[events[j] & packing.span_mask]
