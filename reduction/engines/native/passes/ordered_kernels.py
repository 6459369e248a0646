"""Compiled functions that count events in the order of their values by cell or by detector.

They go on with what `reduction.engines.native.passes.edge_kernels` finds, and take arrays out of
tables before they loop as it does.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.edge_kernels import EdgePlaces, edges_not_above
from reduction.engines.native.passes.order_kernels import OrderedArrays
from reduction.engines.native.passes.packing import Packing, ValueTables, value_of_event

CELLS_TOGETHER = 256
"""Events whose cells are found before they are counted: events next to each other share cells."""


class CellTables(NamedTuple):
    """The cell of an event follows from its row, its span and its bin.

    For a row and a span it is ``of_row`` + ``of_span``. The bin is added, but for rows whose events
    are not binned: see `cell_of`.
    """

    of_row: NDArray[np.int32]
    """``coded_cell`` of `reduction.engines.native.passes.tables.DetectorTables`, (rows,)."""

    of_span: NDArray[np.int64]
    """The first cell of the slice of each span, (spans,); the last cell of all for no slice."""

    in_slice: NDArray[np.int64]
    """-1 for each span in a slice, 0 for others, (spans,): all bits of a cell, or none."""


class KeyTables(NamedTuple):
    """Cells for few kinds of events: the key of an event is ``of_row`` + ``of_span``.

    ``of_row`` is (rows,), ``of_span`` (spans,). Events of key k are counted in the cell
    ``first[k]``, to which their bin is added if ``binned[k]`` is 1 and not 0, (keys,) each.
    """

    of_row: NDArray[np.uint16]
    of_span: NDArray[np.uint16]
    first: NDArray[np.int64]
    binned: NDArray[np.int64]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_unmasked(
    ordered: OrderedArrays,
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
    events, edges, starts, ends = ordered.events, places.edges, places.starts, places.ends
    at, i, counted = np.int64(ordered.starts[0]), 0, np.int64(0)
    while True:
        until = starts[i] if i < starts.size else np.int64(events.size)
        number = np.int64(0)
        here = events[at:until]
        for j in range(here.size):
            number += unmasked[here[j] >> row_shift]
        cells[i] += number
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
            cells[edges_not_above(v, edges, low, i)] += unmasked[row]
            counted += unmasked[row]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_by_key(
    ordered: OrderedArrays,
    packing: Packing,
    tables: ValueTables,
    places: EdgePlaces,
    keys: KeyTables,
    cells: NDArray[np.int64],
) -> None:  # more than 40 lines: one nest of loops, which numba compiles together
    """Count each event in its cell, for a few groups and slices.

    The events of a bin are counted by their keys first, in four tables in turn: to add to a number
    that was just added to would take longer.
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    span_mask = packing.span_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    events, edges, starts, ends = ordered.events, places.edges, places.starts, places.ends
    of_row, of_span, first, binned = keys.of_row, keys.of_span, keys.first, keys.binned
    count_0, count_1, count_2, count_3 = np.zeros((4, first.size), np.int32)
    at, i = np.int64(ordered.starts[0]), 0
    while True:
        until = starts[i] if i < starts.size else np.int64(events.size)
        here = events[at:until]
        fours = here.size // 4 * 4
        for j in range(0, fours, 4):
            a, b, c, d = here[j], here[j + 1], here[j + 2], here[j + 3]
            count_0[of_row[a >> row_shift] + of_span[a & span_mask]] += 1
            count_1[of_row[b >> row_shift] + of_span[b & span_mask]] += 1
            count_2[of_row[c >> row_shift] + of_span[c & span_mask]] += 1
            count_3[of_row[d >> row_shift] + of_span[d & span_mask]] += 1
        for j in range(fours, here.size):
            count_0[of_row[here[j] >> row_shift] + of_span[here[j] & span_mask]] += 1
        for k in range(first.size):
            cells[first[k] + i * binned[k]] += count_0[k] + count_1[k] + count_2[k] + count_3[k]
            count_0[k] = count_1[k] = count_2[k] = count_3[k] = 0
        if i == starts.size:
            return
        low, at = i, ends[i]
        while i < starts.size and ends[i] == at:
            i += 1
        here = events[until:at]
        for j in range(here.size):
            row = here[j] >> row_shift
            tof_ns = np.int32((here[j] >> tof_shift) & tof_mask)
            v = value_of_event(tof_ns, row, coefficient, exponent, curved)
            k = of_row[row] + of_span[here[j] & span_mask]
            cells[first[k] + edges_not_above(v, edges, low, i) * binned[k]] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_in_cells(
    ordered: OrderedArrays,
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
    events, edges, starts, ends = ordered.events, places.edges, places.starts, places.ends
    of_row, of_span, in_slice = of_cells.of_row, of_cells.of_span, of_cells.in_slice
    cell = np.empty(CELLS_TOGETHER, np.int64)
    at, i = np.int64(ordered.starts[0]), 0
    while True:
        until = starts[i] if i < starts.size else np.int64(events.size)
        for start in range(at, until, CELLS_TOGETHER):
            here = events[start : min(start + CELLS_TOGETHER, until)]
            for j in range(here.size):
                row, span = of_row[here[j] >> row_shift], here[j] & span_mask
                cell[j] = cell_of(row, of_span[span], in_slice[span], i)
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
            k = edges_not_above(v, edges, low, i)
            row, span = of_row[detector], here[j] & span_mask
            cells[cell_of(row, of_span[span], in_slice[span], k)] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def cell_of(of_row: int, of_span: int, in_slice: int, i: int) -> int:
    """The cell of an event, where its value is in cell ``i`` of its group; see `CellTables`."""
    return of_span + (((of_row >> 1) + (i & -(of_row & 1))) & in_slice)


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
