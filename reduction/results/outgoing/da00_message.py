"""Posted results as ``da00`` messages, which consumers of ESS decode.

The names ``signal`` and ``errors`` are those that ESS' own programs give: a coordinate is a further
variable, of the same axis, or of none if it is one number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.messages.schemas import Variable, serialise_da00
from reduction.parameters.readings import (
    GroupReadings,
    HistogramReadings,
    SeriesReadings,
    SliceReadings,
)
from reduction.results.intensity_labels import intensity_units
from reduction.results.views import PostedReduction

SIGNAL, ERRORS, COUNTS = "signal", "errors", "counts"


@dataclass(frozen=True, eq=False)
class SpectrumSource:
    """A spectrum of a posted result, for a message.

    - ``name``: of the source, such as ``LIVE:Red1:Slice1``
    - ``readings``: its arrays
    - ``numbers``: what else is told of it, by name; whole numbers become int64, others float64
    """

    name: str
    readings: HistogramReadings
    numbers: Mapping[str, int | float]


def sum_source(name: str, posted: PostedReduction) -> SpectrumSource:
    """The sum over slices and groups of a posted result."""
    return SpectrumSource(name, posted.view.spectrum, _of_result(posted))


def slice_source(name: str, posted: PostedReduction, readings: SliceReadings) -> SpectrumSource:
    """A slice of a posted result, with its bounds."""
    bounds = {"low": readings.low, "high": readings.high}
    return SpectrumSource(name, readings, _of_result(posted) | bounds)


def group_source(name: str, posted: PostedReduction, readings: GroupReadings) -> SpectrumSource:
    """A detector group of a posted result."""
    return SpectrumSource(name, readings, _of_result(posted))


def series_source(name: str, posted: PostedReduction, readings: SeriesReadings) -> SpectrumSource:
    """A closed series of a posted result, with its own pulse range."""
    pulses = {"pulse_first": readings.pulse_first, "pulse_last": readings.pulse_last}
    return SpectrumSource(name, readings, _of_result(posted) | pulses)


def _of_result(posted: PostedReduction) -> dict[str, int | float]:
    """The numbers that all spectra of a result have in common."""
    first, last = posted.stream.pulse_first, posted.stream.pulse_last
    return {"generation": posted.order.generation, "pulse_first": first, "pulse_last": last}


def da00_message(source: SpectrumSource, posted: PostedReduction, time_ns: int) -> bytes:
    """``da00`` bytes of a spectrum of a posted result.

    - ``signal``, ``errors`` (bins,) float64: intensity and its standard error, as Y and E
    - ``counts`` (bins,) float64, as YC
    - the bin edges (bins + 1,) float64, under the name of their quantity, such as ``d_spacing``
    - ``generation``, ``pulse_first``, ``pulse_last``, and ``low`` and ``high`` of a slice: numbers

    All arrays have that axis. ``time_ns`` is the time of the last pulse, ns since the Unix epoch.
    """
    settings, readings = posted.order.settings, source.readings
    units = settings.units
    axis = units.labels.name
    intensity = intensity_units(units, settings.corrections)
    data: bytes = serialise_da00(
        source.name,
        time_ns,
        [
            _array(SIGNAL, axis, readings.y, intensity),
            _array(ERRORS, axis, readings.e, intensity),
            _array(COUNTS, axis, readings.yc, "counts"),
            _array(axis, axis, posted.view.axis.xe, units.labels.units),
            *(Variable(name, np.array([value])) for name, value in source.numbers.items()),
        ],
    )
    return data


def _array(name: str, axis: str, values: NDArray[np.float64] | None, units: str) -> Variable:
    assert values is not None  # a posted result has a histogram
    return Variable(name, np.ascontiguousarray(values, np.float64), axes=[axis], unit=units)
