"""The contract that every engine keeps."""

from __future__ import annotations

import dataclasses
import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.definitions.idf_reader import read_definition
from reduction.engines import recipe as recipes_of_settings
from reduction.engines.protocol import MAX_TOF_NS, Recipe, all_in_one_slice
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.selection import MASKED
from reduction.parameters import bins
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.arc_engine import (
    all_in_one,
    fed,
    later_slices,
    recipe_of,
    sent_to_monitors,
    shuffled_slices,
    tally,
)
from tests.support.engines.plain_counts import plain_counts, plain_counts_of_slices
from tests.support.engines.tried import MakeEngine, each_engine

CASES = [case for kind in ("cases", "groups", "masked") for case in reference.MANIFEST[kind]]
BINS = {  # on top of the default bins of each unit
    Units.TOF: [
        "1000,50,60000",
        "1,-0.01,60000",
        "0,7,30000",
        "-5,10,400",
        "-9,1,-2",
        "-9,4,3,-1,70",
        "0,1e-310,1e-308",
        "1e-320,-0.5,1e-310",
        "0,1e300,1e305",
    ],
    Units.WAVELENGTH: ["0.2,0.01,9", "0.2,-0.002,9"],
    Units.D_SPACING: [
        "0.4,0.0001,5",
        "0.4,-0.001,5",
        "0.5,0.05,1.5,0.1,4.5",
        "2,3,2.5",
        "0.4,0.3,5",
    ],
    Units.MOMENTUM_TRANSFER: ["1,0.02,16", "0.1,-0.004,30", "0,0.5,9"],
    Units.ENERGY: ["1,-0.01,2000", "0,1,100", "1e-6,-0.1,1e9"],
}


@each_engine
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["key"])
def test_counts_equal_mantids(engine: MakeEngine, case: dict[str, str]) -> None:
    instrument = reference.instrument(case["instrument"])
    events = reference.events(case["instrument"])
    edges = bins.edges(case["bin_params"], 200_000)
    recipe = Recipe(Units(case["unit"]), edges, reference.groups(case))
    reduction = engine(instrument, [recipe])
    reduction.accumulate(events.pixel_id, events.tof_ns, 0)
    result = tally(reduction)
    np.testing.assert_array_equal(edges, reference.histogram(case, "edges"))
    astray = np.abs(result.counts[0, 0] - reference.histogram(case, "counts")).sum()
    same_constants = case["unit"] in ("dSpacing", "TOF")
    assert astray <= (0 if same_constants else 2)  # one event in a neighbouring bin counts twice
    np.testing.assert_allclose(
        np.sqrt(result.counts[0, 0]),
        reference.histogram(case, "errors"),
        atol=0 if same_constants else 1,
    )
    assert result.events == events.tof_ns.size


@each_engine
@pytest.mark.parametrize("groups", ["banks", "bank90;bank150"])
def test_groups_of_banks_count_as_mantids_groups(engine: MakeEngine, groups: str) -> None:
    cases = [each for each in reference.MANIFEST["groups"] if each["instrument"] == "panels"]
    panels, events = read_definition(reference.FOLDER / "panels.xml"), reference.events("panels")
    detectors = DetectorSettings(groups=groups, banks=panels.bank_names)
    asked = ReductionSettings(bin_params=cases[0]["bin_params"], detectors=detectors)
    reduction = engine(panels, [recipes_of_settings.recipe(asked, panels)])
    reduction.accumulate(events.pixel_id, events.tof_ns, 0)
    expected = [reference.histogram(case, "counts") for case in cases]
    np.testing.assert_array_equal(tally(reduction).counts[0], expected)


@each_engine
def test_a_detector_in_the_beam_has_a_time_of_flight_and_no_d_spacing(engine: MakeEngine) -> None:
    beam = Instrument("beam", np.array([1, 2], np.int32), np.eye(3)[[2, 0]], np.zeros(2, bool), 9.0)
    bins_of = {Units.TOF: "1000,1000,9000", Units.D_SPACING: "0.1,0.1,9"}
    asked = [Recipe(u, bins.edges(b, 100), np.zeros(2, np.int32)) for u, b in bins_of.items()]
    own = dataclasses.replace(asked[1], calibration=Calibration.of_difc(beam.difc_us_per_angstrom))
    reduction = engine(beam, [*asked, own])
    reduction.accumulate(np.array([1, 2], np.int32), np.full(2, 5_000_000, np.int32), 0)
    results = [tally(reduction, number) for number in range(3)]
    assert [each.counts.sum() for each in results] == [2, 1, 1]
    assert [each.out_of_range for each in results] == [0, 1, 1]


