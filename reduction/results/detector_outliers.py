"""Dead and hot detectors: those whose counts differ too much from the median of their bank."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.contiguous import contiguous

FEWEST = 8
"""A bank with fewer detectors is not tested: its median says too little."""

NORMAL_MAD = 1.4826
"""The standard deviation of normal numbers over their median absolute deviation."""

TABLE_SHARE = 8
"""Counts up to this share of the number of detectors of a bank have a place in a table."""

KEPT_LIMITS = 1000
"""Limits that are remembered: banks have medians in common, and keep them from search to search."""

NORMAL_ABOVE = 1e5
"""Larger means have the limits of a normal distribution, which are then right to some percent."""

SMALLEST = 5e-324
"""The smallest number above 0: beyond 38 standard deviations a tail is smaller."""


@dataclass(frozen=True)
class CountLimits:
    """The least and the greatest count that a sound detector of a bank has, both included."""

    lowest: float
    highest: float


@dataclass(frozen=True, eq=False)
class DetectorOutliers:
    """Places of dead and of hot detectors, (n,) int64 each, ascending."""

    dead: NDArray[np.int64]
    hot: NDArray[np.int64]


def detector_outliers(
    counts: NDArray[np.int32], banks: Sequence[NDArray[np.int64]], sigmas: float
) -> DetectorOutliers:
    """The detectors whose ``counts`` (detectors,) are beyond the limits of their bank.

    ``banks`` has the places of the detectors to test, ascending, for each bank. For the test see
    `count_limits`.
    """
    dead, hot = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for members in banks:
        of_bank = counts[contiguous(members)]
        limits = count_limits(of_bank, sigmas)
        dead.append(members[of_bank < limits.lowest])
        hot.append(members[of_bank > limits.highest])
    return DetectorOutliers(np.sort(np.concatenate(dead)), np.sort(np.concatenate(hot)))


def count_limits(counts: NDArray[np.int32], sigmas: float) -> CountLimits:
    """The limits of the ``counts`` of a bank, (n,), at a number of standard deviations.

    Beyond each limit a Poisson distribution has less than a normal one has beyond ``sigmas``
    standard deviations. Its mean is that of the median m: m + ln 2 for the upper limit and m - 1/3
    for the lower one, the extremes that have this median (Choi, Proc. Amer. Math. Soc. 121 (1994)
    245-251). The distances of both limits from the median are then widened

    - by how much more the counts scatter than Poisson's do, if they do, by their median absolute
      deviation: detectors of a bank need not be alike;
    - by the standard error of the median, a factor √(1 + π/2n).
    """
    if counts.size < FEWEST:
        return CountLimits(-math.inf, math.inf)
    median, deviation = _median_and_deviation(counts)
    deviation *= NORMAL_MAD
    wider = max(1.0, deviation / math.sqrt(max(median, 1.0)))
    wider *= math.sqrt(1 + math.pi / (2 * counts.size))
    tail = max(0.5 * math.erfc(sigmas / math.sqrt(2)), SMALLEST)
    highest = _highest(median + math.log(2), tail, sigmas)
    lowest = _lowest(max(median - 1 / 3, 0.0), tail, sigmas)
    return CountLimits(median - wider * (median - lowest), median + wider * (highest - median))


def _median_and_deviation(counts: NDArray[np.int32]) -> tuple[float, float]:
    """The median of ``counts`` (n,), which are not negative, and their median absolute deviation.

    Both are found in how often each count occurs, since that is faster than sorting.
    """
    most = max(counts.size // TABLE_SHARE, 1)
    times = np.bincount(np.minimum(counts, most))
    values = np.arange(times.size, dtype=np.float64)
    middle = _middle_two(values, times)
    median = float(middle.mean())
    distance = np.abs(values - median)
    order = np.argsort(distance, kind="stable")
    middle_distance = _middle_two(distance[order], times[order])
    # Greater counts were taken as ``most``. That does not matter if none is in the middle.
    if middle[1] < most and middle_distance[1] < most - median:
        return median, float(middle_distance.mean())
    median = float(np.median(counts))
    return median, float(np.median(np.abs(counts - median)))


def _middle_two(values: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """The two values, (2,), whose mean is the median; the same one twice for an odd number.

    ``values`` (k,) ascend; each occurs so many ``times`` (k,).
    """
    reached = np.cumsum(times)
    middle = np.array([(reached[-1] - 1) // 2, reached[-1] // 2])
    return values[np.searchsorted(reached, middle, side="right")]


@functools.lru_cache(maxsize=KEPT_LIMITS)
def _highest(mean: float, tail: float, sigmas: float) -> float:
    """The least count above which a Poisson distribution has less than ``tail``."""
    if mean > NORMAL_ABOVE:
        return mean + sigmas * math.sqrt(mean)
    chance = _chances(mean, sigmas)
    above = np.append(np.cumsum(chance[::-1])[::-1][1:], 0.0)
    return float(np.argmax(above < tail))


@functools.lru_cache(maxsize=KEPT_LIMITS)
def _lowest(mean: float, tail: float, sigmas: float) -> float:
    """The greatest count below which a Poisson distribution has less than ``tail``."""
    if mean > NORMAL_ABOVE:
        return mean - sigmas * math.sqrt(mean)
    below = np.append(0.0, np.cumsum(_chances(mean, sigmas)))
    return float(np.flatnonzero(below < tail)[-1])


def _chances(mean: float, sigmas: float) -> NDArray[np.float64]:
    """The chances of the counts 0, 1, 2 … of a Poisson distribution, far beyond ``sigmas``."""
    most = math.ceil(mean + (sigmas + 5) * math.sqrt(mean) + sigmas**2 + 20)
    factors = np.log(max(mean, 1e-300)) - np.log(np.arange(1, most + 1))
    chances: NDArray[np.float64] = np.exp(np.append(0.0, np.cumsum(factors)) - mean)
    return chances
