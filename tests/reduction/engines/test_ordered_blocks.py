"""Events in ordered blocks are counted as events that stay as they arrived."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.memory_pool import FEW_SPARE
from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.blocks.ordering import MERGED_TOGETHER, RAW_TOGETHER
from reduction.engines.native.engine import NativeEngine
from reduction.engines.native.passes.edge_kernels import count_below
from reduction.engines.native.passes.packing import Packing, ValueTables, packed_values
from reduction.engines.protocol import PixelWindow, Recipe, ViewKind, ViewRecipes
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.parameters import bins
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.arc_engine import recipe_of
from tests.support.no_threads import no_threads

PULSES = 8
EDGES = {
    Units.D_SPACING: ["0.4,0.01,5", "0.4,-0.02,5", "1,0.0001,1.2", "0.5,1,2.5"],
    Units.TOF: ["1000,500,60000", "0,7,3000", "-20000,20000,60000"],
    Units.ENERGY: ["1,-0.01,2000", "0,1,100", "1,50,101"],
}


def small_instrument() -> Instrument:
    """Twenty detectors, of which the first is a monitor and the last is in the beam."""
    two_theta = np.radians(np.append(np.linspace(150, 10, 19), 0))
    positions = 2 * np.stack([np.sin(two_theta), 0 * two_theta, np.cos(two_theta)], axis=1)
    ids = np.arange(20, dtype=np.int32)
    return Instrument("small", ids, positions, ids == 0, 20.0)


INSTRUMENT = small_instrument()


class Slices:
    """Puts pulses into slices, or none, by their times; ``shift`` changes all of them."""

    def __init__(self, count: int) -> None:
        self._count, self.shift = count, 0

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        if self._count == 1 and self.shift == 0:
            return np.zeros(times_ns.size, np.int32)
        return ((times_ns + self.shift) % (self._count + 1) - 1).astype(np.int32)


def drawn_recipe(data: st.DataObject) -> Recipe:
    units = data.draw(st.sampled_from(list(EDGES)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    groups = data.draw(st.sampled_from([0, 0, -1, 2]))
    low = -1 if groups else 0
    group = rng.integers(low, groups + 1 if groups > 0 else 1, 20).astype(np.int32)
    slices = data.draw(st.sampled_from([1, 1, 3]))
    slice_of = Slices(slices)
    calibration = None
    if data.draw(st.booleans()):
        difc = INSTRUMENT.difc_us_per_angstrom * rng.uniform(0.9, 1.1, 20)
        difa = rng.uniform(-5, 5, 20) * data.draw(st.sampled_from([0, 1]))
        calibration = Calibration(difc, difa, rng.uniform(-9, 9, 20))
    edges = bins.edges(data.draw(st.sampled_from(EDGES[units])), 200_000)
    return Recipe(units, edges, group, slices, slice_of, calibration, least_groups=max(groups, 1))


def drawn_views(data: st.DataObject, recipe: Recipe) -> ViewRecipes:
    low = data.draw(st.sampled_from([0.0, 1.0, 1500.0]))
    values = data.draw(st.sampled_from([None, (low, low + 1), (low, 40_000.0)]))
    window = PixelWindow(0, data.draw(st.integers(1, recipe.slices)), values)
    picked = dataclasses.replace(recipe, group=np.arange(20, dtype=np.int32) % 2)
    return ViewRecipes(window, {ViewKind.PICKED: picked} if data.draw(st.booleans()) else {})


def everything(engine: NativeEngine, reductions: int) -> list[NDArray[np.int64]]:
    assert engine.advance(600)
    assert engine.advance_views(60)
    found = []
    for number in range(reductions):
        found.append(engine.cells(number).copy())
        views = engine._views[number]
        found += [engine.view_cells(number, kind).copy() for kind in views.histograms]
        if views.image is not None:
            found.append(engine.pixel_counts(number).astype(np.int64))
    return found


def feed(data: st.DataObject, engines: Sequence[NativeEngine], time_ns: int, most: int) -> None:
    """Events of a pulse at any times of flight and in any pixel, of which many are equal."""
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    n = int(rng.integers(0, most))
    pixel_id = rng.integers(-1, 22, n).astype(np.int32)
    tof_ns = rng.integers(-1000, 60_000_000, n).astype(np.int32)
    tof_ns[rng.random(n) < 0.2] = 5_000_000
    for each in engines:
        each.accumulate(pixel_id, tof_ns, time_ns)


def change(data: st.DataObject, engines: Sequence[NativeEngine], number: int) -> None:
    """Another recipe, other views, other slices of all pulses, or none of these."""
    recipe = engines[0]._histograms[number].recipe
    if data.draw(st.booleans()):
        recipe = drawn_recipe(data)
        for each in engines:
            each.configure(number, recipe)
    if data.draw(st.booleans()):
        views = drawn_views(data, recipe)
        for each in engines:
            each.set_views(number, views)
    if data.draw(st.booleans()):
        assert isinstance(recipe.slice_of, Slices)
        recipe.slice_of.shift += 1
        for each in engines:
            each.reslice(number, 0, PULSES)


def assert_alike(engines: Sequence[NativeEngine], reductions: int) -> None:
    for found in zip(*(everything(each, reductions) for each in engines), strict=True):
        np.testing.assert_array_equal(*found)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_ordered_and_raw_events_are_counted_alike_whatever_is_changed(data: st.DataObject) -> None:
    reductions = data.draw(st.integers(1, 2))
    recipes = [drawn_recipe(data) for _ in range(reductions)]
    block_events = data.draw(st.sampled_from([20, 200]))
    ordered = NativeEngine(INSTRUMENT, recipes, block_events=block_events)
    raw = NativeEngine(INSTRUMENT, recipes, block_events=1 << 16)
    engines = ordered, raw
    for time_ns in range(data.draw(st.integers(1, PULSES))):
        feed(data, engines, time_ns, 80 * block_events)
        change(data, engines, data.draw(st.integers(0, reductions - 1)))
        for _ in range(data.draw(st.integers(0, 3))):
            ordered.advance(0)
            ordered.prepare(data.draw(st.sampled_from([0, 1e-4, 1e-3, 60])))
        assert_alike(engines, reductions)
        if data.draw(st.booleans()):
            assert ordered.prepare(600)
            assert_alike(engines, reductions)
        if data.draw(st.integers(0, 9)) == 0:
            for each in engines:
                each.clear()
    assert ordered.retained == raw.retained


@pytest.mark.parametrize("units", [Units.TOF, Units.MOMENTUM_TRANSFER, Units.ENERGY])
def test_events_at_an_edge_and_next_to_it_are_not_below_it_but_by_their_values(
    units: Units,
) -> None:
    rows = np.arange(3, dtype=np.uint64)
    packing = Packing.of(rows.size, 100_000_000)
    tables = ValueTables(units.tof_exponent, np.array([1.0, 3000.7, 1e-3]), None)
    fields = packing.row_shift, packing.tof_shift, packing.tof_mask
    rng = np.random.default_rng(1)
    for _ in range(200):
        tof_ns = np.repeat(rng.integers(2, 90_000_000, 3), 3).astype(np.uint64)
        near = tof_ns + np.tile(np.array([0, 1, 2], np.uint64), 3) - np.uint64(1)
        events = (np.repeat(rows, 3) << packing.row_shift) | (near << packing.tof_shift)
        values = np.empty(events.size)
        packed_values(events, packing, tables, values)
        for edge in (*values, *np.nextafter(values, 0), *np.nextafter(values, np.inf), 0.0, -1.0):
            found = count_below(events, edge, *fields, *tables[1::-1], None)
            assert found == np.count_nonzero(values < edge)


def ordered_blocks(engine: NativeEngine) -> list[int]:
    """Of how many raw blocks each ordered block is."""
    return [each.raw_blocks for each in engine._store.blocks if isinstance(each, OrderedBlock)]


def test_full_blocks_are_ordered_and_merged() -> None:
    recipe = Recipe(Units.D_SPACING, np.linspace(0.4, 5, 100), np.zeros(20, np.int32))
    engine = NativeEngine(INSTRUMENT, [recipe], block_events=100)
    blocks = RAW_TOGETHER * MERGED_TOGETHER
    rng = np.random.default_rng(1)
    for time_ns in range(blocks + RAW_TOGETHER):
        pixel_id = rng.integers(1, 19, 100).astype(np.int32)
        engine.accumulate(pixel_id, rng.integers(1, 60_000_000, 100).astype(np.int32), time_ns)
    assert engine.advance(600)
    assert engine.prepare(600)
    assert sorted(ordered_blocks(engine)) == [RAW_TOGETHER, blocks]
    assert max(each.spans for each in engine._store.blocks) == blocks


@pytest.mark.parametrize("later_ns", [1_000_000, 30_000_000])
def test_events_unlike_the_first_ones_are_counted_too(later_ns: int) -> None:
    """Parts are made for the first values: others crowd in buckets of the first or last part."""
    recipe = Recipe(Units.TOF, np.linspace(0, 60_000, 5000), np.zeros(20, np.int32))
    engine = NativeEngine(INSTRUMENT, [recipe], block_events=100)
    rng, expected = np.random.default_rng(1), np.zeros(4999, np.int64)
    for time_ns in range(2 * RAW_TOGETHER * MERGED_TOGETHER):
        first = 10_000_000 if time_ns < RAW_TOGETHER else later_ns
        tof_ns = rng.integers(first, first + 1_000_000, 100).astype(np.int32)
        engine.accumulate(np.full(100, 3, np.int32), tof_ns, time_ns)
        expected += np.histogram(tof_ns / 1000, recipe.edges)[0]
        assert engine.advance(600)
        assert engine.prepare(600)
    engine.configure(0, dataclasses.replace(recipe, edges=np.linspace(0, 60_000, 4)))
    assert engine.advance(600)
    engine.configure(0, recipe)
    assert engine.advance(600)
    np.testing.assert_array_equal(engine.tally(0, engine.cells(0)).counts[0, 0], expected)


def resident_blocks(engine: NativeEngine) -> int:
    """The blocks of memory that an engine uses or keeps."""
    pool = engine._pool
    return int(engine._store.nbytes + pool.spare_bytes) // pool.block_bytes


def test_at_the_memory_limit_memory_goes_round_and_a_reset_gives_it_back() -> None:
    instrument = reference.instrument("arc")
    engine = NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")], block_events=1000)
    block_bytes, limit_blocks = 8 * 1000, 200
    engine.limit(limit_blocks * block_bytes, keep=True)
    events = reference.events("arc")
    for round_ in range(4):
        for low in range(0, 100_000, 1000):
            pixel_id, tof_ns = (each[low : low + 1000] for each in (events.pixel_id, events.tof_ns))
            engine.accumulate(pixel_id, tof_ns, round_ * 1000 + low)
            assert engine.advance(600)
            assert engine.prepare(600)
        assert resident_blocks(engine) <= limit_blocks + FEW_SPARE
    assert engine.folded + engine.retained == 400_000
    assert engine.folded > 100_000
    np.testing.assert_array_equal(
        engine.tally(0, engine.cells(0)).counts, 4 * counts_of_first(100_000)
    )
    engine.clear()
    assert resident_blocks(engine) == 0


def test_at_the_limit_of_processes_an_engine_goes_on_sorting_and_a_new_one_is_refused() -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    engine = NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")], block_events=1000)
    with no_threads():
        engine.accumulate(events.pixel_id, events.tof_ns, 0)
        assert engine.advance(600)
        assert engine.prepare(600)
        with pytest.raises(OSError, match="no thread can be started: the limit of processes"):
            NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")])
    assert ordered_blocks(engine)


def counts_of_first(events: int) -> NDArray[np.int64]:
    """The counts of the first events of the arc, by another engine."""
    engine = NativeEngine(reference.instrument("arc"), [recipe_of(bin_params="0.4,0.02,5")])
    arc = reference.events("arc")
    engine.accumulate(arc.pixel_id[:events], arc.tof_ns[:events], 0)
    assert engine.advance(600)
    counts: NDArray[np.int64] = engine.tally(0, engine.cells(0)).counts
    return counts