@each_engine
@pytest.mark.parametrize("units", [Units.TOF, Units.D_SPACING])
def test_an_instrument_of_monitors_alone_has_nothing_in_its_bins(
    engine: MakeEngine, units: Units
) -> None:
    beam = Instrument("beam", np.array([1, 2], np.int32), -np.eye(3)[[2, 0]], np.ones(2, bool), 9.0)
    asked = Recipe(units, np.array([0.1, 9]), np.zeros(2, np.int32))
    reduction = engine(beam, [asked])
    reduction.check(asked)
    ids, tofs_ns = np.array([1, 2, 3], np.int32), np.full(3, 5_000_000, np.int32)
    for time_ns in (0, 1):
        reduction.accumulate(ids, tofs_ns, time_ns)
        result = tally(reduction)
        assert (result.binned, result.out_of_range, reduction.message) == (0, 0, "")
        assert (result.masked, result.bad_pixel) == (2 + 2 * time_ns, 1 + time_ns)


@each_engine
@settings(max_examples=60)
@given(data=st.data())
def test_every_event_lands_where_plain_arithmetic_puts_it(
    engine: MakeEngine, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(reference.NAMES))
    instrument = reference.instrument(name)
    units = data.draw(st.sampled_from(list(Units)))
    bin_params = data.draw(st.sampled_from([units.default_bins, *BINS.get(units, [])]))
    seed = data.draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    group = rng.integers(-1, 3, instrument.detector_id.size).astype(np.int32)
    recipe = Recipe(units, bins.edges(bin_params, 200_000), group)
    n = data.draw(st.integers(0, 6000))
    pixel_id = rng.integers(-3, int(instrument.detector_id.max()) + 4, n).astype(np.int32)
    tof_ns = rng.integers(-10, 70_000_000, n).astype(np.int32)
    extreme = [0, 1, -1, -(2**31), 2**31 - 1, MAX_TOF_NS, MAX_TOF_NS + 1]
    tof_ns[: len(extreme)] = extreme[:n]
    pixel_id[n // 2 : n // 2 + 2] = [-(2**31), 2**31 - 1][: pixel_id[n // 2 : n // 2 + 2].size]
    reduction = engine(instrument, [recipe])
    reduction.accumulate(pixel_id, tof_ns, 0)
    result = tally(reduction)
    counts, rest = plain_counts(instrument, recipe, pixel_id, tof_ns)
    np.testing.assert_array_equal(result.counts[0], counts)
    assert (result.out_of_range, result.masked, result.bad_pixel, result.bad_time) == rest


@each_engine
@pytest.mark.parametrize("bin_params", ["0.4,0.0001,5", "0.4,-0.001,5"])
def test_a_value_on_an_edge_belongs_to_the_bin_above(engine: MakeEngine, bin_params: str) -> None:
    instrument = powder_arc()
    tof_ns = np.arange(1_000_000, 1_200_000, dtype=np.int32)
    t = tof_ns / 1000.0
    edges = np.unique(t[::7])  # every seventh value is exactly an edge
    recipe = Recipe(Units.TOF, edges, all_in_one(instrument))
    reduction = engine(instrument, [recipe])
    reduction.accumulate(np.zeros(t.size, np.int32), tof_ns, 0)
    expected = np.searchsorted(edges, t, side="right") - 1
    expected = np.bincount(expected[t < edges[-1]], minlength=edges.size - 1)
    np.testing.assert_array_equal(tally(reduction).counts[0, 0], expected)


@each_engine
@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(0, 150_000), max_size=6),
    random=st.randoms(use_true_random=False),
)
def test_pieces_in_any_order_give_what_one_piece_gives(
    engine: MakeEngine, cuts: list[int], random: Random
) -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    recipe = Recipe(Units.D_SPACING, bins.edges("0.4,0.001,5", 10_000), all_in_one(instrument))
    bounds = [0, *sorted(cuts), events.tof_ns.size]
    pieces = [slice(a, b) for a, b in itertools.pairwise(bounds)]
    random.shuffle(pieces)
    whole, parts = engine(instrument, [recipe]), engine(instrument, [recipe])
    whole.accumulate(events.pixel_id, events.tof_ns, 0)
    for piece in pieces:
        parts.accumulate(events.pixel_id[piece], events.tof_ns[piece], 0)
        parts.advance(0)
    tally(parts), tally(whole)
    np.testing.assert_array_equal(parts.cells(0), whole.cells(0))


