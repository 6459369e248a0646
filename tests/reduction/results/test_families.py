"""Columns of regions and peaks of many spectra."""

from __future__ import annotations

import numpy as np

from reduction.results.families import FamilyView, SpectrumAnalysis
from tests.support.cost import costs_at_most


def test_blank_columns_are_those_of_spectra_that_are_not_analysed() -> None:
    for count in (0, 1, 3):
        blank, made = FamilyView.blank(count), FamilyView.of([SpectrumAnalysis()] * count)
        for one, other in zip(
            (*blank.regions, *blank.peaks), (*made.regions, *made.peaks), strict=True
        ):
            assert list(one) == list(other)
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])


def test_blank_columns_of_a_million_groups_take_no_time() -> None:
    with costs_at_most(1):
        blank = FamilyView.blank(1_000_000)
    assert next(iter(blank.peaks[0].values())).shape == (1_000_000,)
