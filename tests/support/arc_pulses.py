"""The reference arc's events, pulse by pulse, and the histograms that ranks must make of them."""

import numpy as np

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.run import RunControl
from reduction.parameters.units import Units
from tests.support import reference_data as reference

EVENTS = reference.events("arc")
DIFC = reference.instrument("arc").difc_us_per_angstrom


def settings(units=Units.D_SPACING, bin_params="0.4,0.001,5"):
    return ReductionSettings(units, bin_params)


def by_temperature():
    return FilterSettings("T", 0, 1, 3)


def events_of(pulse):
    here = EVENTS.pulse == pulse
    return EVENTS.pixel_id[here], EVENTS.tof_ns[here]


def expected(settings, pulses):
    here = np.isin(EVENTS.pulse, list(pulses))
    t = EVENTS.tof_ns[here] / 1000.0
    value = t / DIFC[EVENTS.pixel_id[here]] if settings.units is Units.D_SPACING else t
    place = np.searchsorted(settings.edges, value, side="right")
    return np.bincount(place, minlength=settings.edges.size + 1)[1:-1]


def order(revision, settings, *, generation=0, resets=0, pause=False):
    return RanksOrder(revision, resets, RunControl(pause), (ReductionOrder(generation, settings),))


def check(report, settings, pulses):
    """The report is the exact histogram of whole ``pulses``, and every event is in the account."""
    (result,) = report.results
    counts = expected(settings, pulses)
    np.testing.assert_array_equal(result.edges, settings.edges)
    np.testing.assert_array_equal(result.counts, [[counts]])
    assert report.unaccounted == 0
    assert result.status.events_binned == counts.sum()
    return result
