"""What every engine does at the memory limit: events become fine histograms, and counts stay."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.engines.block_engine import BlockEngine
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.arc_engine import (
    all_in_one,
    fed,
    recipe_of,
    sent_to_monitors,
    shuffled_slices,
    tally,
)
from tests.support.engines.tried import MakeEngine, each_engine


@each_engine
def test_monitor_counts_stay_when_events_are_folded(engine: MakeEngine) -> None:
    instrument, _ = sent_to_monitors()
    recipe = recipe_of(slices=3, slice_of=shuffled_slices, bin_params="0.4,0.02,5")
    limited = fed(engine, recipe, instrument=instrument)
    expected = tally(limited).monitor_counts.tolist()
    limited.limit(0, keep=True)
    tally(limited)
    assert limited.folded > 100_000
    other = recipe_of(slices=3, slice_of=shuffled_slices, bin_params="0.5,0.1,4")
    limited.configure(0, other)
    assert tally(limited).monitor_counts.tolist() == expected
    assert min(expected) > 1000


@each_engine
def test_at_the_memory_limit_counts_stay_as_they_are(engine: MakeEngine) -> None:
    group = (np.arange(1000) % 3 - 1).astype(np.int32)
    recipe = recipe_of(slices=3, slice_of=shuffled_slices, group=group, bin_params="0.4,0.02,5")
    unlimited, limited = fed(engine, recipe), fed(engine, recipe)
    expected = tally(unlimited)
    limited.limit(40_000 * 8, keep=True)
    limited.prepare(600)
    result = tally(limited)
    assert limited.retained <= 40_000
    assert limited.retained + limited.folded == reference.events("arc").tof_ns.size
    np.testing.assert_array_equal(result.counts, expected.counts)
    assert result.events == expected.events


@each_engine
def test_a_call_folds_one_block_at_least_and_no_more_once_its_time_is_over(
    engine: MakeEngine,
) -> None:
    recipe = recipe_of(bin_params="0.4,0.02,5")
    limited = fed(engine, recipe)
    expected = tally(limited).counts
    limited.limit(0, keep=True)
    for calls in range(1, 4):
        assert limited.advance(0)
        assert limited.folded == 10_000 * calls
        np.testing.assert_array_equal(limited.tally(0, limited.cells(0)).counts, expected)
    assert limited.advance(600)
    assert limited.retained <= 10_000


@each_engine
def test_nothing_is_sorted_while_there_is_no_room_for_it(engine: MakeEngine) -> None:
    limited = fed(engine, recipe_of(bin_params="0.4,0.02,5"))
    tally(limited)
    limited.limit(0, keep=True)
    assert isinstance(limited, BlockEngine)
    before = limited.memory_bytes
    assert limited.prepare(600)
    assert limited.memory_bytes == before


@each_engine
@settings(max_examples=25)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["0.4,0.02,5", "0.4,0.2,5", "0.4,0.1,5"]),
            st.sampled_from([0, 40_000, 80_000, 10**6]),
            st.lists(st.sampled_from([0.0, 0.002, 60.0]), max_size=3),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_however_little_time_there_is_for_folding_counts_are_those_without_a_limit(
    engine: MakeEngine, steps: list[tuple[str, int, list[float], bool]]
) -> None:
    limited = fed(engine, recipe_of(bin_params="0.4,0.02,5"))
    for bin_params, events, calls, prepared in steps:
        limited.configure(0, recipe_of(bin_params=bin_params))
        limited.limit(events * 8, keep=True)
        done = [limited.advance(seconds) for seconds in calls]
        if prepared:
            limited.prepare(0.01)
        if done and done[-1]:
            exact = tally(fed(engine, recipe_of(bin_params=bin_params)))
            result = limited.tally(0, limited.cells(0))
            np.testing.assert_array_equal(result.counts, exact.counts)
            assert result.events == exact.events == limited.retained + limited.folded


@each_engine
def test_folded_events_are_recut_exactly_on_fine_edges_and_to_a_fine_bin_elsewhere(
    engine: MakeEngine,
) -> None:
    recipe = recipe_of(bin_params="0.4,0.02,5")
    limited = fed(engine, recipe)
    tally(limited)
    limited.limit(0, keep=True)
    tally(limited)
    assert limited.retained <= 10_000
    for bin_params in ("0.4,0.04,4.8", "0.4,0.1,5", "0.4,0.02,5"):
        limited.configure(0, recipe_of(bin_params=bin_params))
        exact = tally(fed(engine, recipe_of(bin_params=bin_params)))
        np.testing.assert_array_equal(tally(limited).counts, exact.counts)
        assert limited.displaced(0) == 0
    limited.configure(0, recipe_of(bin_params="0.4013,0.0307,4.99"))
    exact = tally(fed(engine, recipe_of(bin_params="0.4013,0.0307,4.99")))
    result = tally(limited)
    assert result.events == exact.events
    assert 0 < limited.displaced(0) < limited.folded / 10
    assert np.abs(result.counts - exact.counts).sum() <= 2 * limited.displaced(0)


@each_engine
def test_folded_events_are_left_out_of_another_unit_and_back_in_their_own(
    engine: MakeEngine,
) -> None:
    first = recipe_of(bin_params="0.4,0.02,5")
    limited = fed(engine, first)
    expected = tally(limited)
    limited.limit(0, keep=True)
    tally(limited)
    limited.configure(0, recipe_of(units=Units.TOF, bin_params="1000,100,60000"))
    other = tally(limited)
    assert other.filtered == limited.folded
    assert other.events == expected.events
    limited.configure(0, first)
    np.testing.assert_array_equal(tally(limited).counts, expected.counts)


@each_engine
def test_without_keeping_what_is_folded_is_in_no_slice(engine: MakeEngine) -> None:
    recipe = recipe_of(bin_params="0.4,0.02,5")
    limited = fed(engine, recipe)
    events = tally(limited).events
    limited.limit(0, keep=False)
    result = tally(limited)
    assert result.filtered == limited.folded > 0
    assert result.events == events


@each_engine
def test_bins_changed_at_the_limit_cost_one_fine_histogram_and_no_count(engine: MakeEngine) -> None:
    limited = fed(engine, recipe_of(bin_params="0.4,0.02,5"))
    limited.limit(0, keep=True)
    for bin_params in ("0.4,0.02,5", "0.3,0.05,6", "0.41,0.03,4.9", "0.4,0.02,5"):
        limited.configure(0, recipe_of(bin_params=bin_params))
        limited.accumulate(np.zeros(10_000, np.int32), np.full(10_000, 10**6, np.int32), 10**6)
        result = tally(limited)
        assert result.events == limited.retained + limited.folded
        assert limited.displaced(0) <= limited.folded


@each_engine
def test_folded_events_of_slices_and_groups_are_recut_as_those_of_one(engine: MakeEngine) -> None:
    def asked(bin_params: str, slices: int = 3) -> Recipe:
        group = (np.arange(1000) % 3 - 1).astype(np.int32)
        return recipe_of(
            slices=slices, slice_of=shuffled_slices, group=group, bin_params=bin_params
        )

    limited = fed(engine, asked("0.4,0.02,5"))
    tally(limited)
    limited.limit(0, keep=True)
    tally(limited)
    assert limited.folded > 100_000
    for recipe in (asked("0.4,0.1,5"), asked("0.4,0.04,4.8", slices=5)):
        limited.configure(0, recipe)
        exact, result = tally(fed(engine, recipe)), tally(limited)
        np.testing.assert_array_equal(result.counts, exact.counts)
        assert result.events == exact.events


def test_each_call_counts_a_block_however_late_it_comes() -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    recipe = Recipe(Units.TOF, np.array([0.0, 1e6]), all_in_one(instrument))
    engine = NativeEngine(instrument, [recipe], block_events=events.tof_ns.size)
    counted = []
    for _ in range(3):
        engine.accumulate(events.pixel_id, events.tof_ns, 0)
        assert engine.advance(-1)
        counted.append(int(engine.cells(0).sum()))
    assert counted == [events.tof_ns.size * n for n in (1, 2, 3)]


@each_engine
def test_a_dropped_reduction_may_be_added_again_also_when_events_are_folded(
    engine: MakeEngine,
) -> None:
    recipe = recipe_of(bin_params="0.4,0.02,5")
    both = fed(engine, recipe)
    both.configure(1, recipe)
    both.keep_first(1)
    expected = tally(both)
    both.limit(0, keep=True)
    np.testing.assert_array_equal(tally(both).counts, expected.counts)
    assert both.folded > 0
    both.configure(1, recipe)
    assert tally(both, 1).events == both.retained
