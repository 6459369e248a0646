"""Spectra are exact sums of the cells of a result, whatever integers these are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult
from reduction.parameters.readings import ReductionStatus
from reduction.results.spectra import MOST_INT16, group_spectrum, slice_spectrum, sum_spectrum

BINS = 2


def result(counts: np.ndarray[Any, Any]) -> ReductionResult:
    """A result with counts (slices, groups, bins)."""
    return ReductionResult(
        ReductionOrder(), ReductionStatus(), np.arange(counts.shape[2] + 1.0), counts
    )


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_sums_of_the_largest_integers_are_exact(dtype: type[np.signedinteger[Any]]) -> None:
    largest = min(np.iinfo(dtype).max, 1 << 40)
    found = result(np.full((3, 5, BINS), largest, dtype))
    assert sum_spectrum(found).measured.counts.tolist() == [15.0 * largest] * BINS
    assert slice_spectrum(found, 1).measured.counts.tolist() == [5.0 * largest] * BINS
    assert group_spectrum(found, 4).measured.counts.tolist() == [3.0 * largest] * BINS


@pytest.mark.parametrize("groups", [MOST_INT16, 4 * MOST_INT16])
def test_sums_of_many_small_integers_are_exact(groups: int) -> None:
    found = result(np.full((1, groups, BINS), -(1 << 15), np.int16))
    assert sum_spectrum(found).measured.counts.tolist() == [-float(groups << 15)] * BINS
