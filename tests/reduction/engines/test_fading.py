"""Events that fade: weights by the age of their pulse, whatever has become of the events."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.protocol import Engine, Recipe, SliceOf, all_in_one_slice
from reduction.instrument.geometry import powder_arc
from reduction.parameters import bins
from reduction.parameters.units import Units
from tests.support.engines.tried import MakeEngine, each_engine

INSTRUMENT = powder_arc()
PULSE_NS = 71_428_571
START_NS = 1_800_000_000_000_000_000


def recipe(
    fade_s: float,
    bin_params: str = "1000,50,60000",
    slices: int = 1,
    slice_of: SliceOf = all_in_one_slice,
) -> Recipe:
    group = np.zeros(INSTRUMENT.detector_id.size, np.int32)
    return Recipe(
        Units.TOF, bins.edges(bin_params, 10_000), group, slices, slice_of, None, 1, fade_s
    )


def events(pulse: int, number: int = 200) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rng = np.random.default_rng(pulse)
    pixel_id = rng.choice(INSTRUMENT.detector_id[~INSTRUMENT.is_monitor], number).astype(np.int32)
    return pixel_id, rng.integers(900_000, 61_000_000, number).astype(np.int32)


def times_ns(pulses: Iterable[int]) -> NDArray[np.int64]:
    return START_NS + np.array(list(pulses), np.int64) * PULSE_NS


def weighted(pulses: Iterable[int], made: Recipe, now_ns: int) -> NDArray[np.float64]:
    """Sums of weights and of their squares by plain numpy, (2, bins)."""
    sums = np.zeros((2, made.edges.size - 1))
    for pulse in pulses:
        counts = np.histogram(events(pulse)[1] / 1000.0, made.edges)[0]
        weight = np.exp(-(now_ns - times_ns([pulse])[0]) / (made.fade_s * 1e9))
        sums += np.outer([weight, weight**2], counts)
    return sums


def faded(engine: Engine, now_ns: int, number: int = 0) -> NDArray[np.float64]:
    assert engine.advance(600)
    sums = engine.faded(number, now_ns)
    return np.array([engine.tally(number, each).counts[:, 0] for each in sums])


def fed(engine: Engine, pulses: Iterable[int]) -> Engine:
    for pulse in pulses:
        engine.accumulate(*events(pulse), int(times_ns([pulse])[0]))
        engine.advance(600)
    return engine


@each_engine
@pytest.mark.parametrize("fade_s", [0.05, 1.0, 30.0])
def test_a_pulse_weighs_less_by_e_in_each_fading_time(engine: MakeEngine, fade_s: float) -> None:
    made = recipe(fade_s)
    fading = fed(engine(INSTRUMENT, [made]), range(60))
    for now_ns in times_ns([59, 70]):
        expected = weighted(range(60), made, now_ns)
        np.testing.assert_allclose(faded(fading, now_ns)[:, 0], expected, rtol=1e-9, atol=1e-12)
    assert fading.tally(0, fading.cells(0)).events == 60 * 200


@each_engine
def test_weights_neither_overflow_nor_vanish_in_a_long_run(engine: MakeEngine) -> None:
    made = recipe(0.01)
    pulses = range(0, 3000, 50)
    fading = fed(engine(INSTRUMENT, [made]), pulses)
    now_ns = times_ns([2950])[0]
    expected = weighted(pulses, made, now_ns)
    assert expected[0].sum() > 100
    np.testing.assert_allclose(faded(fading, now_ns)[:, 0], expected, rtol=1e-9, atol=1e-12)


@each_engine
@settings(max_examples=30)
@given(
    cuts=st.lists(
        st.sampled_from(["1000,50,60000", "1000,100,60000", "1000,-0.01,60000"]), max_size=4
    ),
    pulses=st.permutations(range(12)),
)
def test_other_bins_and_pulses_in_any_order_weigh_the_same(
    engine: MakeEngine, cuts: list[str], pulses: list[int]
) -> None:
    fading = engine(INSTRUMENT, [recipe(0.4)], block_events=500)
    made = recipe(0.4)
    for pulse, cut in itertools.zip_longest(pulses, cuts):
        fed(fading, [pulse])
        if cut is not None:
            made = recipe(0.4, cut)
            fading.configure(0, made)
    now_ns = times_ns([12])[0]
    expected = weighted(range(12), made, now_ns)
    np.testing.assert_allclose(faded(fading, now_ns)[:, 0], expected, rtol=1e-9, atol=1e-12)


@each_engine
def test_another_fading_time_weighs_all_that_is_retained_anew(engine: MakeEngine) -> None:
    fading = fed(engine(INSTRUMENT, [recipe(0.0)]), range(10))
    now_ns = times_ns([9])[0]
    assert fading.faded(0, now_ns).size == 0
    for fade_s in (0.2, 2.0):
        made = recipe(fade_s)
        fading.configure(0, made)
        expected = weighted(range(10), made, now_ns)
        np.testing.assert_allclose(faded(fading, now_ns)[:, 0], expected, rtol=1e-9, atol=1e-12)


@each_engine
def test_events_that_memory_has_no_room_for_keep_their_weights(engine: MakeEngine) -> None:
    made, coarse = recipe(1.0), recipe(1.0, "1000,100,60000")
    fading = engine(INSTRUMENT, [made], block_events=500)
    fading.limit(20_000, keep=True)
    fed(fading, range(30))
    assert fading.folded > 1000
    now_ns = times_ns([29])[0]
    for each in (made, coarse):  # coarse edges are fine ones, too
        fading.configure(0, each)
        expected = weighted(range(30), each, now_ns)
        np.testing.assert_allclose(faded(fading, now_ns)[:, 0], expected, rtol=1e-9, atol=1e-12)


@each_engine
def test_a_late_log_moves_weights_between_slices(engine: MakeEngine) -> None:
    late = [False]

    def slice_of(times: NDArray[np.int64]) -> NDArray[np.int32]:
        return np.where(late[0] & (times >= times_ns([5])[0]), 1, 0).astype(np.int32)

    made = recipe(0.5, slices=2, slice_of=slice_of)
    fading = fed(engine(INSTRUMENT, [made]), range(10))
    late[0] = True
    fading.reslice(0, *(int(each) for each in times_ns([5, 9])))
    now_ns = times_ns([9])[0]
    found = faded(fading, now_ns)
    for number, pulses in enumerate([range(5), range(5, 10)]):
        expected = weighted(pulses, made, now_ns)
        np.testing.assert_allclose(found[:, number], expected, rtol=1e-6, atol=1e-9)
