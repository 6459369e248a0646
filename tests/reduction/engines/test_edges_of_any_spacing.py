"""Events are counted where comparison with the edges puts them, however edges are spaced."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.arc_engine import all_in_one, tally
from tests.support.engines.plain_counts import plain_counts

ARC = reference.instrument("arc")
LAST_BINS = [1e-9, 0.001, 0.3, 0.999, 1.0, 1.001, 7.5, 1e4]
"""Widths of the last bin, in widths of the others."""


def near(times_us: NDArray[np.float64]) -> NDArray[np.int32]:
    """Times of flight in ns at these times, close to them, and far above all."""
    steps = np.array([-1000, -2, -1, 0, 1, 2, 1000])
    close = (np.round(times_us * 1000)[:, np.newaxis] + steps).ravel()
    return np.append(close[close > 0], [10**8, 10**9]).astype(np.int32)


@pytest.mark.parametrize("last_bin", LAST_BINS)
@pytest.mark.parametrize("units", [Units.TOF, Units.D_SPACING, Units.MOMENTUM_TRANSFER])
@pytest.mark.parametrize("bins", [2, 50, 20_000])
def test_a_last_bin_of_any_width_has_the_events_between_its_edges(
    bins: int, units: Units, last_bin: float
) -> None:
    pixel_id = ARC.detector_id[:: ARC.detector_id.size // 20]
    tof_ns = near(np.linspace(900.0, 21_000.0, 60))
    pixel_id, tof_ns = (each.ravel() for each in np.meshgrid(pixel_id, tof_ns))
    low, width = {
        Units.TOF: (1000.0, 20_000.0),
        Units.D_SPACING: (0.3, 4.0),
        Units.MOMENTUM_TRANSFER: (1.0, 20.0),
    }[units]
    steps = np.append(np.full(bins - 1, 1.0), last_bin)
    edges = low + width * np.concatenate(([0.0], np.cumsum(steps))) / bins
    recipe = Recipe(units, np.unique(edges), all_in_one(ARC))
    engine = NativeEngine(ARC, [recipe])
    engine.accumulate(pixel_id.astype(np.int32), tof_ns, 0)
    counts, rest = plain_counts(ARC, recipe, pixel_id, tof_ns)
    found = tally(engine)
    np.testing.assert_array_equal(found.counts[0], counts)
    assert (found.out_of_range, found.masked, found.bad_pixel, found.bad_time) == rest


@pytest.mark.parametrize("units", [Units.TOF, Units.D_SPACING])
@pytest.mark.parametrize("crowded", [1, 7, 8, 9, 100, 30_000])
def test_edges_may_be_crowded_in_a_small_part_of_their_range(units: Units, crowded: int) -> None:
    events = reference.events("arc")
    middle = 5000.0 if units is Units.TOF else 1.5
    edges = np.concatenate(
        ([-middle, middle / 1e4], np.linspace(middle, 1.01 * middle, crowded), [1e4 * middle])
    )
    recipe = Recipe(units, edges, all_in_one(ARC))
    engine = NativeEngine(ARC, [recipe])
    engine.accumulate(events.pixel_id, events.tof_ns, 0)
    counts, _ = plain_counts(ARC, recipe, events.pixel_id, events.tof_ns)
    np.testing.assert_array_equal(tally(engine).counts[0], counts)
