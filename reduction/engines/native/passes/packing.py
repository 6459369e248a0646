"""An event in 64 bits: the row of its detector, its time of flight, and the span that it is in."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.kernels import time_or_d, value_of_time
from reduction.engines.native.passes.tables import CurvedCalibration

BITS = 64


class Packing(NamedTuple):
    """Where the parts of an event lie in 64 bits: row, time of flight in ns, span.

    A time of flight out of bounds becomes 0, since nothing but that is asked of it. Rows are those
    of `reduction.engines.detector_rows`, the last one for ids that the instrument does not have.
    """

    row_shift: np.uint64
    tof_shift: np.uint64
    tof_mask: np.uint64
    span_mask: np.uint64

    @classmethod
    def of(cls, rows: int, max_tof_ns: int) -> Packing:
        """The packing for so many rows and times of flight; spans get the bits that are left."""
        tof_bits = max_tof_ns.bit_length()
        span_bits = BITS - (rows - 1).bit_length() - tof_bits
        return cls(
            np.uint64(span_bits + tof_bits),
            np.uint64(span_bits),
            np.uint64((1 << tof_bits) - 1),
            np.uint64((1 << span_bits) - 1),
        )

    @property
    def most_spans(self) -> int:
        """How many spans can be told from each other."""
        return int(self.span_mask) + 1


class ValueTables(NamedTuple):
    """How the value of an event follows from its row and its time of flight.

    As in `reduction.engines.native.passes.tables.DetectorTables`, which share them. The coefficient
    is NaN for monitors, and for detectors that have no value in the unit; masked ones have one.
    """

    tof_exponent: int
    coefficient: NDArray[np.float64]
    curved: CurvedCalibration | None


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def value_of_event(
    tof_ns: np.int32,
    row: np.uint64,
    coefficient: NDArray[np.float64],
    exponent: int,
    curved: CurvedCalibration | None,
) -> float:
    """The value of an event by `ValueTables`, the same as in the passes over raw events."""
    return value_of_time(time_or_d(tof_ns, np.uint32(row), curved), coefficient[row], exponent)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pack(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    first_span: int,
    first_id: np.int32,
    last_row: np.uint32,
    max_tof_ns: np.uint32,
    packing: Packing,
    events: NDArray[np.uint64],
) -> None:
    """Pack events (n,) into ``events`` (n,); span s of them becomes span ``first_span`` + s.

    ``bounds`` (spans + 1,) are as in `reduction.engines.native.passes.kernels.uniform_pass`,
    ``first_id`` and ``max_tof_ns`` as in `reduction.engines.native.passes.tables.DetectorTables`.
    """
    row_shift, tof_shift = packing.row_shift, packing.tof_shift
    for s in range(bounds.size - 1):
        span = np.uint64(first_span + s)
        pixels, times = pixel_id[bounds[s] : bounds[s + 1]], tof_ns[bounds[s] : bounds[s + 1]]
        packed = events[bounds[s] : bounds[s + 1]]
        for j in range(pixels.size):
            row = np.uint64(min(np.uint32(pixels[j] - first_id), last_row))
            valid = np.uint32(times[j] - 1) < max_tof_ns
            time = np.uint64(np.uint32(times[j]) if valid else np.uint32(0))
            packed[j] = (row << row_shift) | (time << tof_shift) | span


@numba.njit(cache=True, nogil=True, error_model="numpy")
def unpack(
    events: NDArray[np.uint64],
    packing: Packing,
    first_id: np.int32,
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
) -> None:
    """Unpack events (n,) into ``pixel_id`` and ``tof_ns`` (n,)."""
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    for j in range(events.size):
        pixel_id[j] = np.int32(events[j] >> row_shift) + first_id
        tof_ns[j] = np.int32((events[j] >> tof_shift) & tof_mask)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_keys(
    events: NDArray[np.uint64],
    packing: Packing,
    key_of_span: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add the numbers of events of each key to ``counts`` (keys,); ``key_of_span`` is (spans,)."""
    span_mask = packing.span_mask
    for j in range(events.size):
        counts[key_of_span[events[j] & span_mask]] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def unpack_keys(
    events: NDArray[np.uint64],
    packing: Packing,
    first_id: np.int32,
    key_of_span: NDArray[np.int32],
    at: NDArray[np.int64],
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
) -> None:
    """Unpack events (n,) key by key, from ``at`` (keys,) on, which is moved on.

    ``key_of_span`` is (spans,).
    """
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    span_mask = packing.span_mask
    for j in range(events.size):
        key = key_of_span[events[j] & span_mask]
        i = at[key]
        at[key] = i + 1
        pixel_id[i] = np.int32(events[j] >> row_shift) + first_id
        tof_ns[i] = np.int32((events[j] >> tof_shift) & tof_mask)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def packed_values(
    events: NDArray[np.uint64], packing: Packing, tables: ValueTables, values: NDArray[np.float64]
) -> None:
    """Put the values of ``events`` (n,) into ``values`` (n,); NaN at times out of bounds."""
    row_shift, tof_shift, tof_mask = packing.row_shift, packing.tof_shift, packing.tof_mask
    coefficient, exponent, curved = tables.coefficient, tables.tof_exponent, tables.curved
    for j in range(events.size):
        row = events[j] >> row_shift
        tof_ns = np.int32((events[j] >> tof_shift) & tof_mask)
        v = value_of_event(tof_ns, row, coefficient, exponent, curved)
        values[j] = v if tof_ns else np.nan