@each_engine
def test_a_new_recipe_applies_to_all_retained_events(engine: MakeEngine) -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    first = Recipe(Units.D_SPACING, bins.edges("0.4,0.001,5", 10_000), all_in_one(instrument))
    second = Recipe(Units.TOF, bins.edges("1000,-0.003,60000", 10_000), all_in_one(instrument))
    changed, fresh = engine(instrument, [first]), engine(instrument, [second])
    for reduction in (changed, fresh):
        reduction.accumulate(events.pixel_id, events.tof_ns, 0)
    tally(changed)
    changed.configure(0, second)
    np.testing.assert_array_equal(tally(changed).counts, tally(fresh).counts)
    assert changed.retained == events.tof_ns.size


@each_engine
def test_two_reductions_share_the_events_and_nothing_else(engine: MakeEngine) -> None:
    instrument, events = reference.instrument("panels"), reference.events("panels")
    recipes = [
        Recipe(Units.D_SPACING, bins.edges("0.4,0.01,5", 10_000), all_in_one(instrument)),
        Recipe(Units.ENERGY, bins.edges("1,-0.01,2000", 10_000), all_in_one(instrument)),
    ]
    both = engine(instrument, recipes)
    both.accumulate(events.pixel_id, events.tof_ns, 0)
    for number, recipe in enumerate(recipes):
        alone = engine(instrument, [recipe])
        alone.accumulate(events.pixel_id, events.tof_ns, 0)
        np.testing.assert_array_equal(tally(both, number).counts, tally(alone).counts)


@each_engine
@pytest.mark.parametrize("bin_params", ["0.4,0.0001,5", "0.4,-0.001,5"])
def test_monitors_are_counted_in_each_slice_whatever_their_group_and_time(
    engine: MakeEngine, bin_params: str
) -> None:
    instrument, monitored = sent_to_monitors()
    events = reference.events("arc")
    group = (np.arange(1000) % 3 - 1).astype(np.int32)
    recipe = recipe_of(bin_params=bin_params, slices=3, slice_of=shuffled_slices, group=group)
    keys = shuffled_slices(events.pulse.astype(np.int64))
    expected = [np.count_nonzero(monitored & (keys == number)) for number in range(3)]
    masked = np.isin(events.pixel_id, instrument.detector_id[group == MASKED]) | monitored
    passed = fed(engine, recipe, instrument=instrument)
    prepared = fed(engine, recipe, instrument=instrument)
    tally(prepared)
    assert prepared.prepare(600)
    prepared.configure(0, recipe)
    for each in (passed, prepared):
        result = tally(each)
        assert result.monitor_counts.tolist() == expected
        assert result.masked == np.count_nonzero(masked & (keys >= 0))
        assert result.events == events.tof_ns.size


@each_engine
def test_clearing_drops_events_and_counts(engine: MakeEngine) -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    recipe = Recipe(Units.D_SPACING, bins.edges("0.4,0.01,5", 10_000), all_in_one(instrument))
    reduction = engine(instrument, [recipe])
    reduction.accumulate(events.pixel_id, events.tof_ns, 0)
    tally(reduction)
    reduction.clear()
    assert reduction.retained == 0
    assert tally(reduction).events == 0


@each_engine
def test_each_slice_holds_the_events_of_its_pulses_and_the_rest_is_filtered(
    engine: MakeEngine,
) -> None:
    group = (np.arange(1000) % 3 - 1).astype(np.int32)
    recipe = recipe_of(slices=3, slice_of=shuffled_slices, group=group)
    result = tally(fed(engine, recipe))
    counts, filtered = plain_counts_of_slices(recipe, shuffled_slices)
    np.testing.assert_array_equal(result.counts, counts)
    assert result.filtered == filtered
    assert result.events == reference.events("arc").tof_ns.size


