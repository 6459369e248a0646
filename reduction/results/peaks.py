"""A peak fitted in a window of a spectrum: a Gaussian on a straight line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reduction.parameters.fields import specs_of
from reduction.parameters.specs import Float
from reduction.parameters.windows import PeakStatus
from reduction.results import gaussian
from reduction.results.arrays import FloatArray
from reduction.results.gaussian import FWHM_PER_SIGMA, GaussianFit
from reduction.results.regions import bounds_refusal

FEWEST_BINS = 8
"""Bins a window must have: the parameters, and a few more that can contradict them."""

LEAST_HEIGHT = 3.0
"""Height of a peak in its own errors, below which there is none."""

LEAST_EXCESS = 5.0
"""What a peak must stand out by from the noise of the background, in standard deviations.

More than 3, as a window has many places and widths that noise can choose from: in windows of 100
and 500 bins without a peak 1 in 250 still finds one, against 1 in 20 by the height alone.
"""

REWEIGHTINGS = 2
"""Fits after the first, each with the variances that the one before expects."""

LEAST_COUNT = 0.1
"""Counts that a bin is expected to hold at least, for its variance."""

AT_LIMIT = 0.99
"""A width nearer to its limit than this share stands at the limit."""

NUMBERS = [name for name, spec in specs_of(PeakStatus) if isinstance(spec, Float)]
"""The fields of a peak that are numbers."""


@dataclass(frozen=True, eq=False)
class Window:
    """The bins of a fit, moved and scaled so that the numbers are of order one.

    ``edges`` (n + 1,) from -1 to 1, of half width ``half`` around ``middle`` on the axis;
    ``values`` and ``variances`` (n,) in units of ``scale``, their largest magnitude. ``one`` is
    the intensity of one count in that unit, 0 if the errors are not those of counts.
    """

    edges: FloatArray
    values: FloatArray
    variances: FloatArray
    one: float
    middle: float
    half: float
    scale: float


def fit_peak(
    edges: FloatArray, intensity: FloatArray, errors: FloatArray, low: float, high: float
) -> PeakStatus:
    """A Gaussian on a straight line, fitted to the bins whose middle is in [``low``, ``high``).

    ``edges`` (n + 1,) float64 ascending, ``intensity`` and ``errors``, its standard deviations,
    (n,) float64: counts or intensity per unit. Least squares weighted by the errors, with the
    centre in the window and the FWHM between half a bin and the window.

    Errors from counts are small where the counts are small by chance: weights from them pull the
    background down by about one count a bin, which is many of its errors. So the fit is repeated
    with the variances that the fit before expects, v + a·(model - y), where a, the intensity of
    one count, is the slope of v over y in the window; for counts this is the fit of maximum
    likelihood. A bin's variance is never below that of `LEAST_COUNT` counts, and in the first fit
    not below one count's: bins without counts weigh neither nothing nor everything.

    A peak is what has a height of at least `LEAST_HEIGHT` of its errors, and stands out from the
    noise of the background by `LEAST_EXCESS` standard deviations.
    """
    if refusal := bounds_refusal(edges, low, high):
        return PeakStatus(message=f"window {refusal}")
    with np.errstate(all="ignore"):
        window = _window(edges, intensity, errors, low, high)
        if isinstance(window, str):
            return PeakStatus(message=window)
        try:
            return _judged(_found(window), window)
        except (ValueError, np.linalg.LinAlgError) as error:
            return PeakStatus(message=f"the fit failed: {error}")


def _window(
    edges: FloatArray, intensity: FloatArray, errors: FloatArray, low: float, high: float
) -> Window | str:
    """What lies in [low, high), or why it cannot be fitted."""
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
    one = _one_count(y / scale, variances)
    return Window(scaled, y / scale, variances, one, middle, half, scale)


def _one_count(values: FloatArray, variances: FloatArray) -> float:
    """The intensity of one count: the slope of variances over values, (n,) each.

    0 if they do not lie along a rising line, as those of counts do.
    """
    y, v = values - values.mean(), variances - variances.mean()
    if np.abs(y).max() < 1e-9:
        return max(0.0, float(variances.mean() / values.mean()))
    slope = float(y @ v / (y @ y))
    straight = (y @ v) ** 2 > 0.5 * (y @ y) * (v @ v)
    return slope if straight and slope > 0 else 0.0


def _found(window: Window) -> GaussianFit:
    """The last of the fits, or the first one that finds next to nothing."""
    edges, y, v, one = window.edges, window.values, window.variances, window.one
    variances = np.maximum(v, one * one) if one else np.where(v > 0, v, v.mean())
    found = gaussian.fit(edges, y, variances, gaussian.start(edges, y, v))
    for _ in range(REWEIGHTINGS if one else 0):
        if found.at[0] < found.errors[0]:
            break
        variances = _expected_variances(window, gaussian.model(found.at, edges)[0])
        found = gaussian.fit(edges, y, variances, found.at)
    return found


def _expected_variances(window: Window, model: FloatArray) -> FloatArray:
    """Variances, (n,), if the values are ``model`` (n,)."""
    v, one = window.variances, window.one
    if not one:
        return np.where(v > 0, v, v.mean())
    return np.maximum(v + one * (model - window.values), LEAST_COUNT * one * one)


def _excess(window: Window, found: GaussianFit) -> float:
    """How far the peak stands out from its background, in standard deviations of that.

    The score of its shape s: Σ s·(y - b)/v over the root of Σ s²/v, v as without the peak.
    """
    model, derivatives = gaussian.model(found.at, window.edges)
    shape = derivatives[:, 0]
    background = model - found.at[0] * shape
    weighted = shape / _expected_variances(window, background)
    return float(weighted @ (window.values - background) / math.sqrt(weighted @ shape))


def _judged(found: GaussianFit, window: Window) -> PeakStatus:
    """The fit in the units of the data, if it is that of a peak."""
    if refusal := _refusal(found, window):
        return PeakStatus(message=refusal)
    height, centre, sigma, background, _ = found.at.tolist()
    height_error, centre_error, sigma_error, background_error, _ = found.errors.tolist()
    peak = PeakStatus(
        centre=window.middle + window.half * centre,
        centre_error=window.half * centre_error,
        fwhm=window.half * FWHM_PER_SIGMA * sigma,
        fwhm_error=window.half * FWHM_PER_SIGMA * sigma_error,
        height=window.scale * height,
        height_error=window.scale * height_error,
        background=window.scale * background,
        background_error=window.scale * background_error,
        chi2=found.chi2,
    )
    if not all(math.isfinite(getattr(peak, name)) for name in NUMBERS):
        return PeakStatus(message="the fit failed: its result is not finite")
    return peak


def _refusal(found: GaussianFit, window: Window) -> str:
    """Why what was found is no peak; empty if it is one."""
    height, centre, sigma = found.at[:3].tolist()
    (_, narrowest), (_, widest) = gaussian.limits(window.edges)
    times, excess = height / found.errors[0], _excess(window, found)
    if not window.edges[1] < centre < window.edges[-2]:
        place = window.middle + window.half * centre
        return f"no peak: its centre {place:g} is at the end of the window"
    if sigma > AT_LIMIT * widest:
        return "no peak: it is wider than the window"
    if AT_LIMIT * sigma < narrowest:
        return "no peak: it is narrower than half a bin"
    if not found.at_rest:
        return f"the fit failed: not at rest after {gaussian.MAX_STEPS} steps"
    if not times >= LEAST_HEIGHT:
        return f"no peak: its height is {times:.2g} of its errors, not {LEAST_HEIGHT:g}"
    if not excess >= LEAST_EXCESS:
        return f"no peak: it is {excess:.2g} deviations of the noise, not {LEAST_EXCESS:g}"
    return ""
