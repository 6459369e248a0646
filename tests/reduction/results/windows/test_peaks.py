"""Peaks fitted in a window of a spectrum."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from reduction.parameters.windows import PeakStatus
from reduction.results.windows import gaussian
from reduction.results.windows.peaks import fit_peak

EDGES = np.linspace(1.0, 3.0, 101)
NUMBERS = [field.name for field in dataclasses.fields(PeakStatus) if field.name != "message"]


def expected(
    edges: NDArray[np.float64],
    centre: float,
    fwhm: float,
    height: float,
    background: float = 0.0,
    slope: float = 0.0,
) -> NDArray[np.float64]:
    """Mean intensity of each bin, by the middles of a hundred parts of it."""
    parts = np.arange(0.005, 1, 0.01)
    x = edges[:-1, np.newaxis] + np.diff(edges)[:, np.newaxis] * parts
    bell = height * np.exp(-4 * math.log(2) * ((x - centre) / fwhm) ** 2)
    mean: NDArray[np.float64] = (bell + background + slope * (x - centre)).mean(axis=1)
    return mean


def fits(
    edges: NDArray[np.float64], runs: int, seed: int = 1, per_count: float = 1.0, **peak: Any
) -> list[PeakStatus]:
    """Fits of ``runs`` spectra of Poisson counts, shown as intensity of ``per_count`` each."""
    means = expected(edges, **peak)
    counts = np.random.default_rng(seed).poisson(means, (runs, means.size)).astype(float)
    low, high = edges[0], edges[-1]
    return [fit_peak(edges, c * per_count, np.sqrt(c) * per_count, low, high) for c in counts]


def pulls(results: list[PeakStatus], name: str, true: float) -> NDArray[np.float64]:
    return np.array([(getattr(f, name) - true) / getattr(f, f"{name}_error") for f in results])


def assert_refused(fit: PeakStatus, *words: str) -> None:
    assert not fit.ok
    assert fit.message.isascii()
    for word in words:
        assert word in fit.message
    assert all(math.isnan(getattr(fit, name)) for name in NUMBERS)


@pytest.mark.parametrize("fwhm", [0.016, 0.03, 0.1, 0.6])
@pytest.mark.parametrize(("background", "slope"), [(0, 0), (50, 20), (1e6, -3e5)])
def test_a_peak_without_noise_is_found_as_it_is_even_if_a_bin_wide(
    fwhm: float, background: float, slope: float
) -> None:
    peak = {"centre": 2.123, "fwhm": fwhm, "height": 1e5}
    intensity = expected(EDGES, **peak, background=background, slope=slope)
    fit = fit_peak(EDGES, intensity, np.sqrt(intensity), 1, 3)
    assert fit.ok, fit.message
    for name, true in peak.items():
        assert getattr(fit, name) == pytest.approx(true, rel=2e-3)
    assert fit.background == pytest.approx(background, abs=0.02 * fit.background_error + 0.2)
    assert fit.chi2 < 0.1


STATISTICS = {
    "strong": {"height": 1000.0, "background": 20.0, "slope": 5.0},
    "on a high background": {"height": 300.0, "background": 2000.0, "slope": -300.0},
    "few counts": {"height": 40.0, "background": 0.5, "slope": 0.1},
    "many counts": {"height": 1e6, "background": 1e4, "slope": 100.0},
}


@pytest.mark.parametrize("counts", STATISTICS.values(), ids=STATISTICS)
def test_errors_have_the_size_of_the_scatter_and_nothing_is_biased(
    counts: dict[str, float],
) -> None:
    peak: dict[str, Any] = {"centre": 2.1, "fwhm": 0.2, **counts}
    results = fits(EDGES, 300, **peak)
    del peak["slope"]
    assert all(fit.ok for fit in results)
    for name, true in peak.items():
        pull = pulls(results, name, true)
        assert pull.std() == pytest.approx(1, abs=0.15), name
        assert abs(pull.mean()) < 0.3, name  # 5 deviations; weights from the data give -1 to -5
    assert np.mean([fit.chi2 for fit in results]) == pytest.approx(1, abs=0.05)


def test_uneven_bins_and_intensity_per_unit_change_nothing_in_the_statistics() -> None:
    edges = np.geomspace(1.5, 2.5, 151)
    means = expected(edges, 2.0, 0.1, 80_000.0, 5000.0)  # counts per unit
    width = np.diff(edges)
    results = []
    for counts in np.random.default_rng(4).poisson(means * width, (200, width.size)):
        fit = fit_peak(edges, counts / width, np.sqrt(counts) / width, 1.6, 2.4)
        assert fit.ok, fit.message
        results.append(fit)
    for name, true in {"centre": 2.0, "fwhm": 0.1, "height": 8e4, "background": 5e3}.items():
        pull = pulls(results, name, true)
        assert pull.std() == pytest.approx(1, abs=0.2), name
        assert abs(pull.mean()) < 0.4, name
    assert np.mean([fit.chi2 for fit in results]) == pytest.approx(1, abs=0.05)


def test_errors_that_are_not_those_of_counts_are_taken_as_they_are() -> None:
    true = expected(EDGES, 1.8, 0.3, 5.0, 1.0)
    noise = np.random.default_rng(9).normal(0, 0.2, (200, 100))
    results = [fit_peak(EDGES, true + each, np.full(100, 0.2), 1, 3) for each in noise]
    assert pulls(results, "height", 5.0).std() == pytest.approx(1, abs=0.2)
    assert np.mean([fit.chi2 for fit in results]) == pytest.approx(1, abs=0.05)


def test_the_unit_of_the_intensity_changes_nothing_but_height_and_background() -> None:
    peak: dict[str, Any] = {"centre": 2.1, "fwhm": 0.2, "height": 100.0, "background": 3.0}
    for one, other in zip(
        fits(EDGES, 5, **peak), fits(EDGES, 5, **peak, per_count=1e-7), strict=True
    ):
        assert other.centre == pytest.approx(one.centre)
        assert other.height == pytest.approx(1e-7 * one.height)
        assert other.background_error == pytest.approx(1e-7 * one.background_error, rel=1e-4)
        assert other.chi2 == pytest.approx(one.chi2)


@pytest.mark.parametrize("centre", [1.2, 1.5, 2.0, 2.8])
@pytest.mark.parametrize("fwhm", [0.04, 0.1, 0.3])
@pytest.mark.parametrize(("background", "slope"), [(0, 0), (5e3, 4e3), (5e4, 0)])
def test_a_clear_peak_is_found_wherever_it_is(
    centre: float, fwhm: float, background: float, slope: float
) -> None:
    level = background + slope * (centre - 2)
    height = 20 * math.sqrt(level + 100)
    for fit in fits(
        EDGES, 10, centre=centre, fwhm=fwhm, height=height, background=level, slope=slope
    ):
        assert fit.ok, fit.message
        assert fit.centre == pytest.approx(centre, abs=6 * fit.centre_error)
        assert fit.fwhm == pytest.approx(fwhm, abs=6 * fit.fwhm_error)


def test_the_higher_of_two_peaks_is_fitted() -> None:
    means = expected(EDGES, 1.5, 0.1, 400, 20) + expected(EDGES, 2.5, 0.1, 1000)
    fit = fit_peak(EDGES, means, np.sqrt(means), 1, 3)
    assert fit.ok
    assert fit.centre == pytest.approx(2.5, abs=0.01)
    assert fit.chi2 > 2


def test_only_bins_in_the_window_count() -> None:
    means = expected(EDGES, 1.5, 0.1, 400, 20) + expected(EDGES, 2.5, 0.1, 1000)
    fit = fit_peak(EDGES, means, np.sqrt(means), 1.25, 1.75)
    assert fit.centre == pytest.approx(1.5, abs=1e-3)
    spoiled = np.where(np.abs(EDGES[:-1] - 1.5) < 0.3, means, math.nan)
    assert fit_peak(EDGES, spoiled, np.sqrt(means), 1.25, 1.75) == fit


@pytest.mark.parametrize("level", [0.1, 1.0, 10.0, 1000.0, 1e6])
def test_noise_is_no_peak(level: float) -> None:
    results = fits(EDGES, 100, centre=2, fwhm=1, height=0, background=level)
    found = [fit for fit in results if fit.ok]
    assert len(found) <= 2
    for fit in results:
        if not fit.ok:
            assert_refused(fit, "no peak" if fit.message.startswith("no peak") else "failed")


def test_a_dip_is_no_peak() -> None:
    for fit in fits(EDGES, 20, centre=2, fwhm=0.1, height=-100, background=1000):
        assert_refused(fit, "no peak")


def test_a_peak_that_the_window_cuts_is_none() -> None:
    means = expected(EDGES, 2.0, 0.3, 1000, 10)
    assert_refused(
        fit_peak(EDGES, means, np.sqrt(means), 2.05, 2.9), "no peak", "end of the window"
    )


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 2, "window 0 to 2 reaches outside: the axis goes from 1 to 3"),
        (2, 1.5, "window 2 to 1.5 is reversed"),
        (2, 2, "window 2 to 2 is empty"),
        (math.nan, 2, "window nan to 2 refused: bounds must be finite"),
        (2, 2.1, "window 2 to 2.1 holds 5 bins; a fit takes 8"),
        (2.001, 2.002, "window 2.001 to 2.002 holds 0 bins"),
    ],
)
def test_a_window_that_is_none_says_why_and_holds_no_number(
    low: float, high: float, words: str
) -> None:
    intensity = expected(EDGES, 2, 0.1, 100, 10)
    assert_refused(fit_peak(EDGES, intensity, np.sqrt(intensity), low, high), words)


def test_values_that_are_missing_are_said() -> None:
    intensity = expected(EDGES, 2, 0.1, 100, 10)
    errors = np.sqrt(intensity)
    intensity[50], errors[53] = math.nan, math.inf
    assert_refused(fit_peak(EDGES, intensity, errors, 1, 3), "1 to 3 holds 2 bins without a value")


def test_an_empty_spectrum_has_no_peak() -> None:
    zeros = np.zeros(100)
    assert_refused(fit_peak(EDGES, zeros, zeros, 1, 3), "no peak: nothing but zeros from 1 to 3")
    assert_refused(fit_peak(np.empty(0), zeros[:0], zeros[:0], 1, 3), "the axis has no bins")


def test_errors_that_are_all_zero_are_refused() -> None:
    intensity = expected(EDGES, 2, 0.1, 100, 10)
    assert_refused(fit_peak(EDGES, intensity, np.zeros(100), 1, 3), "errors")


def test_errors_whose_squares_are_beyond_all_numbers_are_refused() -> None:
    assert not fit_peak(EDGES, np.ones(100), np.full(100, 1e100), 1, 3).ok


def test_derivatives_of_the_model_are_those_of_its_values() -> None:
    at = np.array([0.8, 0.1, 0.2, 0.3, -0.1])
    edges = np.linspace(-1, 1, 30)
    _, derivatives = gaussian.model(at, edges)
    for place in range(gaussian.PARAMETERS):
        step = 1e-6 * np.eye(gaussian.PARAMETERS)[place]
        rise = gaussian.model(at + step, edges)[0] - gaussian.model(at - step, edges)[0]
        np.testing.assert_allclose(derivatives[:, place], rise / 2e-6, atol=1e-8)


def test_the_model_is_the_mean_over_each_bin() -> None:
    edges = np.sort(np.random.default_rng(1).uniform(-1, 1, 30))
    at = np.array([0.8, 0.1, 0.05, 0.3, -0.1])
    fwhm = 2 * math.sqrt(2 * math.log(2)) * 0.05
    np.testing.assert_allclose(
        gaussian.model(at, edges)[0], expected(edges, 0.1, fwhm, 0.8, 0.3, -0.1), rtol=1e-3
    )


def assert_numbers_or_reason(fit: PeakStatus) -> None:
    numbers = [getattr(fit, name) for name in NUMBERS]
    if fit.ok:
        assert np.isfinite(numbers).all()
        assert min(fit.fwhm, fit.height, fit.centre_error, fit.fwhm_error, fit.height_error) > 0
    else:
        assert fit.message
        assert np.isnan(numbers).all()


anything = st.floats(width=64)
moderate = st.floats(-100, 100)


@given(
    arrays(np.float64, 20, elements=anything | moderate),
    arrays(np.float64, 20, elements=anything | moderate),
    anything | st.just(0.0),
    anything | st.just(20.0),
)
def test_anything_gives_numbers_or_a_reason(
    intensity: NDArray[np.float64], errors: NDArray[np.float64], low: float, high: float
) -> None:
    assert_numbers_or_reason(fit_peak(np.arange(21.0), intensity, errors, low, high))


@given(arrays(np.float64, 20, elements=moderate), arrays(np.float64, 20, elements=moderate))
def test_any_moderate_numbers_give_numbers_or_a_reason(
    intensity: NDArray[np.float64], errors: NDArray[np.float64]
) -> None:
    assert_numbers_or_reason(fit_peak(np.arange(21.0), intensity, errors, 0, 20))


@given(arrays(np.int64, 20, elements=st.integers(0, 3) | st.integers(0, 10**9)))
def test_any_counts_give_numbers_or_a_reason(counts: NDArray[np.int64]) -> None:
    intensity = counts.astype(float)
    assert_numbers_or_reason(fit_peak(np.arange(21.0), intensity, np.sqrt(intensity), 0, 20))


@given(st.lists(st.floats(1e-300, 1e300), min_size=12, max_size=12, unique=True).map(sorted))
def test_any_axis_gives_numbers_or_a_reason(edges: list[float]) -> None:
    axis = np.array(edges)
    intensity = np.array([1.0, 2, 1, 3, 8, 14, 9, 3, 1, 2, 1])
    fit = fit_peak(axis, intensity, np.sqrt(intensity), axis[0], axis[-1])
    assert_numbers_or_reason(fit)


def test_errors_too_small_for_a_number_are_no_errors() -> None:
    values, errors = np.full(20, -2.4949606296954586e-149), np.zeros(20)
    errors[0], errors[13:15] = 1.0, 1.0455378990940945e-250
    assert_refused(fit_peak(np.arange(21.0), values, errors, 0, 20), "the fit failed: its errors")