@each_engine
@pytest.mark.parametrize("bin_params", ["0.4,0.0001,5", "0.4,-0.01,5", "2,3,2.5", "1,0.0001,1.05"])
@pytest.mark.parametrize("slices", [1, 3])
def test_new_bins_on_prepared_events_are_those_of_a_pass(
    engine: MakeEngine, bin_params: str, slices: int
) -> None:
    slice_of = shuffled_slices if slices == 3 else all_in_one_slice
    group = (np.arange(1000) % 4 - 1).astype(np.int32)
    first = recipe_of(slices=slices, slice_of=slice_of, group=group)
    second = recipe_of(bin_params=bin_params, slices=slices, slice_of=slice_of, group=group)
    prepared = fed(engine, first)
    tally(prepared)
    assert prepared.prepare(600)
    prepared.configure(0, second)
    tally(prepared)
    direct = fed(engine, second)
    tally(direct)
    np.testing.assert_array_equal(prepared.cells(0), direct.cells(0))


@each_engine
def test_events_whose_slice_changes_move_to_it(engine: MakeEngine) -> None:
    answers = [shuffled_slices]
    recipe = recipe_of(slices=3, slice_of=lambda times_ns: answers[0](times_ns))
    moving = fed(engine, recipe)
    tally(moving)
    moving.prepare(600)
    answers[0] = later_slices
    moving.reslice(0, 0, 10**9)
    expected, filtered = plain_counts_of_slices(recipe, later_slices)
    result = tally(moving)
    np.testing.assert_array_equal(result.counts, expected)
    assert result.filtered == filtered
    moving.configure(0, recipe_of(slices=3, slice_of=recipe.slice_of, bin_params="1,0.01,2"))
    assert tally(moving).events == reference.events("arc").tof_ns.size


@each_engine
def test_a_calibration_replaces_the_difc_of_the_geometry(engine: MakeEngine) -> None:
    instrument = reference.instrument("arc")
    difc = instrument.difc_us_per_angstrom * 1.01
    calibrated = tally(fed(engine, recipe_of(calibration=Calibration.of_difc(difc))))
    edges = recipe_of().edges
    events = reference.events("arc")
    expected, _ = np.histogram(events.tof_ns / 1000.0 / difc[events.pixel_id], edges)
    np.testing.assert_array_equal(calibrated.counts[0, 0], expected)


@each_engine
def test_a_new_reduction_starts_with_what_is_retained(engine: MakeEngine) -> None:
    first, second = recipe_of(), recipe_of(units=Units.WAVELENGTH, bin_params="0.2,0.01,9")
    both = fed(engine, first)
    both.configure(1, second)
    np.testing.assert_array_equal(tally(both, 1).counts, tally(fed(engine, second)).counts)
    np.testing.assert_array_equal(tally(both, 0).counts, tally(fed(engine, first)).counts)


@each_engine
def test_a_group_whose_detectors_are_all_masked_is_there_and_empty(engine: MakeEngine) -> None:
    result = tally(fed(engine, recipe_of(least_groups=3)))
    assert result.counts.shape[1] == 3
    assert result.counts[:, 1:].sum() == 0


@each_engine
def test_detectors_are_found_however_far_apart_their_ids_are(engine: MakeEngine) -> None:
    ids = np.array([7, -(2**31), 2**31 - 1, 6, 20_000_000], np.int32)
    monitor = np.array([False, False, False, True, False])
    wide = Instrument("wide", ids, np.tile([1.0, 0, 0], (5, 1)), monitor, 9.0)
    group = np.array([0, 1, 2, 0, MASKED], np.int32)
    asked = Recipe(Units.TOF, np.array([0.0, 10.0, 20.0]), group)
    reduction = engine(wide, [asked])
    near = np.array([5, 6, 7, 8, -1, 0, 19_999_999, 20_000_000, 20_000_001], np.int32)
    events = np.concatenate([near, [-(2**31), -(2**31) + 1, 2**31 - 2, 2**31 - 1]]).astype(np.int32)
    reduction.accumulate(events, np.full(events.size, 5000, np.int32), 0)
    result = tally(reduction)
    assert result.counts[0].tolist() == [[1, 0], [1, 0], [1, 0]]
    assert (result.masked, result.monitor_counts.tolist(), result.bad_pixel) == (2, [1], 8)
