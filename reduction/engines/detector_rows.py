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

TableT = TypeVar("TableT", bound=np.generic)


FIRST_ROW, FIRST_ID, RUN_LENGTH = range(3)
"""Columns of `SparseIds.buckets`."""


class SparseIds(NamedTuple):
    """A look-up of sparse ids: their range is cut into buckets of the same width, 2^``shift``."""

    ids: NDArray[np.int32]
    """All ids, ascending, (detectors,)."""

    buckets: NDArray[np.int32]
    """For each bucket the row and the id of the first detector in it, and how many there are,
    (buckets, 3). The number is negative if there are gaps between their ids."""

    shift: int
    """The binary logarithm of the width of a bucket."""

    @classmethod
    def of(cls, kept: NDArray[np.int32]) -> SparseIds:
        """The look-up of the ids ``kept`` (detectors,), which ascend."""
        ids = kept.astype(np.int64)
        width, shift = int(ids[-1] - ids[0]) + 1, 0
        while width >> shift > max(ids.size // IDS_IN_BUCKET, 1):
            shift += 1
        count = (width - 1 >> shift) + 1
        starts = np.searchsorted(ids, ids[0] + (np.arange(count + 1) << shift))
        numbers = np.diff(starts)
        first = ids[np.minimum(starts[:-1], ids.size - 1)]
        gaps = (numbers > 0) & (ids[starts[1:] - 1] - first + 1 != numbers)
        buckets = np.stack([starts[:-1], first, np.where(gaps, -numbers, numbers)], axis=1)
        return cls(kept, buckets.astype(np.int32), shift)

    def rows(self, pixel_id: NDArray[np.int32]) -> NDArray[np.int32]:
        """The row of each id, (n,) int32; the number of detectors for ids that are none."""
        found = np.empty(pixel_id.size, np.int32)
        _look_up(pixel_id, self.ids, self.buckets, self.shift, found)
        return found


@dataclass(frozen=True, eq=False)
class DetectorRows:
    """The rows of an instrument's detectors: ``of_detectors``, in its order, as an index.

    ``count`` is the number of rows, that for other ids included. ``first`` is what events keep as
    their id if they are in row 0. ``sparse`` is None if ids are dense.
    """

    of_detectors: NDArray[np.int32] | slice
    count: int
    first: int
    sparse: SparseIds | None

    @classmethod
    def of(cls, instrument: Instrument) -> DetectorRows:
        """The rows of the detectors of an instrument."""
        ids = instrument.detector_id
        first = int(ids.min())
        width = int(ids.max()) - first + 1
        if width <= max(DENSE_RANGE * ids.size, SMALL_RANGE):
            return cls(_index(ids - np.int32(first)), width + 1, first, None)
        if (ids[1:] > ids[:-1]).all():  # the look-up then shares the instrument's ids
            return cls(slice(ids.size), ids.size + 1, 0, SparseIds.of(instrument.detector_id))
        order = np.argsort(ids, kind="stable")
        rows = np.empty(ids.size, np.int32)
        rows[order] = np.arange(ids.size)
        return cls(_index(rows), ids.size + 1, 0, SparseIds.of(instrument.detector_id[order]))

    def kept(self, pixel_id: NDArray[np.int32]) -> NDArray[np.int32]:
        """What an engine keeps of the ids of events, (n,) int32: ids if dense, rows if sparse."""
        return pixel_id if self.sparse is None else self.sparse.rows(pixel_id)

    def table(
        self, values: NDArray[TableT], other: float, dtype: DTypeLike | None = None
    ) -> NDArray[TableT]:
        """A table (count,) with the ``values`` (detectors,) in their rows, else ``other``."""
        made = np.full(self.count, other, values.dtype if dtype is None else dtype)
        made[self.of_detectors] = values
        return made


def _index(rows: NDArray[np.int32]) -> NDArray[np.int32] | slice:
    """The ``rows`` (detectors,) as an index, which takes no memory if they just count up."""
    ascending = np.array_equal(rows, np.arange(rows.size, dtype=np.int32))
    return slice(rows.size) if ascending else rows


@numba.njit(cache=True, nogil=True)
def _look_up(
    pixel_id: NDArray[np.int32],
    ids: NDArray[np.int32],
    buckets: NDArray[np.int32],
    shift: int,
    found: NDArray[np.int32],
) -> None:
    """Put the row of each of ``pixel_id`` (n,) into ``found`` (n,); see `SparseIds`.

    Ids mostly come in runs without gaps: then one line of the cache says all. In a bucket with gaps
    the id is searched.
    """
    lowest = np.int64(ids[0])
    for i in range(pixel_id.size):
        wanted = np.int64(pixel_id[i])
        found[i] = ids.size
        bucket = (wanted - lowest) >> shift
        if bucket < 0 or bucket >= buckets.shape[0]:
            continue
        low, run = np.int64(buckets[bucket, FIRST_ROW]), np.int64(buckets[bucket, RUN_LENGTH])
        if run >= 0:
            after = wanted - np.int64(buckets[bucket, FIRST_ID])
            if 0 <= after < run:
                found[i] = low + after
            continue
        high = low - run
        while low < high:
            middle = (low + high) >> 1
            if ids[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low < ids.size and ids[low] == wanted:
            found[i] = low
