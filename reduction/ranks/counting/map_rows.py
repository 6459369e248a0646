"""The rows of a map: the row of each detector, or of each pulse."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.limits import IMAGE_SIDE
from reduction.stream.log_values.logs import Logs

FIRST_STEP_S = 1.0
"""Seconds of a row of a map against time, as long as the rows reach; then twice as many."""


@dataclass(frozen=True, eq=False)
class DetectorRowsOfMap:
    """The row of each detector, (detectors,) int32, or `MASKED` for those in none.

    ``edges`` (rows + 1,) float64 ascend.
    """

    row: NDArray[np.int32]
    edges: NDArray[np.float64]


@functools.lru_cache(maxsize=2)
def rows_of_detectors(settings: MapSettings, instrument: Instrument) -> DetectorRowsOfMap:
    """The rows of a map against a property of detectors; monitors are in none.

    Those asked for last are kept: for twelve million detectors they take seconds.
    """
    detectors = np.flatnonzero(~instrument.is_monitor)
    match settings.against:
        case MapAxis.TWO_THETA:
            made = _between(settings, np.degrees(instrument.two_theta_rad[detectors]))
        case MapAxis.HEIGHT:
            made = _between(settings, instrument.positions[detectors][:, 1])
        case MapAxis.BANK:
            made = _banks(instrument, detectors)
        case _:
            order = np.argsort(np.argsort(instrument.detector_id[detectors], kind="stable"))
            made = _between(settings, order.astype(np.float64), integers=True)
    row = np.full(instrument.detector_id.size, MASKED, np.int32)
    row[detectors] = made.row
    return DetectorRowsOfMap(row, made.edges)


def _between(
    settings: MapSettings, values: NDArray[np.float64], *, integers: bool = False
) -> DetectorRowsOfMap:
    """Rows of equal width by ``values`` (n,); automatic ones hold the highest value, too."""
    low, high, rows = settings.minimum, settings.maximum, settings.rows
    if settings.automatic:
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        if integers:
            high, rows = high + 1, min(rows, max(values.size, 1))
        elif low == high:
            high = low + 1
    edges = np.linspace(low, high, rows + 1)
    if settings.automatic:
        edges[-1] = np.nextafter(edges[-1], np.inf)
    return DetectorRowsOfMap(row_in(edges, values), edges)


def row_in(edges: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int32]:
    """The row (n,) int32 of ``values`` (n,) between ``edges``; -1 outside, and for NaN."""
    row = np.searchsorted(edges, values, side="right") - 1
    return np.where((row >= edges.size - 1) | np.isnan(values), -1, row).astype(np.int32)


def _banks(instrument: Instrument, detectors: NDArray[np.int64]) -> DetectorRowsOfMap:
    """A row for each bank, and one for detectors without a bank if there are any.

    Of more banks than a map may have rows, neighbours share one.
    """
    bank, banks = instrument.bank[detectors], len(instrument.bank_names)
    bank = np.where(bank < 0, banks, bank)
    banks += int((bank == banks).any())
    rows = min(max(banks, 1), IMAGE_SIDE)
    edges = np.linspace(0, max(banks, 1), rows + 1)
    return DetectorRowsOfMap(row_in(edges, bank.astype(np.float64)), edges)


def even_edges(settings: MapSettings) -> NDArray[np.float64]:
    """The boundaries of rows, (rows + 1,), from the minimum to the maximum of the settings."""
    edges: NDArray[np.float64] = np.linspace(
        settings.minimum, settings.maximum, settings.rows + 1, dtype=np.float64
    )
    return edges


def time_edges(settings: MapSettings, reached_s: float) -> NDArray[np.float64]:
    """The boundaries of rows against time, (rows + 1,), in s since the series began.

    Automatic ones reach beyond ``reached_s``: from `FIRST_STEP_S` on, their width is doubled until
    they do.
    """
    if not settings.automatic:
        return even_edges(settings)
    step_s = FIRST_STEP_S
    while step_s * settings.rows <= reached_s:
        step_s *= 2
    return step_s * np.arange(settings.rows + 1, dtype=np.float64)


def row_of_pulses(
    settings: MapSettings,
    edges: NDArray[np.float64],
    logs: Logs,
    seconds_since_begin: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    times_ns: NDArray[np.int64],
) -> NDArray[np.int32]:
    """The rows (n,) int32 of pulses at ``times_ns`` (n,) in a map against a log or time."""
    if settings.against is MapAxis.TIME:
        return row_in(edges, seconds_since_begin(times_ns))
    return row_in(edges, logs.at(settings.log, times_ns))
