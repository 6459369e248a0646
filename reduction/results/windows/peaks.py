"""A peak fitted in a window of a spectrum: a Gaussian on a straight line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reduction.parameters.fields import specs_of
from reduction.parameters.specs import Float
from reduction.parameters.windows import PeakStatus
from reduction.results.arrays import FloatArray
from reduction.results.windows import gaussian
from reduction.results.windows.fit_start import start_parameters
from reduction.results.windows.gaussian import FWHM_PER_SIGMA, GaussianFit
from reduction.results.windows.regions import bounds_refusal

FEWEST_BINS = 8
"""Fewest bins of a window: the number of parameters, and a few more to test the fit."""

LEAST_HEIGHT = 3.0
"""Least height of a peak, as a multiple of its standard error."""

LEAST_EXCESS = 5.0
"""How far a peak must stand out from the noise of the background, in standard deviations.

It is more than 3 because noise can look like a peak at many places and of many widths. In windows
of 100 and 500 bins without a peak 1 fit of 250 still finds one; by the height alone 1 of 20 does.
"""

REWEIGHTINGS = 2
"""Number of fits after the first. Each has the variances expected from the fit before it."""

LEAST_COUNT = 0.1
"""The variance of a bin is at least that of this expected number of counts."""

AT_LIMIT = 0.99
"""A width within this share of its limit is taken to be at the limit."""

PEAK_NUMBERS = [name for name, spec in specs_of(PeakStatus) if isinstance(spec, Float)]
"""The fields of a peak that are numbers."""


@dataclass(frozen=True, eq=False)
class FitBins:
    """The bins of a fit, shifted and scaled so that the numbers are of order one.

    - ``edges``: (n + 1,) from -1 to 1; on the axis ``middle`` ± ``half``, in the unit of the axis
    - ``values``, ``variances``: (n,), in units of ``scale``, the largest magnitude of the values
    - ``one_count``: intensity of one count in that unit, 0 if the errors are not those of counts
    """

    edges: FloatArray
    values: FloatArray
    variances: FloatArray
    one_count: float
    middle: float
    half: float
    scale: float


def fit_peak(
    edges: FloatArray, intensity: FloatArray, errors: FloatArray, low: float, high: float
) -> PeakStatus:
    """A Gaussian on a straight line, fitted to the bins whose middle is in [``low``, ``high``).

    ``edges`` (n + 1,) float64 ascend. ``intensity`` and its standard deviations ``errors`` are (n,)
    float64: counts, or intensity per unit of the axis. Without a peak the result has NaN for each
    number, and a message that says why. Nothing is raised.

    The fit is one of least squares, weighted by the errors. The centre lies in the window, the FWHM
    between half a bin and the window. A peak has a height of at least `LEAST_HEIGHT` of its errors,
    and stands out from the noise of the background by `LEAST_EXCESS` standard deviations.

    Errors of counts are small where the counts are small by chance. Weights from such errors would
    pull the background down by about one count a bin, which is many times its error. So the fit is
    repeated with the variances that the fit before it expects: v + a·(model - y), where a, the
    intensity of one count, is the slope of v over y in the window. For counts this is the fit of
    maximum likelihood. The variance of a bin is never less than that of `LEAST_COUNT` counts, and
    in the first fit never less than that of one count, so that empty bins have a finite weight.
    """
    if refusal := bounds_refusal(edges, low, high):
        return PeakStatus(message=f"window {refusal}")
    with np.errstate(all="ignore"):
        window = _window(edges, intensity, errors, low, high)
        if isinstance(window, str):
            return PeakStatus(message=window)
        try:
            return _peak(_fitted(window), window)
        except (ValueError, np.linalg.LinAlgError) as error:
            return PeakStatus(message=f"the fit failed: {error}")


def _window(
    edges: FloatArray, intensity: FloatArray, errors: FloatArray, low: float, high: float
) -> FitBins | str:
    """The bins in [low, high), or why they cannot be fitted."""
    first = int(np.searchsorted(edges, low, side="right")) - 1
    last = int(np.searchsorted(edges, high, side="left")) - 1
    first += bool(0.5 * (edges[first] + edges[first + 1]) < low)
    last -= bool(0.5 * (edges[last] + edges[last + 1]) >= high)
    y, e = intensity[first : last + 1], errors[first : last + 1]
    if y.size < FEWEST_BINS:
        return f"window {low:g} to {high:g} holds {y.size} bins; a fit takes {FEWEST_BINS}"
    if lacking := y.size - np.count_nonzero(np.isfinite(y) & np.isfinite(e)):
        return f"window {low:g} to {high:g} holds {lacking} bins without a value"
    scale = float(np.abs(y).max())
    if scale == 0:
        return f"no peak: nothing but zeros from {low:g} to {high:g}"
    start, end = float(edges[first]), float(edges[last + 1])
    half, middle = 0.5 * (end - start), 0.5 * (end + start)
    scaled, variances = (edges[first : last + 2] - middle) / half, (e / scale) ** 2
    if not (np.all(scaled[1:] > scaled[:-1]) and 0 < variances.sum() < math.inf):
        return f"edges or errors from {low:g} to {high:g} are too small or too large"
    one_count = _one_count(y / scale, variances)
    return FitBins(scaled, y / scale, variances, one_count, middle, half, scale)


def _one_count(values: FloatArray, variances: FloatArray) -> float:
    """The intensity of one count: the slope of ``variances`` over ``values``, (n,) each.

    It is 0 if they do not lie along a rising line, as values and variances of counts do.
    """
    y, v = values - values.mean(), variances - variances.mean()
    if np.abs(y).max() < 1e-9:
        return max(0.0, float(variances.mean() / values.mean()))
    slope = float(y @ v / (y @ y))
    straight = (y @ v) ** 2 > 0.5 * (y @ y) * (v @ v)
    return slope if straight and slope > 0 else 0.0


def _fitted(window: FitBins) -> GaussianFit:
    """The last of the repeated fits; fits end early if a height is below its error."""
    edges, y, v, one_count = window.edges, window.values, window.variances, window.one_count
    variances = np.maximum(v, one_count * one_count) if one_count else np.where(v > 0, v, v.mean())
    found = gaussian.fit(edges, y, variances, start_parameters(edges, y, v))
    for _ in range(REWEIGHTINGS if one_count else 0):
        if found.parameters.height < found.errors.height:
            break
        variances = _expected_variances(window, gaussian.model(found.parameters, edges)[0])
        found = gaussian.fit(edges, y, variances, found.parameters)
    return found


def _expected_variances(window: FitBins, model: FloatArray) -> FloatArray:
    """Variances, (n,), of data whose expected values are ``model`` (n,)."""
    v, one_count = window.variances, window.one_count
    if not one_count:
        return np.where(v > 0, v, v.mean())
    return np.maximum(v + one_count * (model - window.values), LEAST_COUNT * one_count * one_count)


def _excess(window: FitBins, found: GaussianFit) -> float:
    """How far the peak stands out from the noise of its background, in standard deviations.

    It is the score of the peak's shape s: Σ s·(y - b)/v over the root of Σ s²/v, where b is the
    background and v the variances without the peak.
    """
    model, derivatives = gaussian.model(found.parameters, window.edges)
    shape = derivatives[:, 0]
    background = model - found.parameters.height * shape
    weighted = shape / _expected_variances(window, background)
    return float(weighted @ (window.values - background) / math.sqrt(weighted @ shape))


def _peak(found: GaussianFit, window: FitBins) -> PeakStatus:
    """The fit in the units of the data; a message instead of numbers if it shows no peak."""
    if refusal := _refusal(found, window):
        return PeakStatus(message=refusal)
    at, errors = found.parameters, found.errors
    peak = PeakStatus(
        centre=window.middle + window.half * at.centre,
        centre_error=window.half * errors.centre,
        fwhm=window.half * FWHM_PER_SIGMA * at.sigma,
        fwhm_error=window.half * FWHM_PER_SIGMA * errors.sigma,
        height=window.scale * at.height,
        height_error=window.scale * errors.height,
        background=window.scale * at.background,
        background_error=window.scale * errors.background,
        chi2=found.chi2,
    )
    if not all(math.isfinite(getattr(peak, name)) for name in PEAK_NUMBERS):
        return PeakStatus(message="the fit failed: its result is not finite")
    if min(peak.centre_error, peak.fwhm_error, peak.height_error) <= 0:
        return PeakStatus(message="the fit failed: its errors are too small for a number")
    return peak


def _refusal(found: GaussianFit, window: FitBins) -> str:
    """Why the fit shows no peak; empty if it shows one."""
    at, limits = found.parameters, gaussian.FitLimits.of(window.edges)
    if not window.edges[1] < at.centre < window.edges[-2]:
        place = window.middle + window.half * at.centre
        return f"no peak: its centre {place:g} is at the end of the window"
    if at.sigma > AT_LIMIT * limits.highest_sigma:
        return "no peak: it is wider than the window"
    if AT_LIMIT * at.sigma < limits.lowest_sigma:
        return "no peak: it is narrower than half a bin"
    if not found.converged:
        return f"the fit failed: it has not converged after {gaussian.MAX_STEPS} steps"
    significance = np.float64(at.height) / found.errors.height
    if not significance >= LEAST_HEIGHT:
        return f"no peak: its height is {significance:.2g} of its errors, not {LEAST_HEIGHT:g}"
    excess = _excess(window, found)
    if not excess >= LEAST_EXCESS:
        return f"no peak: it is {excess:.2g} deviations of the noise, not {LEAST_EXCESS:g}"
    return ""
