"""The compiled passes over raw events that count the events of each detector."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.native.passes.kernels import time_or_d, value_of_time
from reduction.engines.native.passes.tables import CurvedCalibration, DetectorTables


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pixel_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    special: int,
    counts: NDArray[np.int32],
) -> None:
    """Add the weight of its span to the count of each event's detector, ``counts`` (rows,).

    Events and ``bounds`` are as in `reduction.engines.native.passes.kernels.uniform_pass`;
    ``weights`` are (spans,). An event counts if it is of a group, not in a ``special`` cell of a
    slice or one after it, and its time of flight is valid.
    """
    first_id, limit = detectors.first_id, detectors.max_tof_ns
    coded_cell = detectors.coded_cell
    ids = np.uint32(coded_cell.size - 1)
    for s in range(weights.size):
        weight = np.int32(weights[s])
        if weight == 0:
            continue
        pixels, times = pixel_id[bounds[s] : bounds[s + 1]], tof_ns[bounds[s] : bounds[s + 1]]
        for j in range(pixels.size):
            k = min(np.uint32(pixels[j] - first_id), ids)
            if coded_cell[k] >> 1 < special and np.uint32(times[j] - 1) < limit:
                counts[k] += weight


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pixel_window_pass(
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
    bounds: NDArray[np.int64],
    weights: NDArray[np.int64],
    detectors: DetectorTables,
    curved: CurvedCalibration | None,
    low: float,
    high: float,
    counts: NDArray[np.int32],
) -> None:
    """As `pixel_pass`, but an event counts only if its value v is ``low`` ≤ v < ``high``."""
    first_id, limit, exponent = detectors.first_id, detectors.max_tof_ns, detectors.tof_exponent
    coefficient, coded_cell = detectors.coefficient, detectors.coded_cell
    ids = np.uint32(coefficient.size - 1)
    for s in range(weights.size):
        weight = np.int32(weights[s])
        if weight == 0:
            continue
        pixels, times = pixel_id[bounds[s] : bounds[s + 1]], tof_ns[bounds[s] : bounds[s + 1]]
        for j in range(pixels.size):
            k = min(np.uint32(pixels[j] - first_id), ids)
            if coded_cell[k] & 1 and np.uint32(times[j] - 1) < limit:
                v = value_of_time(time_or_d(times[j], k, curved), coefficient[k], exponent)
                if low <= v < high:
                    counts[k] += weight
