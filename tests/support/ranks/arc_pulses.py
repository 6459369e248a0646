"""The reference arc's events, pulse by pulse, and the histograms that ranks must make of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport, ReductionResult
from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference

EVENTS = reference.events("arc")
DIFC = reference.instrument("arc").difc_us_per_angstrom


def settings(units: Units = Units.D_SPACING, bin_params: str = "0.4,0.001,5") -> ReductionSettings:
    """Settings of a reduction, in d-spacing unless told otherwise."""
    return ReductionSettings(units, bin_params)


def by_temperature() -> FilterSettings:
    """Three slices between 0 and 1 of the log ``T``."""
    return FilterSettings("T", 0, 1, 3)


def events_of(pulse: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pixel ids and times of flight (ns) of a pulse's events."""
    here = EVENTS.pulse == pulse
    return EVENTS.pixel_id[here], EVENTS.tof_ns[here]


def expected(settings: ReductionSettings, pulses: Iterable[int]) -> NDArray[np.int64]:
    """Counts in each bin of the events of ``pulses``."""
    here = np.isin(EVENTS.pulse, list(pulses))
    t = EVENTS.tof_ns[here] / 1000.0
    value = t / DIFC[EVENTS.pixel_id[here]] if settings.units is Units.D_SPACING else t
    place = np.searchsorted(settings.edges, value, side="right")
    return np.bincount(place, minlength=settings.edges.size + 1)[1:-1]


def counts_of(result: ReductionResult) -> NDArray[np.int64]:
    """The counts (slices, groups, bins) of a result that has some."""
    assert result.counts is not None
    return result.counts


def order(
    revision: int,
    settings: ReductionSettings,
    *,
    generation: int = 0,
    resets: int = 0,
    pause: bool = False,
) -> RanksOrder:
    """An order to the ranks, for one reduction."""
    return RanksOrder(revision, resets, RunControl(pause), (ReductionOrder(generation, settings),))


def check(
    report: RanksReport, settings: ReductionSettings, pulses: Iterable[int]
) -> ReductionResult:
    """The report's one result: the exact histogram of ``pulses``, with every event accounted."""
    (result,) = report.results
    counts = expected(settings, pulses)
    np.testing.assert_array_equal(result.edges, settings.edges)
    np.testing.assert_array_equal(result.counts, [[counts]])
    assert report.unaccounted == 0
    assert result.status.events_binned == counts.sum()
    return result
