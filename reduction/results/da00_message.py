"""Posted results as ``da00`` messages, which consumers of ESS decode.

The names ``signal`` and ``errors`` are those that ESS' own programs give: a coordinate is a further
variable, of the same axis, or of none if it is one number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from streaming_data_types.dataarray_da00 import Variable, serialise_da00

from reduction.results.intensity_labels import intensity_units
from reduction.results.views import PostedReduction

SIGNAL, ERRORS, COUNTS = "signal", "errors", "counts"


def da00_message(source: str, posted: PostedReduction, time_ns: int) -> bytes:
    """``da00`` bytes of a posted result, the sum over slices and groups.

    - ``signal``, ``errors`` (bins,) float64: intensity and its standard error, as Y and E
    - ``counts`` (bins,) float64, as YC
    - the bin edges (bins + 1,) float64, under the name of their quantity, such as ``d_spacing``
    - ``generation``, ``pulse_first``, ``pulse_last``: numbers

    All arrays have that axis. ``time_ns`` is the time of the last pulse, ns since the Unix epoch.
    """
    settings, spectrum, stream = posted.order.settings, posted.view.spectrum, posted.stream
    units = settings.units
    axis = units.labels.name
    intensity = intensity_units(units, settings.corrections)
    values = {"generation": posted.order.generation}
    values |= {"pulse_first": stream.pulse_first, "pulse_last": stream.pulse_last}
    data: bytes = serialise_da00(
        source,
        time_ns,
        [
            _array(SIGNAL, axis, spectrum.y, intensity),
            _array(ERRORS, axis, spectrum.e, intensity),
            _array(COUNTS, axis, spectrum.yc, "counts"),
            _array(axis, axis, spectrum.xe, units.labels.units),
            *(Variable(name, np.array([value], np.int64)) for name, value in values.items()),
        ],
    )
    return data


def _array(name: str, axis: str, values: NDArray[np.float64] | None, units: str) -> Variable:
    assert values is not None  # a posted result has a histogram
    return Variable(name, np.ascontiguousarray(values, np.float64), axes=[axis], unit=units)
