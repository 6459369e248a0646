"""A Gaussian on a straight line, fitted to bins with given variances.

Numbers are expected to be of order one: edges from about -1 to 1, values up to 1.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import erf

from reduction.results.arrays import FloatArray

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))

PARAMETERS = 5
"""Height, centre, sigma, background at the centre, slope of the background."""

MAX_STEPS = 50
"""Evaluations of the model in one fit; some ten are usual."""

TOLERANCE = 1e-5
"""Relative change of χ² or parameters that ends a fit; 1e-5 of χ² = 100 is 0.03 of an error."""

LINE_STEPS = 6
"""Passes for the first line; more do not move it by what matters to a start."""

NEAR = 0.99
"""How near to a limit a fit may begin, as a share of the way."""


@dataclass(frozen=True, eq=False)
class GaussianFit:
    """Where a fit ended: parameters and their errors, (5,) each, and reduced χ²."""

    at: FloatArray
    errors: FloatArray
    chi2: float
    at_rest: bool


def limits(edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest centre and sigma, (2,) each.

    The centre lies between the ends, the FWHM between half the narrowest bin and the whole.
    """
    narrowest = 0.5 * float((edges[1:] - edges[:-1]).min())
    widest = float(edges[-1] - edges[0])
    lowest = np.array([edges[0], narrowest / FWHM_PER_SIGMA])
    return lowest, np.array([edges[-1], widest / FWHM_PER_SIGMA])


def model(at: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean of the model over each bin, (n,), and its derivatives by the parameters, (n, 5).

    h·exp(-(x - c)²/2s²) + b + k·(x - c), integrated over the bin with the error function, so that
    bins do not broaden a peak that is only a few of them wide.
    """
    height, centre, sigma, background, slope = at.tolist()
    left, right = edges[:-1], edges[1:]
    per_width = 1 / (right - left)
    t = (edges - centre) / sigma
    bell = np.exp(-0.5 * t * t)
    area, tilt = math.sqrt(math.pi / 2) * sigma * erf(math.sqrt(0.5) * t), bell * t
    shape = (area[1:] - area[:-1]) * per_width
    offset = 0.5 * (left + right) - centre
    derivatives = np.empty((shape.size, PARAMETERS))
    derivatives[:, 0] = shape
    derivatives[:, 1] = -height * (bell[1:] - bell[:-1]) * per_width - slope
    derivatives[:, 2] = height * (shape / sigma - (tilt[1:] - tilt[:-1]) * per_width)
    derivatives[:, 3] = 1
    derivatives[:, 4] = offset
    return height * shape + background + slope * offset, derivatives


def start(edges: FloatArray, values: FloatArray, variances: FloatArray) -> FloatArray:
    """Parameters to begin with, (5,): the run of bins that most exceeds a line through the rest.

    Runs are 1, 2, 4 ... bins long, up to half of all; the excess is measured in its error. The
    background is then the line through the bins beside the run.
    """
    x = 0.5 * (edges[1:] + edges[:-1])
    level, slope = _line_of_most(x, values)
    first, last = _run(values - level - slope * x, variances)
    width, centre = edges[last] - edges[first], 0.5 * (edges[first] + edges[last])
    beside = (np.abs(x - centre) > width).astype(np.float64)
    if beside.sum() < PARAMETERS:
        beside[:] = 1
    level, slope = _line(x, values, beside)
    height = values[first:last].mean() - level - slope * centre
    return np.array([height, centre, width / FWHM_PER_SIGMA, level + slope * centre, slope])


def _run(excess: FloatArray, variances: FloatArray) -> tuple[int, int]:
    """First bin, and the one after the last, of the run that stands out most; (n,) each."""
    rise = np.cumsum(np.append(0.0, excess))
    noise = np.cumsum(np.append(0.0, variances + variances.mean()))
    best, run = -math.inf, (0, 1)
    for length in 2 ** np.arange(int(math.log2(excess.size))):
        score = (rise[length:] - rise[:-length]) / np.sqrt(noise[length:] - noise[:-length])
        place = int(score.argmax())
        if score[place] > best:
            best, run = float(score[place]), (place, place + int(length))
    return run


def _line_of_most(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Level at 0 and slope of the line with the least absolute deviations, about.

    By least squares, each weighted by the deviation before: a peak at one end does not tilt it.
    """
    weights = np.ones_like(y)
    for _ in range(LINE_STEPS):
        level, slope = _line(x, y, weights)
        away = np.abs(y - level - slope * x)
        weights = 1 / np.maximum(away, 0.1 * away.mean() + 1e-12)
    return level, slope


def _line(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Level at 0 and slope of the line of weighted least squares."""
    middle = float(weights @ x / weights.sum())
    run = x - middle
    slope = float((weights * run) @ y / ((weights * run) @ run))
    return float(weights @ y / weights.sum()) - slope * middle, slope


def fit(
    edges: FloatArray, values: FloatArray, variances: FloatArray, begin: FloatArray
) -> GaussianFit:
    """The least squares nearest to ``begin``, (5,), by MINPACK's Levenberg-Marquardt.

    Centre and sigma are fitted as angles, lowest + (highest - lowest)·(1 + sin a)/2, which keeps
    them in their `limits` (as MINUIT does). Errors are those of the data carried over, not scaled
    by χ². Raises LinAlgError or ValueError if there is no such fit.
    """
    lowest, highest = limits(edges)
    middle, half = 0.5 * (highest + lowest), 0.5 * (highest - lowest)
    weights = 1 / np.sqrt(variances)

    @functools.lru_cache(maxsize=1)  # the derivatives are asked for where the values just were
    def tried(inner: bytes) -> tuple[FloatArray, FloatArray]:
        at, rates = _outward(np.frombuffer(inner), middle, half)
        expected, derivatives = model(at, edges)
        return (expected - values) * weights, derivatives * rates * weights[:, np.newaxis]

    inner = begin.copy()
    inner[1:3] = np.arcsin(np.clip((begin[1:3] - middle) / half, -NEAR, NEAR))
    result = least_squares(
        lambda inner: tried(inner.tobytes())[0],
        inner,
        lambda inner: tried(inner.tobytes())[1],
        method="lm",
        x_scale="jac",
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        max_nfev=MAX_STEPS,
    )
    at, rates = _outward(result.x, middle, half)
    chi2 = 2 * float(result.cost) / (values.size - PARAMETERS)
    return GaussianFit(at, _errors(result.jac) * np.abs(rates), chi2, result.status > 0)


def _outward(
    inner: FloatArray, middle: FloatArray, half: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Parameters and their derivatives by those that are fitted, (5,) each."""
    at, rates = inner.copy(), np.ones(PARAMETERS)
    at[1:3] = middle + half * np.sin(inner[1:3])
    rates[1:3] = half * np.cos(inner[1:3])
    return at, rates


def _errors(jacobian: FloatArray) -> FloatArray:
    """Standard deviations of the parameters, (5,): the root of the diagonal of (JᵀJ)⁻¹."""
    scales = np.sqrt((jacobian**2).sum(axis=0))
    unit = jacobian / scales
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(unit.T @ unit))) / scales)
