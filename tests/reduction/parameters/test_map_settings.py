"""The bins and rows of a map: bounded together, cheap to check, and refused in words."""

from __future__ import annotations

import numpy as np
import pytest

from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.limits import MOST_MAP_CELLS
from reduction.parameters.specs import Refused
from tests.support.cost import costs_at_most

MANY = "0.4,0.000002,5"
"""2.3 million bins."""


def test_bins_of_a_map_that_are_known_cost_nothing_with_each_report() -> None:
    of_spectrum = np.linspace(0, 1, 11)
    with costs_at_most(10):
        for _ in range(300):  # a minute of reports
            settings = MapSettings(rows=1, bin_params=MANY)
            assert settings.edges(of_spectrum, 1).size == 2_300_001


@pytest.mark.parametrize(("bin_params", "bins"), [(MANY, 2_300_000), ("", 100_000)])
@pytest.mark.parametrize("rows", [1, 3, 40, 1024])
def test_a_map_of_any_rows_has_no_more_cells_than_the_limit(
    bin_params: str, bins: int, rows: int
) -> None:
    settings = MapSettings(against=MapAxis.BANK, rows=1, bin_params=bin_params)
    of_spectrum = np.linspace(0.4, 5, bins + 1)
    edges = settings.edges(of_spectrum, rows)
    assert min(bins, MOST_MAP_CELLS // rows // 2) <= edges.size - 1 <= MOST_MAP_CELLS // rows
    np.testing.assert_allclose(edges[[0, -1]], of_spectrum[[0, -1]])
    assert np.all(np.diff(edges) > 0)


def test_rows_that_reach_too_far_are_refused() -> None:
    with pytest.raises(Refused, match=r"Max, 1e\+308, is too far from Min, -1e\+308"):
        MapSettings(minimum=-1e308, maximum=1e308)
