"""Compiled functions that find where edges lie among events in the order of their values.

The place of an edge follows from its bucket, by arithmetic. Only events of that bucket are compared
with it. All events between two such buckets are in the same bin, without a look at their values.
`reduction.engines.native.passes.order_kernels` explains parts and buckets.

The functions take the arrays of a table out of it before they loop: numba counts references to what
is taken out of a NamedTuple within a loop, which is slower than the loop.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.order_kernels import (
    EVENTS_IN_BUCKET,
    OrderedArrays,
    ValueParts,
    bucket_in_part,
    part_of,
)
from reduction.engines.native.passes.packing import Packing, ValueTables, value_of_event
from reduction.engines.native.passes.tables import CurvedCalibration

EVENTS_IN_LINE = 8
"""Events in a line of the cache."""

LINES_READ = 1 + EVENTS_IN_BUCKET // EVENTS_IN_LINE
"""Lines that most buckets are in."""

READ_TOGETHER = 512
"""Buckets that are read at once: so few that they stay in the second-level cache."""

NEAR = 1e-13
"""Two numbers that differ by less than this share of them may be equal but for rounding."""


class EdgePlaces(NamedTuple):
    """Where ``edges`` lie among events in the order of their values.

    Edge i has the bucket from ``starts[i]`` to ``ends[i]``, (edges,) int64: all events before it
    are below the edge, none after it is.
    """

    edges: NDArray[np.float64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_places(
    ordered: OrderedArrays, parts: ValueParts, edges: NDArray[np.float64]
) -> EdgePlaces:
    """The places of ``edges`` (n,) among events that are in the order of these parts."""
    first_bucket, bucket_starts = ordered.first_bucket, ordered.starts
    pattern_parts, first_bits, dropped = (
        parts.part_of_pattern,
        parts.first_bits,
        parts.dropped_bits,
    )
    low, scale = parts.low, parts.scale
    starts, ends = np.empty(edges.size, np.int64), np.empty(edges.size, np.int64)
    for i in range(edges.size):
        part = np.int64(part_of(edges[i], pattern_parts, first_bits, dropped))
        bucket = int(first_bucket[part])
        buckets = int(first_bucket[part + 1]) - bucket
        starts[i] = bucket + bucket_in_part(edges[i], low[part], scale[part], buckets)
    for i in range(edges.size):
        bucket = starts[i]
        starts[i], ends[i] = bucket_starts[bucket], bucket_starts[bucket + 1]
    return EdgePlaces(edges, starts, ends)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def read_ahead(events: NDArray[np.uint64], starts: NDArray[np.int64], first: int) -> np.uint64:
    """Read the buckets that begin at ``starts[first]`` and the next `READ_TOGETHER` of ``starts``.

    Afterwards they are in the cache. The processor waits for the memory of many of them at once
    here, but for that of one after another where their events are compared. The number that is
    returned is of no use, but that the events have been read.
    """
    read, last = np.uint64(0), events.size - 1
    for start in starts[first : first + READ_TOGETHER]:
        for line in range(LINES_READ):
            read ^= events[min(start + line * EVENTS_IN_LINE, last)]
    return read


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_all(
    ordered: OrderedArrays,
    packing: Packing,
    tables: ValueTables,
    places: EdgePlaces,
    cells: NDArray[np.int64],
) -> np.uint64:  # more than 40 lines: one nest of loops, which numba compiles together
    """Add the number of events in each bin to ``cells`` (bins + 2,), of one group in one slice.

    If there are several edges in a bucket, each of its events is searched among them: so bins cost
    no more than a pass over the events, however few of them the buckets tell apart. The number that
    is returned is of no use.
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    events, edges, starts, ends = ordered.events, places.edges, places.starts, places.ends
    before, i = np.int64(ordered.starts[0]), 0
    ahead, read = 0, np.uint64(0)
    while i < starts.size:
        if i >= ahead:
            read ^= read_ahead(events, starts, i)
            ahead = i + READ_TOGETHER
        low, start, end = i, starts[i], ends[i]
        here = events[start:end]
        i += 1
        while i < starts.size and ends[i] == end:
            i += 1
        if i == low + 1:
            below = start + count_below(
                here, edges[low], row_shift, tof_shift, tof_mask, coefficient, exponent, curved
            )
            cells[low] += below - before
            before = below
            continue
        cells[low] += start - before
        for j in range(here.size):
            row = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, row, coefficient, exponent, curved)
            cells[edges_not_above(v, edges, low, i)] += 1
        before = end
    cells[starts.size] += events.size - before
    return read


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def count_below(
    events: NDArray[np.uint64],
    edge: float,
    row_shift: np.uint64,
    tof_shift: np.uint64,
    tof_mask: np.uint64,
    coefficient: NDArray[np.float64],
    exponent: int,
    curved: CurvedCalibration | None,
) -> np.int64:
    """How many of ``events`` (n,) have a value v < ``edge``; all have one > 0.

    Without a curved calibration the time of flight of each is compared with the one at which its
    detector has the value ``edge``, which takes no division. If one is so near to it that rounding
    may tell, the values are computed.
    """
    below, below_or_near = np.int64(0), np.int64(0)
    if curved is None and edge > 0.0:
        factor = 1e3 * edge if exponent == 1 else (1e3 if exponent == -1 else 1e6) / edge
        for j in range(events.size):
            time = np.float64(np.int32((events[j] >> tof_shift) & tof_mask))
            power = time * time if exponent == -2 else time
            at_edge = coefficient[events[j] >> row_shift] * factor
            below += np.int64(power < at_edge * (1.0 - NEAR))
            below_or_near += np.int64(power <= at_edge * (1.0 + NEAR))
        if exponent != 1:
            below, below_or_near = events.size - below_or_near, events.size - below
    if below != below_or_near or curved is not None:
        below = np.int64(0)
        for j in range(events.size):
            row = events[j] >> row_shift
            tof_ns = np.int32((events[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, row, coefficient, exponent, curved)
            below += np.int64(v < edge)
    return below


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
