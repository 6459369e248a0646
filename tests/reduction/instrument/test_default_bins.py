"""The first bins of each unit have nearly all of a powder pattern, whatever the instrument."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reduction.instrument.default_bins import DECLARED_BINS, default_bins
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.parameters.bins import edges
from reduction.parameters.limits import MAX_BINS
from reduction.parameters.units import Units
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings
from tests.support.engines import textbook

ARC = powder_arc()


def long_one() -> Instrument:
    """A diffractometer with a flight path of 100 m, and detectors far back alone."""
    back = (ARC.detector_id > 900) & ~ARC.is_monitor
    ids, positions = ARC.detector_id[back], ARC.position_m[back]
    return Instrument("long", ids, positions, np.zeros(ids.size, np.bool_), 98.0)


def short_one() -> Instrument:
    """One with a flight path of 6 m."""
    return replace(ARC, l1_m=4.0)


def share_inside(instrument: Instrument, units: Units) -> float:
    """The share of simulated events that are within the first bins of a unit."""
    events = PulseGenerator(instrument, 1).events(SimulatorSettings(), 3)
    place = np.searchsorted(instrument.detector_id, events.pixel_id)
    values = textbook.value_of_pixels(units, events.tof_ns / 1000, instrument, place)
    axis = edges(default_bins(instrument)[units], MAX_BINS)
    return float(np.mean((values >= axis[0]) & (values < axis[-1])))


def test_the_simulated_diffractometer_has_the_declared_bins() -> None:
    assert default_bins(ARC) == DECLARED_BINS


@pytest.mark.parametrize("units", Units)
def test_other_instruments_lose_hardly_any_events(units: Units) -> None:
    for instrument in (long_one(), short_one()):
        assert share_inside(instrument, units) > 0.9


def test_bins_are_as_many_as_declared_or_a_few_less() -> None:
    for instrument in (long_one(), short_one()):
        for units, bins in default_bins(instrument).items():
            wanted = edges(DECLARED_BINS[units], MAX_BINS).size
            assert edges(bins, MAX_BINS).size < 2.5 * wanted


def test_an_instrument_in_the_beam_alone_has_the_declared_bins() -> None:
    assert default_bins(replace(ARC, is_monitor=ARC.is_monitor | True)) == DECLARED_BINS
