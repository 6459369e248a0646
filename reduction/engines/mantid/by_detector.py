"""Events of many pulses arranged by detector, as Mantid's workspaces have them."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

BAD_PIXEL_ROW, MONITOR_ROW = -1, -2
"""Rows of ids that the instrument has not, and of monitors."""


class EventsByDetector(NamedTuple):
    """Events by rows, and those that are in none of them.

    Row i has the events from ``ends[i]`` to ``ends[i + 1]`` (rows + 1,), at ``tof_us`` after the
    pulse at ``pulse_ns``, (good events,) each. ``counts`` (spans, 4) are numbers of events: all,
    those in rows, of bad pixels, and of monitors; ``bad_times`` (n, 2) are rows and spans of events
    of detectors at times that cannot be.
    """

    ends: NDArray[np.int64]
    tof_us: NDArray[np.float64]
    pulse_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    bad_times: NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def arrange_by_detector(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    starts: NDArray[np.int64],
    times_ns: NDArray[np.int64],
    first_id: int,
    row_of: NDArray[np.int32],
    rows: int,
    max_tof_ns: int,
) -> EventsByDetector:
    """Arrange events (n,), span i from ``starts[i]`` on and of the pulse at ``times_ns[i]``.

    ``row_of`` has the rows of ids in turn, from the first on.
    """
    spans = starts.size - 1
    ends = np.zeros(rows + 1, np.int64)
    counts = np.zeros((spans, 4), np.int64)
    row = np.empty(pixel_id.size, np.int32)
    for s in range(spans):
        for i in range(starts[s], starts[s + 1]):
            place = np.int64(pixel_id[i]) - first_id
            r = row_of[place] if 0 <= place < row_of.size else BAD_PIXEL_ROW
            if r == BAD_PIXEL_ROW:
                counts[s, 2] += 1
            elif r == MONITOR_ROW:
                counts[s, 3] += 1
            elif 0 < tof_ns[i] <= max_tof_ns:
                counts[s, 1] += 1
                ends[r + 1] += 1
            row[i] = r
        counts[s, 0] = starts[s + 1] - starts[s]
    ends = np.cumsum(ends)
    tof_us, pulse_ns = np.empty(ends[-1], np.float64), np.empty(ends[-1], np.int64)
    total = counts.sum(axis=0)
    bad_times = np.empty((2 * total[0] - total.sum(), 2), np.int64)
    at, bad = ends[:-1].copy(), 0
    for s in range(spans):
        for i in range(starts[s], starts[s + 1]):
            r = row[i]
            if r >= 0 and 0 < tof_ns[i] <= max_tof_ns:
                tof_us[at[r]] = tof_ns[i] / 1000.0
                pulse_ns[at[r]] = times_ns[s]
                at[r] += 1
            elif r >= 0:
                bad_times[bad, 0], bad_times[bad, 1] = r, s
                bad += 1
    return EventsByDetector(ends, tof_us, pulse_ns, counts, bad_times)


def row_table(ids: NDArray[np.int32], is_monitor: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The row of each id from the first to the last: detectors that are no monitors, in order."""
    first = int(ids.min())
    rows = np.full(int(ids.max()) - first + 1, BAD_PIXEL_ROW, np.int32)
    rows[ids - first] = np.where(is_monitor, MONITOR_ROW, np.cumsum(~is_monitor) - 1)
    return rows
