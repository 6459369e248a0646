"""Arranges the events of many pulses by detector, as Mantid's workspaces have them."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.detector_rows import DetectorRows

BAD_PIXEL_ROW, MONITOR_ROW = -1, -2
"""Values in place of a row: for ids that the instrument does not have, and for monitors."""


ALL, VALID, BAD_PIXELS, MONITORS = range(4)
"""Columns of `EventsByDetector.counts`."""


class EventsByDetector(NamedTuple):
    """Valid events in rows, one row for each detector, and the numbers of all other events."""

    starts: NDArray[np.int64]
    """Row i has the valid events from ``starts[i]`` to ``starts[i + 1]``, (rows + 1,)."""

    tof_us: NDArray[np.float64]
    """Time of flight of each valid event, (valid events,)."""

    pulse_ns: NDArray[np.int64]
    """Pulse time of each valid event, (valid events,)."""

    counts: NDArray[np.int64]
    """For each span its `ALL`, `VALID`, `BAD_PIXELS` and `MONITORS` events, (spans, 4)."""

    bad_times: NDArray[np.int64]
    """Row and span of each event of a detector whose time of flight is out of bounds, (n, 2)."""


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
) -> EventsByDetector:  # more than 40 lines: two passes that numba compiles as one function
    """Arrange events (n,) by detector.

    Span i begins at event ``starts[i]``, (spans + 1,), and is of the pulse at ``times_ns[i]``,
    (spans,). ``row_of`` has the row of events that keep ``first_id``, ``first_id`` + 1, …, see
    `row_table`.
    """
    spans = starts.size - 1
    row_starts = np.zeros(rows + 1, np.int64)
    counts = np.zeros((spans, 4), np.int64)
    row = np.empty(pixel_id.size, np.int32)
    for s in range(spans):
        for i in range(starts[s], starts[s + 1]):
            place = np.int64(pixel_id[i]) - first_id
            r = row_of[place] if 0 <= place < row_of.size else BAD_PIXEL_ROW
            if r == BAD_PIXEL_ROW:
                counts[s, BAD_PIXELS] += 1
            elif r == MONITOR_ROW:
                counts[s, MONITORS] += 1
            elif 0 < tof_ns[i] <= max_tof_ns:
                counts[s, VALID] += 1
                row_starts[r + 1] += 1
            row[i] = r
        counts[s, ALL] = starts[s + 1] - starts[s]
    row_starts = np.cumsum(row_starts)
    valid = row_starts[-1]
    tof_us, pulse_ns = np.empty(valid, np.float64), np.empty(valid, np.int64)
    total = counts.sum(axis=0)
    bad_times = np.empty((2 * total[0] - total.sum(), 2), np.int64)
    at, bad = row_starts[:-1].copy(), 0
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
    return EventsByDetector(row_starts, tof_us, pulse_ns, counts, bad_times)


def row_table(rows: DetectorRows, is_monitor: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The row in workspaces of each row in the tables of an engine, (rows,) int32.

    In workspaces the detectors are in their order; monitors have no row.
    """
    return rows.table(
        np.where(is_monitor, MONITOR_ROW, np.cumsum(~is_monitor) - 1), BAD_PIXEL_ROW, np.int32
    )
