"""Finds dead and hot detectors in the counts of each pixel, on rank 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import OutliersFound
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.results.detector_outliers import detector_outliers


class OutlierTest:
    """Tests the detectors of an instrument, bank by bank; ``group`` (detectors,) masks some.

    Detectors without a bank are a bank together. Monitors are not tested.
    """

    def __init__(self, instrument: Instrument, group: NDArray[np.signedinteger[Any]]) -> None:
        self.group = group
        self._ids = instrument.detector_id
        used = np.flatnonzero(~instrument.is_monitor & (group != MASKED))
        bank = instrument.bank[used]
        if (np.diff(bank) < 0).any():
            order = np.argsort(bank, kind="stable")
            used, bank = used[order], bank[order]
        self._tested = used.size
        self._banks = np.split(used, np.flatnonzero(np.diff(bank)) + 1) if used.size else []

    def find(self, counts: NDArray[np.int32], sigmas: float) -> OutliersFound:
        """The dead and hot detectors by their ``counts`` (detectors,); see `count_limits`."""
        found = detector_outliers(counts, self._banks, sigmas)
        dead, hot = (np.sort(self._ids[each]) for each in (found.dead, found.hot))
        return OutliersFound(dead, hot, self._tested)
