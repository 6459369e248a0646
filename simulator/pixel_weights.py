"""How many events each detector gets: a shadow on detectors, hot detectors and dead ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.id_ranges import BadWord, parse_ranges
from reduction.instrument.detector_ranges import detectors_in
from reduction.instrument.geometry import Instrument
from reduction.parameters.specs import Refused


@dataclass(frozen=True)
class Shadow:
    """A cone from the sample, in which only a share of neutrons, ``transmission``, is detected.

    Its axis is at the scattering angle ``two_theta`` and the ``azimuth``, which is 0 at x and 90
    at y, up; ``radius`` is its half angle. All are in degrees.
    """

    two_theta: float
    azimuth: float
    radius: float
    transmission: float

    def holds(self, instrument: Instrument) -> NDArray[np.bool_]:
        """The detectors in the shadow, (detectors,) bool; the rim is in it."""
        polar, around = np.radians(self.two_theta), np.radians(self.azimuth)
        across = np.sin(polar)
        axis = np.array([across * np.cos(around), across * np.sin(around), np.cos(polar)])
        cosine = instrument.position_m @ axis / np.maximum(instrument.l2_m, 1e-300)
        inside: NDArray[np.bool_] = cosine >= np.cos(np.radians(self.radius))
        return inside


@dataclass(frozen=True)
class DetectorFaults:
    """What makes some detectors count more or fewer events than others; by default nothing.

    ``hot`` and ``dead`` are lists of detector ids, as `check_ids` takes them. A hot detector has
    ``hot_factor`` times as many events, a dead one none.
    """

    shadow: Shadow | None = None
    hot: str = ""
    hot_factor: float = 1.0
    dead: str = ""

    def weights(self, instrument: Instrument) -> NDArray[np.float64]:
        """Relative numbers of events in each detector, (detectors,) float64, 0 or above.

        A sound detector outside the shadow has 1. Ids that the instrument lacks have no effect.
        """
        weights = np.ones(instrument.detector_id.size)
        if self.shadow is not None:
            weights[self.shadow.holds(instrument)] *= self.shadow.transmission
        weights[detectors_in(parse_ranges(self.hot), instrument)] *= self.hot_factor
        weights[detectors_in(parse_ranges(self.dead), instrument)] = 0.0
        return weights


def check_ids(pv: str, text: str) -> None:
    """Raises `Refused` if ``text`` is no list of detector ids and ranges, such as ``0:15, 40``."""
    try:
        parse_ranges(text)
    except BadWord as bad:
        why = f"{bad.word!r}: an id or a range a:b was expected"
        raise Refused(pv, text, why) from None
