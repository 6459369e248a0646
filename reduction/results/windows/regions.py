"""Sums over regions of a spectrum, also with the background subtracted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.windows import RegionStatus
from reduction.results.arrays import CountArray

SIDE_BAND_SHARE = 0.1
"""Width of each side band by default, as a share of the width of the region."""

WHOLE_BIN = 1 - 1e-9
"""A bin counts fully if at least this share of it is inside, since edges are rounded."""


def region_sum(
    edges: NDArray[np.float64],
    counts: CountArray,
    variances: CountArray,
    low: float,
    high: float,
    seconds: float,
    side_band: float | None = None,
) -> RegionStatus:
    """The counts in [``low``, ``high``), their rate, and the net counts above the background.

    ``edges`` (n + 1,) ascend, ``counts`` and ``variances`` are (n,). Bounds and ``side_band`` are
    in the unit of the edges, ``seconds`` is the time of counting. Errors are standard deviations. A
    result that is not ``ok`` has NaN for each number, and a message that says why.

    A bin that a bound cuts contributes the share of its width that lies inside, both to the sum and
    to the variance, as in Mantid's Rebin. So the sums of neighbouring regions add up, and so do
    their variances.

    The background is a line through the mean densities of two side bands that touch the region,
    integrated over the region. (areaDetector's ROIStat takes the mean of such bands.) A side band
    is ``side_band`` wide, by default a tenth of the region, but at least one bin. At an end of the
    axis it is narrower if need be, but at least one bin. If ``side_band`` is 0, only the
    net is NaN. If ``seconds`` is not above 0, only the rate is NaN.
    """
    if refusal := bounds_refusal(edges, low, high):
        return RegionStatus(message=f"region {refusal}")
    total, variance = _inside(edges, counts, variances, low, high)
    if not (math.isfinite(total) and 0 <= variance < math.inf):
        return RegionStatus(message=f"region {low:g} to {high:g} holds bins without a value")
    result = _sum_and_rate(total, variance, seconds)
    if side_band == 0:
        return result
    bands = _side_bands(edges, low, high, side_band)
    if isinstance(bands, str):
        return RegionStatus(message=bands)
    under, under_variance = _background(edges, counts, variances, bands)
    if not (math.isfinite(under) and 0 <= under_variance < math.inf):
        return RegionStatus(message=f"side bands of {low:g} to {high:g} hold bins without a value")
    return replace(result, net=total - under, net_error=math.sqrt(variance + under_variance))


def _sum_and_rate(total: float, variance: float, seconds: float) -> RegionStatus:
    """The sum and its rate, without net counts."""
    timed = 0 < seconds < math.inf
    return RegionStatus(
        total=total,
        error=math.sqrt(variance),
        rate=total / seconds if timed else math.nan,
        message="" if timed else f"no rate: measured for {seconds:g} s",
    )


def bounds_refusal(edges: NDArray[np.float64], low: float, high: float) -> str:
    """Why [``low``, ``high``) is not a part of the axis; empty if it is.

    The text follows a noun, as in "region 1 to 5 reaches outside". ``edges`` (n + 1,)
    ascend.
    """
    if edges.size < 2:
        return f"{low:g} to {high:g} refused: the axis has no bins"
    first, last = float(edges[0]), float(edges[-1])
    axis = f"the axis goes from {first:g} to {last:g}"
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{low:g} to {high:g} refused: bounds must be finite; {axis}"
    if low >= high:
        kind = "is empty" if low == high else "is reversed"
        return f"{low:g} to {high:g} {kind}; {axis}"
    if low < first or high > last:
        return f"{low:g} to {high:g} reaches outside: {axis}"
    return ""


def _inside(
    edges: NDArray[np.float64], counts: CountArray, variances: CountArray, low: float, high: float
) -> tuple[float, float]:
    """Sum and variance of the counts in [low, high), which is a part of the axis."""
    first = int(np.searchsorted(edges, low, side="right")) - 1
    last = int(np.searchsorted(edges, high, side="left")) - 1
    start = _share(edges, first, low, high)
    end = _share(edges, last, low, high) if last > first else 0.0

    def summed(values: CountArray) -> float:
        middle = float(values[first + 1 : last].sum())
        return middle + start * float(values[first]) + (end * float(values[last]) if end else 0.0)

    with np.errstate(all="ignore"):  # the caller reports sums that are not finite
        return summed(counts), summed(variances)


def _share(edges: NDArray[np.float64], place: int, low: float, high: float) -> float:
    """The share of bin ``place`` inside [low, high)."""
    left, right = float(edges[place]), float(edges[place + 1])
    return (min(high, right) - max(low, left)) / (right - left)


class SideBands(NamedTuple):
    """The side bands of a region: from ``start`` to ``low``, and from ``high`` to ``end``."""

    start: float
    low: float
    high: float
    end: float


def _side_bands(
    edges: NDArray[np.float64], low: float, high: float, side_band: float | None
) -> SideBands | str:
    """The side bands of [low, high), or why there is no room for them."""
    width = SIDE_BAND_SHARE * (high - low) if side_band is None else side_band
    if not 0 < width < math.inf:
        return f"side band {width:g} refused: its width must be above 0"
    first, last = float(edges[0]), float(edges[-1])
    bin_below = _bin_width(edges, int(np.searchsorted(edges, low, side="left")) - 1)
    bin_above = _bin_width(edges, int(np.searchsorted(edges, high, side="right")) - 1)
    start = max(first, low - max(width, bin_below))
    end = min(last, high + max(width, bin_above))
    for side, bound, room, needed in (
        ("below", low, low - start, bin_below),
        ("above", high, end - high, bin_above),
    ):
        if not (room > 0 and room >= WHOLE_BIN * needed):
            axis = f"the axis goes from {first:g} to {last:g}"
            return f"no bin for a side band {side} {bound:g}: {axis}"
    return SideBands(start, low, high, end)


def _bin_width(edges: NDArray[np.float64], place: int) -> float:
    """Width of bin ``place``; of the first or last bin if ``place`` is beyond the axis."""
    place = min(max(place, 0), edges.size - 2)
    return float(edges[place + 1] - edges[place])


def _background(
    edges: NDArray[np.float64], counts: CountArray, variances: CountArray, bands: SideBands
) -> tuple[float, float]:
    """Counts of the background under the region, and their variance.

    With densities d1, d2 at the middles x1, x2 of the bands the line is integrated exactly:
    (high - low) * (d1 + (d2 - d1) * (x - x1) / (x2 - x1)) with x the middle of the region.
    """
    start, low, high, end = bands
    left, left_variance = _inside(edges, counts, variances, start, low)
    right, right_variance = _inside(edges, counts, variances, high, end)
    share = (high - start) / (high + end - start - low)
    from_left = (high - low) * (1 - share) / (low - start)
    from_right = (high - low) * share / (end - high)
    under = from_left * left + from_right * right
    variance = from_left * from_left * left_variance + from_right * from_right * right_variance
    return under, variance
