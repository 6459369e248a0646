"""Events are counted where comparison with the edges puts them, if bins widen with the value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.engines.native.engine import NativeEngine
from reduction.engines.native.passes.kernels import approximate_log2
from reduction.engines.native.passes.tables import LOG2_ERROR, EvenEdges
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.parameters import bins
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines import textbook
from tests.support.engines.arc_engine import all_in_one, tally
from tests.support.engines.plain_counts import plain_counts

ARC = reference.instrument("arc")
PIXELS = np.flatnonzero(~ARC.is_monitor)[::50]
MOST_BINS = 1_000_000


@pytest.mark.parametrize(
    "times",
    [
        np.linspace(1, 2, 200_001),
        2.0 ** np.arange(-30, 31),
        np.random.default_rng(1).integers(1, MAX_TOF_NS, 100_000).astype(float),
    ],
    ids=["an octave", "powers of two", "times of flight"],
)
def test_the_logarithm_is_as_exact_as_is_said(times: np.ndarray) -> None:
    found = np.array([approximate_log2(each) for each in times])
    assert np.abs(found - np.log2(times)).max() < LOG2_ERROR


def test_bins_of_a_fixed_part_of_their_value_are_even_in_its_logarithm() -> None:
    spacing = EvenEdges.of(bins.edges("0.4,-0.001,5", MOST_BINS))
    assert spacing is not None
    assert spacing.logarithmic
    assert spacing.per_unit == pytest.approx(np.log(2) / np.log(1.001), rel=1e-6)
    for uneven in ("0.4,-0.001,1,-0.01,5", "0.4,-0.001,1,0.01,5", "-1,0.1,1,-0.1,5"):
        assert EvenEdges.of(bins.edges(uneven, MOST_BINS)) is None


@given(
    units=st.sampled_from(Units),
    low=st.floats(0.01, 3),
    octaves=st.floats(0.01, 12),
    step=st.sampled_from([0.7, 0.1, 1e-3, 2e-5]),
    seed=st.integers(0, 10**6),
)
def test_events_on_edges_and_beside_them_are_in_their_bins(
    units: Units, low: float, octaves: float, step: float, seed: int
) -> None:
    """Times of flight are those of the edges, of the ns before and after, and some of no pulse."""
    high = low * 2**octaves
    edges = bins.edges(f"{low!r},{-step!r},{high!r}", MOST_BINS)
    rng = np.random.default_rng(seed)
    row = rng.choice(PIXELS, 400)
    coefficient = units.coefficients(ARC.path_m, ARC.difc_us_per_angstrom)[row]
    at = rng.choice(edges, row.size)
    power = units.tof_exponent
    time_us = at * coefficient if power == 1 else (coefficient / at) ** (-1 / power)
    tof_ns = np.round(time_us * 1000) + rng.integers(-1, 2, row.size)
    tof_ns = np.clip(tof_ns, -1, MAX_TOF_NS + 1).astype(np.int32)
    pixel_id = ARC.detector_id[row].astype(np.int32)
    group = all_in_one(ARC)
    group[PIXELS[0]] = -1
    recipe = Recipe(units, edges, group)
    engine = NativeEngine(ARC, [recipe])
    engine.accumulate(pixel_id, tof_ns, 0)
    counts, rest = plain_counts(ARC, recipe, pixel_id, tof_ns)
    found = tally(engine)
    np.testing.assert_array_equal(found.counts[0], counts)
    assert (found.out_of_range, found.masked, found.bad_pixel, found.bad_time) == rest
    inside = textbook.value_of_pixels(units, np.maximum(tof_ns, 1) / 1000.0, ARC, row)
    assert found.counts.sum() <= np.count_nonzero((inside >= low) & (inside < edges[-1]))
