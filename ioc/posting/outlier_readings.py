"""The readings of dead and hot detectors, made from what the ranks have found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import OutliersFound
from reduction.detector_files.id_ranges import ranges_text
from reduction.parameters.outliers import LONGEST_FOUND, OutlierReadings


def outlier_readings(found: OutliersFound) -> OutlierReadings:
    """The numbers of dead and hot detectors, and their ids as texts."""
    return OutlierReadings(
        tested=found.tested,
        dead_count=found.dead.size,
        hot_count=found.hot.size,
        dead=_listed(found.dead),
        hot=_listed(found.hot),
    )


def _listed(ids: NDArray[np.int32]) -> str:
    """The ranges of ``ids`` (n,), which ascend; the first ones, if all are too long a text."""
    text = ranges_text(ids.astype(np.int64))
    if len(text) <= LONGEST_FOUND:
        return text
    return text[: LONGEST_FOUND + 1].rpartition(",")[0]
