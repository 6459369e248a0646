"""A calibration with DIFA and TZERO: TOF = DIFA·d² + DIFC·d + TZERO, in every unit and path."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.native.compilation import compile_ordered_passes
from reduction.engines.native.engine import NativeEngine
from reduction.engines.native.passes import (
    curved_kernels,
    edge_kernels,
    kernels,
    order_kernels,
    ordered_kernels,
    pixel_kernels,
)
from reduction.engines.protocol import MAX_TOF_NS, Recipe, all_in_one_slice
from reduction.instrument.calibration import Calibration
from reduction.parameters import bins
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines import textbook
from tests.support.engines.arc_engine import fed, recipe_of, shuffled_slices, tally
from tests.support.engines.plain_counts import plain_counts, plain_counts_of_slices
from tests.support.engines.tried import MakeEngine, each_engine

ARC, EVENTS = reference.instrument("arc"), reference.events("arc")
DIFC = ARC.difc_us_per_angstrom
CALIBRATED_BINS = [
    (Units.D_SPACING, "0.4,0.001,5"),
    (Units.D_SPACING, "0.4,-0.001,5"),
    (Units.D_SPACING, "-1,0.5,60"),
    (Units.MOMENTUM_TRANSFER, "1.2,0.005,16"),
    (Units.MOMENTUM_TRANSFER, "0.1,-0.004,30"),
]


def drawn_calibration(seed: int, largest_difa: float = 60.0) -> Calibration:
    """Constants of both signs for the arc: 0 for a third of the detectors, many without a root."""
    rng = np.random.default_rng(seed)
    difa = rng.uniform(-largest_difa, largest_difa, DIFC.size)
    tzero = rng.uniform(-2000, 2000, DIFC.size)
    difa[rng.integers(0, 3, DIFC.size) == 0] = 0
    tzero[rng.integers(0, 3, DIFC.size) == 0] = 0
    return Calibration(DIFC * rng.uniform(0.98, 1.02, DIFC.size), difa, tzero)


def arc_counts(recipe: Recipe) -> NDArray[np.int64]:
    """What plain arithmetic counts of all events of the arc, (groups, bins)."""
    return plain_counts(ARC, recipe, EVENTS.pixel_id, EVENTS.tof_ns)[0]


def moved(counts: NDArray[np.int64], expected: NDArray[np.int64]) -> int:
    """How much two histograms differ: an event in a neighbouring bin counts twice."""
    return int(np.abs(counts - expected).sum())


@each_engine
@pytest.mark.parametrize(("units", "bin_params"), CALIBRATED_BINS)
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_textbook_root(
    engine: MakeEngine, units: Units, bin_params: str, seed: int
) -> None:
    recipe = recipe_of(units=units, bin_params=bin_params, calibration=drawn_calibration(seed))
    result = tally(fed(engine, recipe))
    expected = arc_counts(recipe)
    if engine is NativeEngine:
        np.testing.assert_array_equal(result.counts[0], expected)
    else:  # Mantid rounds the root otherwise, and takes no event before TZERO where there is DIFA
        positive = recipe.edges[:-1] >= 0
        assert moved(result.counts[0][:, positive], expected[:, positive]) <= 4
    assert result.events == EVENTS.tof_ns.size
    assert result.out_of_range == EVENTS.tof_ns.size - result.binned


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    largest_difa=st.sampled_from([1e-9, 1e-3, 1.0, 60.0, 1e4]),
    units=st.sampled_from([Units.D_SPACING, Units.MOMENTUM_TRANSFER]),
    bin_params=st.sampled_from(
        ["0.4,0.0001,5", "0.4,-0.001,50", "0,0.5,900", "-4,1,-2", "0.4,9,5"]
    ),
)
def test_every_event_lands_where_the_textbook_root_puts_it(
    seed: int, largest_difa: float, units: Units, bin_params: str
) -> None:
    calibration = drawn_calibration(seed, largest_difa)
    edges = bins.edges(bin_params, 200_000)
    group = np.random.default_rng(seed).integers(-1, 3, DIFC.size).astype(np.int32)
    recipe = Recipe(units, edges, group, calibration=calibration)
    tof_ns = EVENTS.tof_ns.copy()
    tof_ns[:6] = [0, 1, -1, 2**31 - 1, -(2**31), 1_000_000_000]
    reduction = NativeEngine(ARC, [recipe], block_events=20_000)
    reduction.accumulate(EVENTS.pixel_id, tof_ns, 0)
    result = tally(reduction)
    counts, rest = plain_counts(ARC, recipe, EVENTS.pixel_id, tof_ns)
    np.testing.assert_array_equal(result.counts[0], counts)
    assert (result.out_of_range, result.masked, result.bad_pixel, result.bad_time) == rest


@each_engine
@pytest.mark.parametrize("units", [Units.TOF, Units.WAVELENGTH, Units.ENERGY])
def test_units_that_do_not_go_through_d_are_as_without_calibration(
    engine: MakeEngine, units: Units
) -> None:
    plain = recipe_of(units=units, bin_params=units.default_bins)
    calibrated = dataclasses.replace(plain, calibration=drawn_calibration(1))
    np.testing.assert_array_equal(
        tally(fed(engine, calibrated)).counts, tally(fed(engine, plain)).counts
    )


@each_engine
def test_an_event_without_a_real_root_is_in_no_bin_and_out_of_range(engine: MakeEngine) -> None:
    difc, difa = 2000.0, -10.0  # the longest time of flight with a root is difc²/40 = 100 ms
    each = np.ones(DIFC.size)
    recipe = recipe_of(
        bin_params="0.001,300,900.001", calibration=Calibration(difc * each, difa * each, 0 * each)
    )
    reduction = engine(ARC, [recipe])
    ids = ARC.detector_id[~ARC.is_monitor][:4]
    tofs_ns = np.array([99_999_999, 100_000_001, 200_000_000, 4_000_000], np.int32)
    reduction.accumulate(ids, tofs_ns, 0)
    result = tally(reduction)
    assert (result.binned, result.out_of_range, result.events) == (2, 2, 4)


@each_engine
@pytest.mark.parametrize("slices", [1, 3])
def test_new_bins_on_sorted_events_are_those_of_a_pass(engine: MakeEngine, slices: int) -> None:
    slice_of = shuffled_slices if slices == 3 else all_in_one_slice
    group = (np.arange(DIFC.size) % 4 - 1).astype(np.int32)
    first = recipe_of(
        calibration=drawn_calibration(5), group=group, slices=slices, slice_of=slice_of
    )
    prepared = fed(engine, first)
    tally(prepared)
    assert prepared.prepare(600)
    for bin_params in ("0.4,0.0001,5", "0.4,-0.01,5", "-1,3,2.5"):
        second = dataclasses.replace(first, edges=bins.edges(bin_params, 100_000))
        prepared.configure(0, second)
        direct = tally(fed(engine, second))
        result = tally(prepared)
        np.testing.assert_array_equal(result.counts, direct.counts)
        assert result.out_of_range == direct.out_of_range


@each_engine
def test_slices_hold_what_the_textbook_root_counts_in_them(engine: MakeEngine) -> None:
    recipe = recipe_of(slices=3, slice_of=shuffled_slices, calibration=drawn_calibration(6))
    result = tally(fed(engine, recipe))
    counts, filtered = plain_counts_of_slices(recipe, shuffled_slices)
    assert moved(result.counts, counts) <= (0 if engine is NativeEngine else 4)
    assert result.filtered == filtered


@each_engine
def test_folded_events_stay_in_their_bins(engine: MakeEngine) -> None:
    recipe = recipe_of(bin_params="0.4,0.01,5", calibration=drawn_calibration(7))
    folded, kept = fed(engine, recipe), fed(engine, recipe)
    tally(folded)
    folded.limit(0, keep=True)
    tally(folded)
    assert folded.folded > EVENTS.tof_ns.size / 2
    np.testing.assert_array_equal(tally(folded).counts, tally(kept).counts)
    coarser = dataclasses.replace(recipe, edges=bins.edges("0.4,0.02,5", 1000))
    folded.configure(0, coarser)
    kept.configure(0, coarser)
    np.testing.assert_array_equal(tally(folded).counts, tally(kept).counts)


@each_engine
def test_fading_weights_go_into_the_same_bins(engine: MakeEngine) -> None:
    recipe = recipe_of(calibration=drawn_calibration(8), fade_s=1e9)
    reduction = fed(engine, recipe)
    counts = tally(reduction).counts
    faded = reduction.tally(0, reduction.faded(0, int(EVENTS.pulse.max()))[0]).counts
    np.testing.assert_allclose(faded, counts, rtol=1e-6)


@each_engine
def test_another_calibration_counts_all_retained_events_again(engine: MakeEngine) -> None:
    straight = recipe_of(calibration=Calibration.of_difc(DIFC))
    curved = dataclasses.replace(straight, calibration=drawn_calibration(9))
    reduction = fed(engine, straight)
    tally(reduction)
    reduction.prepare(600)
    for recipe in (curved, straight):
        reduction.configure(0, recipe)
        np.testing.assert_array_equal(tally(reduction).counts, tally(fed(engine, recipe)).counts)


def test_the_root_agrees_with_the_common_formula_in_more_digits() -> None:
    rng = np.random.default_rng(3)
    difc = rng.uniform(500, 20_000, 3000)
    difa = rng.uniform(-1, 1, 3000) * 10.0 ** rng.integers(-12, 1, 3000)
    tzero, d = rng.uniform(-100, 100, 3000), rng.uniform(0.05, 30, 3000)
    tof = difa * d * d + difc * d + tzero
    wide = [each.astype(np.longdouble) for each in (tof, difc, difa, tzero)]
    t, b, a, c = wide
    expected = (-b + np.sqrt(b * b - 4 * a * (c - t))) / (2 * a)
    found = textbook.calibrated_d(tof, difc, difa, tzero)
    digits = np.abs(difa) > 1e-3  # below, the common formula cancels even with more digits
    np.testing.assert_allclose(found[digits], expected[digits].astype(float), rtol=1e-12)
    np.testing.assert_allclose(found, d, rtol=1e-10)


def test_constants_of_zero_are_the_calibration_of_difc_alone_bit_for_bit() -> None:
    rng = np.random.default_rng(4)
    tof, difc = rng.uniform(1, 1e6, 10_000), rng.uniform(100, 20_000, 10_000)
    nothing = np.zeros(10_000)
    np.testing.assert_array_equal(textbook.calibrated_d(tof, difc, nothing, nothing), tof / difc)


def test_all_passes_are_compiled_before_events_come() -> None:
    passes = (
        kernels.uniform_pass,
        kernels.searching_pass,
        curved_kernels.uniform_curved_pass,
        order_kernels.find_parts,
        order_kernels.order_parts,
        edge_kernels.count_all,
        ordered_kernels.count_by_key,
        ordered_kernels.count_unmasked,
        ordered_kernels.count_in_cells,
        ordered_kernels.count_pixels_between,
        pixel_kernels.pixel_window_pass,
    )
    group = np.zeros(DIFC.size, np.int32)
    plain = Recipe(Units.TOF, np.array([1.0, 2.0]), group)
    engine = NativeEngine(ARC, [plain], block_events=100)
    compile_ordered_passes(MAX_TOF_NS)
    before = [len(each.signatures) for each in passes]
    engine.accumulate(EVENTS.pixel_id[:1000], EVENTS.tof_ns[:1000], 0)
    for units in Units.TOF, Units.D_SPACING:
        for edges in [1.0, 2.0, 3.0], [1.0, 2.0, 4.0, 5.0, 5.5]:
            for calibration in None, drawn_calibration(1):
                recipe = Recipe(units, np.array(edges), group, calibration=calibration)
                engine.configure(0, recipe)
                tally(engine)
                assert engine.prepare(600)
                for each in np.where(np.arange(group.size) % 2, 0, -1), np.arange(group.size) % 2:
                    changed = dataclasses.replace(recipe, group=each.astype(np.int32))
                    engine.configure(0, changed)
                    tally(engine)
    assert [len(each.signatures) for each in passes] == before
