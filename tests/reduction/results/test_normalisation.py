"""Spectra per charge or monitor, less a background, over a vanadium."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reduction.parameters import bins
from reduction.parameters.corrections import Normalisation
from reduction.results.normalisation import (
    Measured,
    bins_within,
    divide,
    per_charge,
    per_monitor,
    rebinned,
    subtract,
)
from tests.support.results.normalised import normalised

EDGES = np.linspace(0.5, 4.5, 41)
RNG = np.random.default_rng(11)
SAMPLE, EMPTY, VANADIUM = (RNG.poisson(mean, 40) for mean in (500, 60, 900))


def measured(
    counts: NDArray[Any],
    charge_uc: float = math.nan,
    monitor_counts: float = math.nan,
    edges: NDArray[np.float64] = EDGES,
) -> Measured:
    return Measured(edges, counts, counts, charge_uc, monitor_counts)


def scatter(function: Callable[..., Any], *means: int, runs: int = 4000) -> tuple[float, float]:
    """Mean and variance of ``function`` of Poisson numbers with these means."""
    drawn = function(*(np.random.default_rng(7).poisson(m, (runs, 1)) for m in means))
    return float(np.mean(drawn)), float(np.var(drawn))


def test_charge_scales_counts_and_is_exact() -> None:
    values, variances = per_charge(SAMPLE, SAMPLE, 4.0)
    np.testing.assert_allclose(values, SAMPLE / 4)
    np.testing.assert_allclose(np.sqrt(variances), np.sqrt(SAMPLE) / 4)


def test_the_error_of_the_monitor_is_carried_over() -> None:
    values, variances = per_monitor(np.array([2000]), np.array([2000]), 5000)
    mean, variance = scatter(lambda c, m: c / m, 2000, 5000)
    assert values == pytest.approx(mean, rel=0.01)
    assert variances == pytest.approx(variance, rel=0.1)
    assert variances > 2000 / 5000**2


@pytest.mark.parametrize("value", [0, -3.0, math.nan, math.inf])
def test_a_charge_or_monitor_that_is_not_above_zero_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=f"proton charge is {value:g} uC; .* above 0"):
        per_charge(SAMPLE, SAMPLE, value)
    with pytest.raises(ValueError, match=f"monitor count is {value:g}; .* above 0"):
        per_monitor(SAMPLE, SAMPLE, value)


def test_each_new_bin_takes_its_share_of_the_old_ones() -> None:
    edges, counts = np.array([0.0, 1.0, 3.0, 4.0]), np.array([10, 40, 6])
    values, variances = rebinned(edges, counts, 2 * counts, np.array([-1.0, 0.5, 2.0, 3.5, 9.0]))
    np.testing.assert_allclose(values, [5, 5 + 20, 20 + 3, 3])
    np.testing.assert_allclose(variances, 2 * values)


def test_the_same_bins_give_the_same_counts_to_the_last_bit() -> None:
    values, variances = rebinned(EDGES, SAMPLE, EMPTY, EDGES.copy())
    np.testing.assert_array_equal(values, SAMPLE)
    np.testing.assert_array_equal(variances, EMPTY)


def test_merged_bins_are_sums_to_the_last_bit() -> None:
    values, variances = rebinned(EDGES, SAMPLE, EMPTY, EDGES[::4])
    np.testing.assert_array_equal(values, SAMPLE.reshape(10, 4).sum(axis=1))
    np.testing.assert_array_equal(variances, EMPTY.reshape(10, 4).sum(axis=1))


def test_a_bin_without_a_value_spoils_only_those_it_overlaps() -> None:
    counts = SAMPLE.astype(float)
    counts[6] = math.nan
    values, _ = rebinned(EDGES, counts, counts, EDGES[::4])
    assert np.flatnonzero(np.isnan(values)).tolist() == [1]


def test_axes_apart_share_nothing() -> None:
    values, variances = rebinned(EDGES, SAMPLE, SAMPLE, EDGES + 10)
    assert not values.any()
    assert not variances.any()


def test_covered_bins_lie_within_the_other_axis() -> None:
    assert bins_within(EDGES, np.array([0.0, 0.5, 1.0, 4.5, 5.0])).tolist() == [0, 1, 1, 0]
    assert bins_within(EDGES, EDGES * (1 + 1e-15)).all()


def test_a_difference_adds_variances_with_the_scale_squared() -> None:
    values, variances = subtract(SAMPLE, SAMPLE, EMPTY, EMPTY, 2.5)
    np.testing.assert_allclose(values, SAMPLE - 2.5 * EMPTY)
    np.testing.assert_allclose(variances, SAMPLE + 6.25 * EMPTY)


def test_a_ratio_has_the_scatter_that_it_states() -> None:
    values, variances, undefined = divide(*np.array([[900], [900], [2500], [2500]]))
    mean, variance = scatter(lambda c, v: c / v, 900, 2500)
    assert undefined == 0
    assert values == pytest.approx(mean, rel=0.01)
    assert variances == pytest.approx(variance, rel=0.1)


def test_bins_without_vanadium_have_no_value_and_are_counted() -> None:
    vanadium = np.array([4.0, 0.0, -1.0, math.nan, 2.0])
    ones = np.ones(5)
    values, variances, undefined = divide(ones, ones, vanadium, ones)
    assert undefined == 3
    for each in (values, variances):
        assert np.isnan(each).tolist() == [False, True, True, True, False]


def test_without_anything_to_normalise_by_counts_stay_counts() -> None:
    values, variances, undefined = normalised(measured(SAMPLE), Normalisation.NONE)
    np.testing.assert_array_equal(values, SAMPLE)
    np.testing.assert_array_equal(variances, SAMPLE)
    assert undefined == 0


def test_background_and_vanadium_are_scaled_to_the_same_charge() -> None:
    sample, empty, vanadium = measured(SAMPLE, 10), measured(EMPTY, 40), measured(VANADIUM, 5)
    values, variances, undefined = normalised(sample, Normalisation.PROTON_CHARGE, empty, vanadium)
    net, net_variance = SAMPLE - EMPTY * 10 / 40, SAMPLE + EMPTY / 16
    ratio = net / VANADIUM
    ratio_variance = ratio**2 * (net_variance / net**2 + 1 / VANADIUM)
    np.testing.assert_allclose(values, ratio * 5 / 10)
    np.testing.assert_allclose(variances, ratio_variance / 4)
    assert undefined == 0


def test_by_monitor_all_counts_contribute_to_the_error() -> None:
    means = (800, 200, 3000, 2000, 1000, 4000)

    def intensity(
        c: NDArray[np.int64],
        b: NDArray[np.int64],
        v: NDArray[np.int64],
        m: NDArray[np.int64],
        m_b: NDArray[np.int64],
        m_v: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        return (c / m - b / m_b) / (v / m_v)

    mean, variance = scatter(intensity, *means, runs=20_000)
    edges = np.array([0.0, 1.0])
    sample, empty, vanadium = (
        measured(np.array([n]), monitor_counts=m, edges=edges)
        for n, m in zip(means[:3], means[3:], strict=True)
    )
    result = normalised(sample, Normalisation.MONITOR, empty, vanadium)
    assert result.values == pytest.approx(mean, rel=0.01)
    assert result.variances == pytest.approx(variance, rel=0.05)


def test_references_in_other_bins_are_rebinned_and_missing_parts_counted() -> None:
    fine = np.linspace(0.5, 3.5, 121)  # a quarter of the bins' width, and ends before them
    vanadium = measured(np.full(120, 25.0), edges=fine)
    values, _, undefined = normalised(measured(SAMPLE), Normalisation.NONE, vanadium=vanadium)
    np.testing.assert_allclose(values[:30], SAMPLE[:30] / 100)
    assert np.isnan(values[30:]).all()
    assert undefined == 10
    background = measured(np.full(120, 5.0), edges=fine)
    values, _, undefined = normalised(measured(SAMPLE), Normalisation.NONE, background)
    np.testing.assert_allclose(values[:30], SAMPLE[:30] - 20)
    assert np.isnan(values[30:]).all()
    assert undefined == 10


def test_zeros_of_the_vanadium_and_missing_background_are_counted_once() -> None:
    vanadium = measured(np.where(np.arange(40) < 3, 0, VANADIUM))
    background = measured(EMPTY[1:], edges=EDGES[1:])
    assert normalised(measured(SAMPLE), Normalisation.NONE, background, vanadium).undefined == 3


@pytest.mark.parametrize(
    ("by", "name"),
    [(Normalisation.PROTON_CHARGE, "proton charge"), (Normalisation.MONITOR, "monitor count")],
)
def test_a_refusal_names_the_spectrum_concerned(by: Normalisation, name: str) -> None:
    good, bad = measured(SAMPLE, 1, 1), measured(SAMPLE, 0, 0)
    with pytest.raises(ValueError, match=f"^{name} is 0"):
        normalised(bad, by)
    with pytest.raises(ValueError, match=f"^background: {name} is 0"):
        normalised(good, by, bad)
    with pytest.raises(ValueError, match=f"^vanadium: {name} is 0"):
        normalised(good, by, good, bad)
    assert normalised(bad, Normalisation.NONE, bad, bad).undefined == 0


axes = st.lists(st.floats(0.01, 10), min_size=1, max_size=30).map(
    lambda widths: np.cumsum([1.0, *widths])
)
amounts = st.floats(1e-3, 1e12)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    edges = draw(axes)
    counts = draw(arrays(np.float64, edges.size - 1, elements=st.just(0.0) | amounts))
    return edges, counts


@given(spectra(), axes)
def test_rebinning_conserves_what_lies_on_both_axes(
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64]], edges_to: NDArray[np.float64]
) -> None:
    edges, counts = spectrum
    wide = np.concatenate(([edges[0] - 1], edges_to[edges_to > edges[0]], [1e4]))
    values, variances = rebinned(edges, counts, 3 * counts, wide)
    assert values.sum() == pytest.approx(counts.sum(), rel=1e-12)
    assert variances.sum() == pytest.approx(3 * counts.sum(), rel=1e-12)
    assert np.all(values >= 0)


@given(spectra(), axes)
def test_rebinning_is_the_fractional_overlap(
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64]], edges_to: NDArray[np.float64]
) -> None:
    edges, counts = spectrum
    overlap = np.minimum.outer(edges_to[1:], edges[1:]) - np.maximum.outer(
        edges_to[:-1], edges[:-1]
    )
    expected = np.maximum(overlap, 0) / np.diff(edges) @ counts
    values, _ = rebinned(edges, counts, counts, edges_to)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12 * counts.max())


@given(spectra(), axes, axes)
def test_finer_bins_in_between_change_nothing(
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64]],
    between: NDArray[np.float64],
    edges_to: NDArray[np.float64],
) -> None:
    edges, counts = spectrum
    finer = np.unique(np.concatenate((edges, between[between < edges[-1]])))
    direct = rebinned(edges, counts, counts, edges_to)
    stepwise = rebinned(finer, *rebinned(edges, counts, counts, finer), edges_to)
    np.testing.assert_allclose(stepwise, direct, rtol=1e-6, atol=1e-9 * counts.max())


@given(arrays(np.float64, 10, elements=amounts))
def test_a_spectrum_over_itself_is_one(counts: NDArray[np.float64]) -> None:
    values, variances, undefined = divide(counts, counts, counts, counts)
    np.testing.assert_allclose(values, 1)
    np.testing.assert_allclose(variances, 2 / counts)
    assert undefined == 0


@given(arrays(np.float64, 10, elements=amounts), amounts)
def test_a_spectrum_less_itself_is_nothing_with_twice_the_variance(
    counts: NDArray[np.float64], charge: float
) -> None:
    this = measured(counts, charge, edges=np.arange(11.0))
    values, variances, _ = normalised(this, Normalisation.PROTON_CHARGE, this)
    assert not values.any()
    np.testing.assert_allclose(variances, 2 * counts / charge**2)


@given(amounts, amounts)
def test_the_same_measurement_for_longer_gives_the_same_intensity(
    longer: float, charge: float
) -> None:
    vanadium = measured(VANADIUM, 3)
    once = normalised(
        measured(SAMPLE, charge), Normalisation.PROTON_CHARGE, measured(EMPTY, 2), vanadium
    )
    more = measured(SAMPLE * longer, charge * longer)
    np.testing.assert_allclose(
        normalised(more, Normalisation.PROTON_CHARGE, measured(EMPTY, 2), vanadium).values,
        once.values,
        rtol=1e-9,
        atol=1e-9 * np.abs(once.values).max(),
    )


def test_powder_bins_of_another_step_are_conserved_too() -> None:
    coarse, fine = bins.edges("0.4,-0.004,5", 10**5), bins.edges("0.4,0.0003,5", 10**5)
    counts = np.random.default_rng(2).poisson(20, fine.size - 1)
    values, variances = rebinned(fine, counts, counts, coarse)
    assert values.sum() == pytest.approx(counts.sum())
    assert variances.sum() == pytest.approx(counts.sum())
