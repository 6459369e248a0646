"""Compiled functions that put packed events into the order of their values.

Values are cut into parts by their leading bits, so that each part has about as many events. A part
is cut into buckets of the same width. Events are in the order of their buckets, and in no order
within a bucket. So a value is found by arithmetic and a look at the few events of its bucket, and
events are put in order without comparing them with each other.

Part 0 is for events without a positive value: of monitors, of ids that the instrument does not
have, at times of flight out of bounds. They are in no order.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.kernels import time_or_d, value_of_time
from reduction.engines.native.passes.packing import Packing, ValueTables

BATCH = 2048
"""Events per inner loop: so few that their numbers stay in the first-level cache."""

EVENTS_IN_BUCKET = 8
"""Events for each bucket of a part, on average."""


class ValueParts(NamedTuple):
    """How values are cut into parts. The leading bits of a positive float64 rise with it.

    Part p has the values from ``low[p]`` to ``low[p + 1]``, and the first and the last one also
    those that are lower and higher; ``low`` (parts + 1,). ``scale`` (parts,) is one over the width
    of a part. Both are 0 for part 0.
    """

    part_of_pattern: NDArray[np.uint16]
    """The part of each pattern of leading bits, from the first one on."""

    first_bits: int
    """The first pattern of leading bits."""

    dropped_bits: int
    """How many trailing bits of a float64 are not part of the pattern."""

    low: NDArray[np.float64]
    scale: NDArray[np.float64]


class OrderedArrays(NamedTuple):
    """Packed events, (n,) uint64, part by part, in the order of their values.

    Part p has the buckets from ``first_bucket[p]`` to ``first_bucket[p + 1]``, (parts + 1,) int32;
    part 0 has none. Bucket b has the events from ``starts[b]`` to ``starts[b + 1]``,
    (buckets + 1,) int32. The events of part 0 are before those of the first bucket.
    """

    events: NDArray[np.uint64]
    first_bucket: NDArray[np.int32]
    starts: NDArray[np.int32]


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def part_of(
    v: float, part_of_pattern: NDArray[np.uint16], first_bits: int, dropped_bits: int
) -> np.uint16:
    """The part of a positive value, by the fields of `ValueParts`; the lowest part for others."""
    pattern = (np.float64(v).view(np.int64) >> dropped_bits) - first_bits
    last = np.int64(part_of_pattern.size - 1)
    return part_of_pattern[min(max(pattern, np.int64(0)), last)]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def bucket_in_part(v: float, low: float, scale: float, buckets: int) -> np.int32:
    """The bucket of a value in its part. It never falls as the value rises: rounding does not."""
    return np.int32(min(max((v - low) * scale * buckets, 0.0), buckets - 1.0))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_parts(
    events: NDArray[np.uint64],
    packing: Packing,
    tables: ValueTables,
    parts: ValueParts,
    part: NDArray[np.uint16],
    counts: NDArray[np.int64],
) -> None:
    """Put the part of each of the ``events`` (n,) into ``part`` (n,), and add up ``counts``."""
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    pattern_parts, first_bits, dropped = (
        parts.part_of_pattern,
        parts.first_bits,
        parts.dropped_bits,
    )
    value, per_time = np.empty(BATCH), np.empty(BATCH)
    for start in range(0, events.size, BATCH):
        here, found = events[start : start + BATCH], part[start : start + BATCH]
        for j in range(here.size):
            row = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            per_time[j] = coefficient[row] if tof_ns else np.nan
            value[j] = time_or_d(tof_ns, row, curved)
        for j in range(here.size):
            value[j] = value_of_time(value[j], per_time[j], exponent)
        for j in range(here.size):
            p = part_of(value[j], pattern_parts, first_bits, dropped)
            p = p if value[j] > 0.0 else np.uint16(0)
            found[j] = p
            counts[p] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def scatter(
    events: NDArray[np.uint64],
    part: NDArray[np.uint16],
    at: NDArray[np.int64],
    ordered: NDArray[np.uint64],
) -> None:
    """Put events (n,) into ``ordered`` (n,) part by part; ``at`` (parts,) is where each begins."""
    for j in range(events.size):
        p = part[j]
        ordered[at[p]] = events[j]
        at[p] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def copy_parts(
    source: NDArray[np.uint64],
    starts: NDArray[np.int64],
    more_spans: np.uint64,
    at: NDArray[np.int64],
    events: NDArray[np.uint64],
) -> None:
    """Copy parts into ``events``, with ``more_spans`` added to the number of their span.

    Part p is from ``starts[p]`` to ``starts[p + 1]``, (parts + 1,). It goes to ``at[p]``, (parts,),
    which is moved on by its length.
    """
    for p in range(at.size):
        here = source[starts[p] : starts[p + 1]]
        there = events[at[p] : at[p] + here.size]
        for j in range(here.size):
            there[j] = here[j] + more_spans
        at[p] += here.size


@numba.njit(cache=True, nogil=True, error_model="numpy")
def order_parts(
    ordered: OrderedArrays,
    part_starts: NDArray[np.int64],
    packing: Packing,
    tables: ValueTables,
    parts: ValueParts,
) -> None:  # more than 40 lines: one nest of loops, which numba compiles together
    """Put the events of each part in the order of their buckets, and fill their ``starts``.

    Part p is from ``part_starts[p]`` to ``part_starts[p + 1]``, (parts + 1,).
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    lows, scales = parts.low, parts.scale
    all_events, first_bucket, starts = ordered.events, ordered.first_bucket, ordered.starts
    longest = np.diff(part_starts[1:]).max()
    copy, bucket = np.empty(longest, np.uint64), np.empty(longest, np.int32)
    value, per_time = np.empty(BATCH), np.empty(BATCH)
    starts[0] = part_starts[1]
    for p in range(1, part_starts.size - 1):
        events = all_events[part_starts[p] : part_starts[p + 1]]
        low, scale = lows[p], scales[p]
        buckets = int(first_bucket[p + 1] - first_bucket[p])
        ends = starts[first_bucket[p] + 1 : first_bucket[p + 1] + 1]
        ends[:] = 0
        for start in range(0, events.size, BATCH):
            here = events[start : start + BATCH]
            found = bucket[start : start + BATCH]
            for j in range(here.size):
                row = here[j] >> row_shift
                tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
                per_time[j] = coefficient[row]
                value[j] = time_or_d(tof_ns, row, curved)
            for j in range(here.size):
                v = value_of_time(value[j], per_time[j], exponent)
                found[j] = bucket_in_part(v, low, scale, buckets)
            for j in range(here.size):
                ends[found[j]] += 1
        place = np.int32(0)
        for b in range(buckets):
            size = ends[b]
            ends[b] = place
            place += size
        for j in range(events.size):
            b = bucket[j]
            copy[ends[b]] = events[j]
            ends[b] += 1
        for j in range(events.size):
            events[j] = copy[j]
        for b in range(buckets):
            ends[b] += part_starts[p]
