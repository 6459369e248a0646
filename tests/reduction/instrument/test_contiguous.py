"""Indices that follow each other are a slice; others stay as they are."""

from __future__ import annotations

import numpy as np

from reduction.instrument.contiguous import contiguous


def test_indices_that_follow_each_other_are_a_slice_of_the_same_elements() -> None:
    values = np.arange(20) ** 2
    for indices in (np.arange(20), np.arange(3, 9), np.array([19])):
        found = contiguous(indices)
        assert isinstance(found, slice)
        np.testing.assert_array_equal(values[found], values[indices])


def test_indices_with_gaps_or_none_are_kept() -> None:
    for indices in (np.array([1, 2, 4]), np.empty(0, np.int64)):
        assert contiguous(indices) is indices
