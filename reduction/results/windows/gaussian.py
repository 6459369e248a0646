"""A Gaussian on a straight line, fitted to bins with given variances.

Numbers are expected to be of order one: edges from about -1 to 1, values up to 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.special import erf

from reduction.results.arrays import FloatArray

FWHM_PER_SIGMA = 2 * math.sqrt(2 * math.log(2))

MAX_STEPS = 50
"""Most evaluations of the model in one fit; about ten are usual."""

TOLERANCE = 1e-5
"""Relative change of χ² or parameters that ends a fit; 1e-5 of χ² = 100 is 0.03 of an error."""

NEAR = 0.99
"""How near to a limit a fit may begin: share of the way from the middle of the limits."""


class GaussianParameters(NamedTuple):
    """Parameters of a Gaussian on a straight line, or their errors.

    ``background`` is the height of the line at the ``centre``, ``slope`` that of the line.
    """

    height: float
    centre: float
    sigma: float
    background: float
    slope: float


PARAMETERS = len(GaussianParameters._fields)


@dataclass(frozen=True)
class GaussianFit:
    """The end of a fit: parameters, their standard deviations, reduced χ².

    If ``converged`` is not set, the fit was ended by `MAX_STEPS`.
    """

    parameters: GaussianParameters
    errors: GaussianParameters
    chi2: float
    converged: bool


@dataclass(frozen=True)
class FitLimits:
    """The lowest and highest centre and sigma of a fit."""

    lowest_centre: float
    highest_centre: float
    lowest_sigma: float
    highest_sigma: float

    @classmethod
    def of(cls, edges: FloatArray) -> FitLimits:
        """The centre lies between the ends, the FWHM between half the narrowest bin and all bins.

        ``edges`` (n + 1,) ascend.
        """
        narrowest = 0.5 * float((edges[1:] - edges[:-1]).min())
        first, last = float(edges[0]), float(edges[-1])
        return cls(first, last, narrowest / FWHM_PER_SIGMA, (last - first) / FWHM_PER_SIGMA)

    @property
    def middle(self) -> FloatArray:
        """The middle between the limits of centre and of sigma, (2,)."""
        lowest, highest = self._bounds
        return 0.5 * (highest + lowest)

    @property
    def half(self) -> FloatArray:
        """Half the distance between the limits of centre and sigma, (2,)."""
        lowest, highest = self._bounds
        return 0.5 * (highest - lowest)

    @property
    def _bounds(self) -> tuple[FloatArray, FloatArray]:
        lowest = np.array([self.lowest_centre, self.lowest_sigma])
        return lowest, np.array([self.highest_centre, self.highest_sigma])


def model(parameters: Iterable[float], edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean of the model in each bin, (n,), and its derivatives by the parameters, (n, 5).

    The model is h·exp(-(x - c)²/2s²) + b + k·(x - c). The Gaussian is integrated over each bin with
    the error function, so that bins do not broaden a peak that is only a few of them wide.
    ``edges`` (n + 1,) ascend.
    """
    height, centre, sigma, background, slope = (float(each) for each in parameters)
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


def fit(
    edges: FloatArray, values: FloatArray, variances: FloatArray, begin: GaussianParameters
) -> GaussianFit:
    """The least squares nearest to ``begin``, by MINPACK's Levenberg-Marquardt.

    ``edges`` (n + 1,) ascend; ``values`` and ``variances`` (n,). Errors follow from ``variances``
    alone: they are not scaled by χ². Raises LinAlgError or ValueError if there is no such fit.

    Centre and sigma are fitted as angles, lowest + (highest - lowest)·(1 + sin a)/2, which keeps
    them within their `FitLimits` (MINUIT does the same).
    """
    limits = FitLimits.of(edges)
    middle, half = limits.middle, limits.half
    weights = 1 / np.sqrt(variances)

    @functools.lru_cache(maxsize=1)  # MINPACK asks for derivatives where it last asked for values
    def residuals(inner: bytes) -> tuple[FloatArray, FloatArray]:
        outer, rates = _from_angles(np.frombuffer(inner), middle, half)
        expected, derivatives = model(outer.tolist(), edges)
        return (expected - values) * weights, derivatives * rates * weights[:, np.newaxis]

    inner = np.array(begin)
    inner[1:3] = np.arcsin(np.clip((inner[1:3] - middle) / half, -NEAR, NEAR))
    result = least_squares(
        lambda inner: residuals(inner.tobytes())[0],
        inner,
        lambda inner: residuals(inner.tobytes())[1],
        method="lm",
        x_scale="jac",
        ftol=TOLERANCE,
        xtol=TOLERANCE,
        max_nfev=MAX_STEPS,
    )
    outer, rates = _from_angles(result.x, middle, half)
    errors = _errors(result.jac) * np.abs(rates)
    chi2 = 2 * float(result.cost) / (values.size - PARAMETERS)
    at = GaussianParameters(*outer.tolist())
    return GaussianFit(at, GaussianParameters(*errors.tolist()), chi2, result.status > 0)


def _from_angles(
    inner: FloatArray, middle: FloatArray, half: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The parameters for the angles that are fitted, and their derivatives, (5,) each."""
    outer, rates = inner.copy(), np.ones(PARAMETERS)
    outer[1:3] = middle + half * np.sin(inner[1:3])
    rates[1:3] = half * np.cos(inner[1:3])
    return outer, rates


def _errors(jacobian: FloatArray) -> FloatArray:
    """Standard deviations of the parameters, (5,): the root of the diagonal of (JᵀJ)⁻¹.

    ``jacobian`` (n, 5) is scaled to columns of length 1 first, for the inverse to be accurate.
    """
    scales = np.sqrt((jacobian**2).sum(axis=0))
    unit = jacobian / scales
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(unit.T @ unit))) / scales)
