"""Sums over regions of a spectrum."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reduction.parameters.windows import RegionStatus
from reduction.results.windows.regions import region_sum

EDGES = np.linspace(0.0, 10.0, 101)
COUNTS = np.random.default_rng(3).poisson(50, 100)


def numbers(result: RegionStatus) -> list[float]:
    return [x for x in dataclasses.astuple(result) if isinstance(x, float)]


def test_a_region_between_edges_is_the_sum_of_its_bins() -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, EDGES[30], EDGES[60], 20.0)
    total = COUNTS[30:60].sum()
    assert result.ok
    assert not result.message
    assert result.total == total
    assert result.error == math.sqrt(total)
    assert result.rate == total / 20


def test_integer_and_float_counts_give_the_same() -> None:
    whole = region_sum(EDGES, COUNTS, COUNTS, 3.03, 6.07, 20.0)
    floats = COUNTS.astype(float)
    assert region_sum(EDGES, floats, floats, 3.03, 6.07, 20.0) == whole


def test_the_counts_of_a_bin_that_a_bound_cuts_are_shared_out_by_width() -> None:
    edges = np.array([0.0, 1.0, 3.0, 4.0])
    counts, variances = np.array([10.0, 40.0, 7.0]), np.array([10.0, 80.0, 7.0])
    inside = region_sum(edges, counts, variances, 1.5, 2.0, 1.0, side_band=0)
    assert inside.total == 40 / 4
    assert inside.error == pytest.approx(math.sqrt(80 / 4))
    across = region_sum(edges, counts, variances, 0.5, 3.25, 1.0, side_band=0)
    assert across.total == 5 + 40 + 7 / 4


@pytest.mark.parametrize("slope", [0.0, 30.0, -7.0])
@pytest.mark.parametrize(("low", "high"), [(3.0, 6.0), (2.0, 9.8), (0.1, 4.4)])
def test_the_net_of_a_straight_line_is_zero_also_with_less_room_on_one_side(
    low: float, high: float, slope: float
) -> None:
    counts = 200 + slope * (0.5 * (EDGES[1:] + EDGES[:-1]) - 5)
    result = region_sum(EDGES, counts, counts, low, high, 1.0, side_band=0.5)
    assert result.ok
    assert result.net == pytest.approx(0, abs=1e-9)
    assert result.net_error > result.error


@pytest.mark.parametrize(("low", "high"), [(0.33, 4.06), (2.02, 2.05), (1.0, 9.87)])
def test_the_net_of_an_even_density_is_zero_in_uneven_bins_and_for_any_bounds(
    low: float, high: float
) -> None:
    edges = np.geomspace(0.2, 10, 300)
    counts = 70 * np.diff(edges)
    assert region_sum(edges, counts, counts, low, high, 1.0).net == pytest.approx(0, abs=1e-9)


def test_the_net_is_what_stands_on_the_background() -> None:
    counts = np.full(100, 20.0)
    counts[45:55] += 300
    result = region_sum(EDGES, counts, counts, 4.0, 6.0, 1.0)
    assert result.total == 20 * 20 + 3000
    assert result.net == pytest.approx(3000)
    # both bands are two bins wide: the background is 5 times their sum of 80
    assert result.net_error == pytest.approx(math.sqrt(result.total + 25 * 80))


def test_the_width_of_the_side_bands_can_be_chosen() -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, 4.0, 6.0, 1.0, side_band=1.0)
    beside = COUNTS[30:40].sum() + COUNTS[60:70].sum()
    assert result.net == pytest.approx(result.total - beside)
    assert result.net_error == pytest.approx(math.sqrt(result.total + beside))


def test_side_bands_are_at_least_one_bin() -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, EDGES[40], EDGES[42], 1.0)
    assert result.net == pytest.approx(result.total - COUNTS[39] - COUNTS[42])


def test_errors_have_the_size_of_the_scatter() -> None:
    rng = np.random.default_rng(5)
    expected = np.full(100, 30.0)
    expected[45:55] += 100
    results = [
        region_sum(EDGES, c, c, 4.03, 6.02, 1.0, 0.5) for c in rng.poisson(expected, (500, 100))
    ]
    net = np.array([r.net for r in results])
    assert net.std() == pytest.approx(np.mean([r.net_error for r in results]), rel=0.1)
    assert net.mean() == pytest.approx(1000, abs=5 * net.std() / math.sqrt(500))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-1, 5, "region -1 to 5 reaches outside: the axis goes from 0 to 10"),
        (5, 11, "region 5 to 11 reaches outside: the axis goes from 0 to 10"),
        (20, 30, "region 20 to 30 reaches outside: the axis goes from 0 to 10"),
        (6, 5, "region 6 to 5 is reversed; the axis goes from 0 to 10"),
        (5, 5, "region 5 to 5 is empty; the axis goes from 0 to 10"),
        (math.nan, 5, "region nan to 5 refused: bounds must be finite; the axis goes from 0 to 10"),
        (0, math.inf, "region 0 to inf refused: bounds must be finite; the axis goes from 0 to 10"),
        (0, 5, "no bin for a side band below 0: the axis goes from 0 to 10"),
        (5, 9.95, "no bin for a side band above 9.95: the axis goes from 0 to 10"),
    ],
)
def test_a_region_that_is_none_says_why_and_holds_no_number(
    low: float, high: float, words: str
) -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, low, high, 1.0)
    assert not result.ok
    assert result.message == words
    assert all(math.isnan(x) for x in numbers(result))


def test_a_spectrum_without_bins_holds_no_region() -> None:
    nothing = np.empty(0)
    assert "no bins" in region_sum(nothing, nothing, nothing, 0, 1, 1.0).message


@pytest.mark.parametrize("place", [39, 50, 60])
def test_bins_without_a_value_are_said_not_summed(place: int) -> None:
    counts = COUNTS.astype(float)
    counts[place] = math.nan
    result = region_sum(EDGES, counts, counts, 4.0, 6.0, 1.0)
    assert not result.ok
    assert "without a value" in result.message
    assert all(math.isnan(x) for x in numbers(result))


def test_without_side_bands_the_rest_stands() -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, 0.0, 10.0, 1.0, side_band=0)
    assert result.ok
    assert result.total == COUNTS.sum()
    assert math.isnan(result.net)
    assert math.isnan(result.net_error)


@pytest.mark.parametrize("side_band", [-1.0, math.nan, math.inf])
def test_a_width_that_is_none_is_refused(side_band: float) -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, 4.0, 6.0, 1.0, side_band)
    assert not result.ok
    assert f"side band {side_band:g} refused" in result.message


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_without_a_time_there_is_no_rate_but_a_total(seconds: float) -> None:
    result = region_sum(EDGES, COUNTS, COUNTS, 4.0, 6.0, seconds)
    assert result.ok
    assert result.total == COUNTS[40:60].sum()
    assert math.isnan(result.rate)
    assert "no rate" in result.message


axes = st.lists(st.floats(0.01, 10), min_size=1, max_size=30).map(
    lambda widths: np.cumsum([-3.0, *widths])
)
shares = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    edges = draw(axes)
    counts = draw(arrays(np.int64, edges.size - 1, elements=st.integers(0, 10**9)))
    return edges, counts


@given(spectra(), shares)
def test_neighbouring_regions_add_up(
    spectrum: tuple[NDArray[np.float64], NDArray[np.int64]], where: list[float]
) -> None:
    edges, counts = spectrum
    a, b, c = (float(np.clip(edges[0] + s * np.ptp(edges), edges[0], edges[-1])) for s in where)
    first, second, both = (
        region_sum(edges, counts, counts, *bounds, 1.0, side_band=0)
        for bounds in ((a, b), (b, c), (a, c))
    )
    if a < b < c:
        assert first.total + second.total == pytest.approx(both.total, rel=1e-12, abs=1e-6)
        assert first.error**2 + second.error**2 == pytest.approx(both.error**2, rel=1e-12, abs=1e-6)
    assert [first.ok, second.ok, both.ok] == [a < b, b < c, a < c]


@given(spectra())
def test_the_whole_axis_holds_every_count(
    spectrum: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    edges, counts = spectrum
    assert region_sum(edges, counts, counts, edges[0], edges[-1], 1.0, 0).total == counts.sum()


anything = st.floats(width=64) | st.floats(-1, 11)


@given(arrays(np.float64, 100, elements=anything), anything, anything, anything, anything)
def test_anything_gives_numbers_or_a_reason(
    counts: NDArray[np.float64], low: float, high: float, seconds: float, side_band: float
) -> None:
    result = region_sum(EDGES, counts, np.abs(counts), low, high, seconds, side_band)
    if result.ok:
        assert math.isfinite(result.total)
        assert math.isfinite(result.error)
    else:
        assert result.message
        assert all(math.isnan(x) for x in numbers(result))
    assert result.message.isascii()
