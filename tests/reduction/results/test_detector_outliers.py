"""Dead and hot detectors: sound ones are rarely taken for them, and they are found."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from reduction.results.detector_outliers import FEWEST, count_limits, detector_outliers


@pytest.mark.parametrize("members", [20, 1000])
@pytest.mark.parametrize("mean", [0.1, 0.69, 1.0, 5.0, 30.0, 1000.0, 3e5])
def test_sound_detectors_are_outliers_no_more_often_than_the_number_of_sigmas_says(
    mean: float, members: int
) -> None:
    random, tail, tested = np.random.default_rng(4), NormalDist().cdf(-3), 200_000
    dead = hot = 0
    for _ in range(tested // members):
        counts = random.poisson(mean, members).astype(np.int32)
        limits = count_limits(counts, 3)
        dead += int(np.count_nonzero(counts < limits.lowest))
        hot += int(np.count_nonzero(counts > limits.highest))
    most = tested * tail + 4 * math.sqrt(tested * tail)
    assert dead < most
    assert hot < most
    if mean > 500 and members == 1000:  # and not for being blind
        assert dead > tested * tail / 2
        assert hot > tested * tail / 2


@pytest.mark.parametrize("mean", [20.0, 400.0, 1e6])
def test_dead_and_hot_detectors_are_found_in_their_bank(mean: float) -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(mean, 3000).astype(np.int32)
    counts[2000:] //= 4  # another bank, with fewer counts, is judged by itself
    counts[[5, 6, 1500]] = 0
    counts[[7, 2900]] = round(mean * 4)
    banks = [np.arange(2000), np.arange(2000, 3000)]
    found = detector_outliers(counts, banks, 5)
    assert found.dead.tolist() == [5, 6, 1500]
    assert found.hot.tolist() == [7, 2900]
    found = detector_outliers(counts, [each[each != 6] for each in banks], 5)
    assert found.dead.tolist() == [5, 1500]


def test_without_enough_counts_no_detector_is_dead_and_hot_ones_are_found_by_then() -> None:
    counts = np.zeros(1000, np.int32)
    counts[::3] = 1
    counts[8] = 40
    found = detector_outliers(counts, [np.arange(1000)], 5)
    assert found.dead.size == 0
    assert found.hot.tolist() == [8]


def test_detectors_of_a_bank_need_not_be_alike() -> None:
    random = np.random.default_rng(6)
    means = 1000 * np.linspace(0.5, 1.5, 2000)
    counts = random.poisson(means).astype(np.int32)
    counts[[3, 4]] = 0, 20_000
    found = detector_outliers(counts, [np.arange(2000)], 5)
    assert (found.dead.size, found.hot.tolist()) == (0, [4])
    assert detector_outliers(counts, [np.arange(2000)], 2.5).dead.tolist() == [3]


def test_many_bad_detectors_do_not_hide_each_other() -> None:
    counts = np.random.default_rng(7).poisson(200, 1000).astype(np.int32)
    counts[:200], counts[900:] = 0, 50_000
    found = detector_outliers(counts, [np.arange(1000)], 5)
    assert found.dead.tolist() == list(range(200))
    assert found.hot.tolist() == list(range(900, 1000))


def test_banks_of_few_detectors_and_no_banks_have_no_outliers() -> None:
    counts = np.array([100] * (FEWEST - 2) + [0], np.int32)
    assert detector_outliers(counts, [np.arange(counts.size)], 5).dead.size == 0
    assert detector_outliers(counts, [], 5).hot.size == 0


@pytest.mark.parametrize(("mean", "sigmas"), [(0.0, 5), (3, 3), (40, 5), (900, 8), (50_000, 4)])
def test_the_limits_are_those_of_poissons_distribution(mean: float, sigmas: float) -> None:
    """Of counts that all are the median, so that nothing widens them but its standard error."""
    counts = np.full(10**7, mean).astype(np.int32)
    limits, tail = count_limits(counts, sigmas), NormalDist().cdf(-sigmas)
    for count, above in ((round(limits.highest), True), (round(limits.lowest), False)):
        at = mean + math.log(2) if above else max(mean - 1 / 3, 0)
        here, beyond = (chance_beyond(each, at, above) for each in (count, count - (2 * above - 1)))
        assert here < tail * (1 + 1e-6)
        assert beyond >= tail or (not above and count == 0)


@pytest.mark.parametrize("sigmas", [1e-300, 1e-9, 8.0, 8.5, 20.0, 38.0, 40.0, 100.0])
@pytest.mark.parametrize("mean", [0.0, 0.5, 3.0, 1000.0, 90_000.0, 1e6])
def test_any_number_of_sigmas_has_limits_on_either_side_of_the_median(
    mean: float, sigmas: float
) -> None:
    counts = np.random.default_rng(1).poisson(mean, 100).astype(np.int32)
    limits, wider = count_limits(counts, sigmas), count_limits(counts, sigmas + 1)
    median = float(np.median(counts))
    assert wider.lowest <= limits.lowest <= median + 1
    assert wider.highest >= limits.highest >= median - 1


def chance_beyond(count: int, mean: float, above: bool) -> float:
    """The chance of a count above, or below, this one."""
    reach = 40 * math.ceil(math.sqrt(mean) + 1)
    others = range(count + 1, count + reach) if above else range(max(count - reach, 0), count)
    log_mean = math.log(mean) if mean else -1e300
    return sum(
        math.exp(each * log_mean - mean - math.lgamma(each + 1)) if each else math.exp(-mean)
        for each in others
    )


@pytest.mark.parametrize("detectors", [8, 9, 501, 6000])
@pytest.mark.parametrize("mean", [0.2, 3, 200, 1e6])
def test_limits_are_those_of_the_median_of_all_counts_whatever_a_part_of_them_is(
    detectors: int, mean: float
) -> None:
    """Counts are put into a table, which has a place for small ones alone."""
    rng = np.random.default_rng(3)
    for broken in (0, detectors // 3, detectors // 2, detectors):
        counts = rng.poisson(mean, detectors).astype(np.int32)
        counts[:broken] = 10**8
        found = count_limits(counts, 4.0)
        median = np.median(counts)
        spread = 1.4826 * np.median(np.abs(counts - median)) / np.sqrt(max(median, 1))
        wider = max(1, spread) * np.sqrt(1 + np.pi / (2 * detectors))
        narrow = count_limits(np.full(10**5, median, np.int32), 4.0)
        if median == int(median):
            assert found.highest - median == pytest.approx(wider * (narrow.highest - median), 1e-4)
            assert median - found.lowest == pytest.approx(wider * (median - narrow.lowest), 1e-4)
