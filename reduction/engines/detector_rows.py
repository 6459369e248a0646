"""The row that a detector has in the tables of the engines, however far apart ids are.

If the ids of an instrument are dense, tables have a row for each id from the lowest to the highest,
and the compiled passes find the row of an event by a subtraction. If the ids are sparse, tables
have a row for each detector. Then the ids of events are looked up once, when the events come, and
an engine keeps rows in place of ids. Either way one more row, the last, is for all other ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numba
import numpy as np
from numpy.typing import DTypeLike, NDArray

from reduction.instrument.geometry import Instrument

DENSE_RANGE = 4
"""Ids are dense if their range is at most so many times the number of detectors …"""

SMALL_RANGE = 4096
"""… or at most this."""

IDS_IN_BUCKET = 4
"""Detectors for each bucket of a look-up, on average, or more."""

ScalarT = TypeVar("ScalarT", bound=np.generic)


class SparseIds(NamedTuple):
    """A look-up of sparse ids: their range is cut into buckets of the same width, 2^``shift``.

    Bucket b holds the ids from ``starts[b]`` to ``starts[b + 1]`` of the table ``ids``.
    """

    ids: NDArray[np.int32]
    """All ids, ascending, (detectors,)."""

    starts: NDArray[np.int32]
    """The place of the first id of each bucket, (buckets + 1,)."""

    shift: int
    """The binary logarithm of the width of a bucket."""

    def rows(self, pixel_id: NDArray[np.int32]) -> NDArray[np.int32]:
        """The row of each id, (n,) int32; the number of detectors for ids that are none."""
        found = np.empty(pixel_id.size, np.int32)
        _look_up(pixel_id, self.ids, self.starts, self.shift, found)
        return found


@dataclass(frozen=True, eq=False)
class DetectorRows:
    """The rows of an instrument's detectors: ``of_detectors`` (detectors,), in its order.

    ``count`` is the number of rows, that for other ids included. ``first`` is what events keep as
    their id if they are in row 0. ``sparse`` is None if ids are dense.
    """

    of_detectors: NDArray[np.int64]
    count: int
    first: int
    sparse: SparseIds | None

    @classmethod
    def of(cls, instrument: Instrument) -> DetectorRows:
        """The rows of the detectors of an instrument."""
        ids = instrument.detector_id.astype(np.int64)
        first, width = int(ids.min()), int(np.ptp(ids)) + 1
        if width <= max(DENSE_RANGE * ids.size, SMALL_RANGE):
            return cls(ids - first, width + 1, first, None)
        order = np.argsort(ids, kind="stable")
        rows = np.empty(ids.size, np.int64)
        rows[order] = np.arange(ids.size)
        return cls(rows, ids.size + 1, 0, _sparse_ids(ids[order], width))

    def kept(self, pixel_id: NDArray[np.int32]) -> NDArray[np.int32]:
        """What an engine keeps of the ids of events, (n,) int32: ids if dense, rows if sparse."""
        return pixel_id if self.sparse is None else self.sparse.rows(pixel_id)

    def table(
        self, values: NDArray[ScalarT], other: float, dtype: DTypeLike | None = None
    ) -> NDArray[ScalarT]:
        """A table (count,) with the ``values`` (detectors,) in their rows, else ``other``."""
        made = np.full(self.count, other, values.dtype if dtype is None else dtype)
        made[self.of_detectors] = values
        return made


def _sparse_ids(ids: NDArray[np.int64], width: int) -> SparseIds:
    """The look-up of ``ids`` (detectors,), which ascend and span ``width`` ids."""
    shift = 0
    while width >> shift > max(ids.size // IDS_IN_BUCKET, 1):
        shift += 1
    buckets = (width - 1 >> shift) + 1
    begins = ids[0] + (np.arange(buckets + 1) << shift)
    starts = np.searchsorted(ids, begins).astype(np.int32)
    return SparseIds(ids.astype(np.int32), starts, shift)


@numba.njit(cache=True, nogil=True)
def _look_up(
    pixel_id: NDArray[np.int32],
    ids: NDArray[np.int32],
    starts: NDArray[np.int32],
    shift: int,
    found: NDArray[np.int32],
) -> None:
    """Put the row of each of ``pixel_id`` (n,) into ``found`` (n,); see `SparseIds`.

    Ids mostly come in runs without gaps, so the first guess is that the ids of a bucket follow each
    other. If the guess is wrong, the bucket is searched.
    """
    first, buckets = np.int64(ids[0]), starts.size - 1
    for i in range(pixel_id.size):
        wanted = np.int64(pixel_id[i])
        found[i] = ids.size
        bucket = (wanted - first) >> shift
        if bucket < 0 or bucket >= buckets:
            continue
        low, high = np.int64(starts[bucket]), np.int64(starts[bucket + 1])
        if low == high:
            continue
        guess = low + wanted - ids[low]
        if low <= guess < high and ids[guess] == wanted:
            found[i] = guess
            continue
        while low < high:
            middle = (low + high) >> 1
            if ids[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low < ids.size and ids[low] == wanted:
            found[i] = low
