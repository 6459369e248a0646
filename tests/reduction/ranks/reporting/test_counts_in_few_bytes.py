"""Many counts are sent in few bytes, and none is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult
from reduction.parameters.readings import ReductionStatus
from reduction.ranks.reporting.reports import MANY_BYTES, in_few_bytes
from reduction.results.spectra import group_spectrum, slice_spectrum, sum_spectrum

BINS = MANY_BYTES // 8 // 4


def counts_up_to(most: int) -> Any:
    """Counts (2, 2, bins) int64 of which one is the largest; they are not contiguous."""
    cells = np.random.default_rng(3).integers(0, 100, (2, 2, BINS + 2))
    cells[1, 0, 7] = most
    return cells[..., 1:-1]


@pytest.mark.parametrize(
    ("most", "kind"),
    [
        (2**15 - 1, np.int16),
        (2**15, np.int32),
        (2**31 - 1, np.int32),
        (2**31, np.int64),
    ],
)
def test_many_counts_take_the_fewest_bytes_that_hold_them(most: int, kind: Any) -> None:
    counts = counts_up_to(most)
    found = in_few_bytes(counts)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, counts)


def test_a_few_counts_stay_as_they_are() -> None:
    few = np.zeros((1, 1, 100), np.int64)
    assert in_few_bytes(few) is few


@pytest.mark.parametrize("most", [2**15 - 1, 2**31 - 1])
def test_sums_over_slices_and_groups_are_the_same_and_do_not_overflow(most: int) -> None:
    counts = np.full((2, 2, BINS), most)
    wide = ReductionResult(
        ReductionOrder(), ReductionStatus(), np.arange(BINS + 1.0), counts, charges_uc=(1.0, 1.0)
    )
    narrow = replace(wide, counts=in_few_bytes(counts))
    assert narrow.counts is not None
    assert narrow.counts.dtype != np.int64
    for spectrum in (
        sum_spectrum,
        *(lambda r, f=f: f(r, 1) for f in (slice_spectrum, group_spectrum)),
    ):
        expected, found = spectrum(wide).measured, spectrum(narrow).measured
        np.testing.assert_array_equal(found.counts, expected.counts)
        assert found.counts.dtype == np.float64
    assert sum_spectrum(narrow).measured.counts[0] == 4 * most
