"""Where the fit of a Gaussian on a straight line begins."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from reduction.results.arrays import FloatArray
from reduction.results.windows.gaussian import FWHM_PER_SIGMA, PARAMETERS, GaussianParameters

LINE_PASSES = 6
"""Passes for the line of least absolute deviations; more do not change where a fit ends."""


def start_parameters(
    edges: FloatArray, values: FloatArray, variances: FloatArray
) -> GaussianParameters:
    """Parameters to begin a fit with, from the run of bins that stands out most from a line.

    Runs are 1, 2, 4 ... bins long, up to half of all bins. How far a run stands out is measured in
    units of the error of its sum. The background is the line through the bins on both sides.
    ``edges`` (n + 1,) ascend; ``values`` and ``variances`` (n,).
    """
    x = 0.5 * (edges[1:] + edges[:-1])
    line = _robust_line(x, values)
    first, last = _most_prominent_run(line.below(x, values), variances)
    width, centre = float(edges[last] - edges[first]), float(0.5 * (edges[first] + edges[last]))
    outside = (np.abs(x - centre) > width).astype(np.float64)
    if outside.sum() < PARAMETERS:
        outside[:] = 1
    line = _line(x, values, outside)
    background = line.level + line.slope * centre
    height = float(values[first:last].mean()) - line.level - line.slope * centre
    return GaussianParameters(height, centre, width / FWHM_PER_SIGMA, background, line.slope)


def _most_prominent_run(excess: FloatArray, variances: FloatArray) -> tuple[int, int]:
    """First bin, and the bin after the last, of the run that stands out most; arrays are (n,)."""
    rise = np.cumsum(np.append(0.0, excess))
    noise = np.cumsum(np.append(0.0, variances + variances.mean()))
    best, run = -math.inf, (0, 1)
    for length in 2 ** np.arange(int(math.log2(excess.size))):
        score = (rise[length:] - rise[:-length]) / np.sqrt(noise[length:] - noise[:-length])
        place = int(score.argmax())
        if score[place] > best:
            best, run = float(score[place]), (place, place + int(length))
    return run


class StraightLine(NamedTuple):
    """A straight line: its level at 0 and its slope."""

    level: float
    slope: float

    def below(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """How far the line lies below the points, (n,)."""
        return y - self.level - self.slope * x


def _robust_line(x: FloatArray, y: FloatArray) -> StraightLine:
    """Nearly the line of least absolute deviations, which a peak at one end does not tilt.

    It is found by repeated least squares. In each pass the weight of a point is the inverse of its
    deviation in the pass before.
    """
    weights = np.ones_like(y)
    for _ in range(LINE_PASSES):
        line = _line(x, y, weights)
        deviation = np.abs(line.below(x, y))
        weights = 1 / np.maximum(deviation, 0.1 * deviation.mean() + 1e-12)
    return line


def _line(x: FloatArray, y: FloatArray, weights: FloatArray) -> StraightLine:
    """The line of weighted least squares."""
    middle = float(weights @ x / weights.sum())
    run = x - middle
    slope = float((weights * run) @ y / ((weights * run) @ run))
    return StraightLine(float(weights @ y / weights.sum()) - slope * middle, slope)
