"""Values counted in bins for the Mantid engine, beside numpy's; this needs no Mantid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reduction.engines.mantid.counting import BinFinder, count_values
from reduction.parameters import bins

ANY_EDGES = st.lists(
    st.floats(-1e300, 1e300, allow_subnormal=True), min_size=2, max_size=40, unique=True
)


def expected(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """By numpy: NaN comes after all numbers."""
    cells = np.searchsorted(edges, values, side="right")
    return np.bincount(cells, minlength=edges.size + 1)


@pytest.mark.parametrize(
    "bin_params", ["0.4,0.0001,5", "0.4,-0.0004,5", "0.5,0.05,1.5,0.1,4.5", "-3,1,-1", "0.4,9,5"]
)
def test_values_at_and_beside_edges_are_in_the_bins_that_numpy_finds(bin_params: str) -> None:
    edges = bins.edges(bin_params, 100_000)
    around = [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    odd = [np.nan, np.inf, -np.inf, -1e300, 1e300, 0.0]
    spread = np.random.default_rng(3).uniform(-4, 9, 10_000)
    values = np.concatenate((*around, odd, spread))
    counts = count_values(values, BinFinder.of(edges))
    np.testing.assert_array_equal(counts, expected(values, edges))


@example([0.0, 1e-320], np.array([0.0, 5e-321, np.nan]))
@example([-1e308, 1e308], np.array([0.0, np.inf, np.nan]))
@given(ANY_EDGES, arrays(np.float64, 30, elements=st.floats(allow_subnormal=True)))
def test_no_edges_and_no_values_are_too_odd(some: list[float], values: NDArray[np.float64]) -> None:
    edges = np.sort(np.array(some))
    beside = np.concatenate((values, edges, np.nextafter(edges, np.inf)))
    counts = count_values(beside, BinFinder.of(edges))
    np.testing.assert_array_equal(counts, expected(beside, edges))
