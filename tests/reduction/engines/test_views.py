"""Counts of pixels and further histograms are of the same events as the histogram itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.engines.cell_sums import cell_sums
from reduction.engines.protocol import (
    MAX_TOF_NS,
    Engine,
    PixelWindow,
    Recipe,
    SliceOf,
    ViewKind,
    ViewRecipes,
)
from reduction.instrument.calibration import Calibration
from reduction.instrument.selection import MASKED
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.arc_engine import (
    fed,
    later_slices,
    recipe_of,
    sent_to_monitors,
    shuffled_slices,
    tally,
)
from tests.support.engines.plain_counts import plain_counts
from tests.support.engines.tried import MakeEngine, each_engine

EVERY = PixelWindow(0, 1)


def pixel_counts(engine: Engine, window: PixelWindow | None = None) -> NDArray[np.int64]:
    """The counts of each pixel, once all is counted, in another ``window`` if there is one."""
    assert engine.advance(600)
    if window is not None:
        engine.set_views(0, ViewRecipes(window))
    assert engine.advance_views(60)
    return engine.pixel_counts(0).astype(np.int64)


def plain_pixel_counts(
    recipe: Recipe,
    values: tuple[float, float] | None = None,
    slice_of: SliceOf | None = None,
    wanted: Callable[[NDArray[np.int32]], NDArray[np.bool_]] = lambda slices: slices >= 0,
    name: str = "arc",
) -> NDArray[np.int64]:
    """The counts of each pixel by plain numpy."""
    instrument, events = reference.instrument(name), reference.events(name)
    here = np.ones(events.tof_ns.size, bool)
    if slice_of is not None:
        here = wanted(slice_of(events.pulse.astype(np.int64)))
    pixel_id, tof_ns = events.pixel_id[here], events.tof_ns[here]
    used = recipe.group != MASKED
    if values is None:
        valid = (tof_ns > 0) & (tof_ns <= MAX_TOF_NS)
        place = {int(each): row for row, each in enumerate(instrument.detector_id)}
        rows = np.array([place.get(int(each), -1) for each in pixel_id[valid]])
        return np.where(used, np.bincount(rows[rows >= 0].astype(np.int64), minlength=used.size), 0)
    single = np.where(used, np.arange(used.size), MASKED).astype(np.int32)
    alone = dataclasses.replace(
        recipe, edges=np.array(values), group=single, least_groups=used.size
    )
    return plain_counts(instrument, alone, pixel_id, tof_ns)[0][:, 0]


@each_engine
@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("units", [Units.TOF, Units.D_SPACING, Units.ENERGY])
def test_each_pixel_has_the_events_in_the_window(
    engine: MakeEngine, name: str, units: Units
) -> None:
    group = (np.arange(reference.instrument(name).detector_id.size) % 5 - 1).astype(np.int32)
    recipe = recipe_of(name, units, units.default_bins, group=group)
    middle = tuple(recipe.edges[[recipe.edges.size // 3, recipe.edges.size // 2]].tolist())
    made = fed(engine, recipe, name)
    for values in (None, middle, (0.0, 1e300)):
        found = pixel_counts(made, PixelWindow(0, 1, values))
        np.testing.assert_array_equal(found, plain_pixel_counts(recipe, values, name=name))


@each_engine
def test_a_curved_calibration_decides_what_is_in_the_window(engine: MakeEngine) -> None:
    difc = reference.instrument("arc").difc_us_per_angstrom
    curved = Calibration(difc * 1.01, np.full(difc.size, 3.0), np.full(difc.size, 5.0))
    recipe = recipe_of(calibration=curved)
    found = pixel_counts(fed(engine, recipe), PixelWindow(0, 1, (1.0, 1.5)))
    np.testing.assert_array_equal(found, plain_pixel_counts(recipe, (1.0, 1.5)))


@each_engine
def test_monitors_have_no_counts(engine: MakeEngine) -> None:
    instrument, monitored = sent_to_monitors()
    made = fed(engine, recipe_of(), instrument=instrument)
    for values in (None, (0.0, 100.0)):
        found = pixel_counts(made, PixelWindow(0, 1, values))
        assert not found[instrument.is_monitor].any()
        assert found.sum() == np.count_nonzero(~monitored)


@each_engine
def test_counts_are_of_the_slices_that_are_asked_for_even_when_pulses_change_theirs(
    engine: MakeEngine,
) -> None:
    answers = [shuffled_slices]
    recipe = recipe_of(slices=3, slice_of=lambda times_ns: answers[0](times_ns))
    made = fed(engine, recipe)
    for first, end in ((0, 3), (1, 2), (2, 3), (7, 8)):
        window = PixelWindow(first, end)
        expected = plain_pixel_counts(recipe, None, shuffled_slices, window.has)
        np.testing.assert_array_equal(pixel_counts(made, window), expected)
    pixel_counts(made, PixelWindow(1, 3, (1.0, 2.0)))
    answers[0] = later_slices
    made.reslice(0, 0, 10**9)
    expected = plain_pixel_counts(recipe, (1.0, 2.0), later_slices, PixelWindow(1, 3).has)
    np.testing.assert_array_equal(pixel_counts(made), expected)


@each_engine
def test_another_recipe_of_the_histogram_is_followed(engine: MakeEngine) -> None:
    first, window = recipe_of(), PixelWindow(0, 1, (1.0, 1.5))
    made = fed(engine, first)
    pixel_counts(made, window)
    masked = (np.arange(first.group.size) % 3 - 1).astype(np.int32)
    for recipe in (
        recipe_of(bin_params="1,0.1,2"),
        recipe_of(group=masked),
        recipe_of(units=Units.WAVELENGTH, bin_params="1,0.1,2"),
        recipe_of(slices=3, slice_of=shuffled_slices),
    ):
        made.configure(0, recipe)
        tally(made)
        slice_of = shuffled_slices if recipe.slices == 3 else None
        expected = plain_pixel_counts(recipe, (1.0, 1.5), slice_of, window.has)
        np.testing.assert_array_equal(pixel_counts(made), expected)


@each_engine
def test_events_that_come_later_are_counted_in_steps(engine: MakeEngine) -> None:
    events, recipe = reference.events("arc"), recipe_of()
    made = engine(reference.instrument("arc"), [recipe], block_events=10_000)
    made.set_views(0, ViewRecipes(EVERY, {ViewKind.MAP: recipe}))
    for first in range(0, events.tof_ns.size, 7001):
        here = slice(first, first + 7001)
        made.accumulate(events.pixel_id[here], events.tof_ns[here], first)
        made.advance(600)
        made.advance_views(0.001)
    while not made.advance_views(0.001):
        pass
    np.testing.assert_array_equal(made.pixel_counts(0), plain_pixel_counts(recipe))
    np.testing.assert_array_equal(made.view_cells(0, ViewKind.MAP), made.cells(0))


@each_engine
def test_a_further_histogram_has_its_own_groups_and_slices(engine: MakeEngine) -> None:
    by_pixel = (np.arange(1000) // 100).astype(np.int32)
    rows = recipe_of(bin_params="1,0.1,2", group=by_pixel)
    times = recipe_of(bin_params="1,0.1,2", slices=3, slice_of=shuffled_slices)
    made = fed(engine, recipe_of())
    tally(made)
    views = {ViewKind.MAP: rows, ViewKind.PICKED: times}
    made.set_views(0, ViewRecipes(histograms=views))
    assert made.advance_views(60)
    for kind, recipe in views.items():
        alone = fed(engine, recipe)
        expected = tally(alone).counts
        found = made.view_tally(0, kind, made.view_cells(0, kind))
        np.testing.assert_array_equal(found.counts, expected)
        assert found.events == reference.events("arc").tof_ns.size
    made.set_views(0, ViewRecipes())
    assert made.advance_views(0.001)


@each_engine
@pytest.mark.parametrize("keep", [True, False])
def test_folded_events_stay_in_the_counts_as_long_as_the_window_does(
    engine: MakeEngine, keep: bool
) -> None:
    recipe, events = recipe_of(), reference.events("arc")
    made = fed(engine, recipe)
    tally(made)
    made.set_views(0, ViewRecipes(EVERY, {ViewKind.MAP: recipe}))
    made.limit(0, keep=keep)  # before anything is counted in the views
    for _ in range(100):
        made.advance(600)
    assert made.folded > 0
    assert made.advance_views(60)
    np.testing.assert_array_equal(made.view_cells(0, ViewKind.MAP), made.cells(0))
    found = pixel_counts(made).sum()
    assert found == (events.tof_ns.size if keep else made.retained)
    assert made.pixels_missing(0) == 0
    if keep:
        made.set_views(0, ViewRecipes(PixelWindow(0, 1, (0.0, 1e300))))
        assert pixel_counts(made).sum() == made.retained
        assert made.pixels_missing(0) == made.folded
    made.clear()
    assert pixel_counts(made).sum() == made.pixels_missing(0) == 0


def test_cells_have_the_sums_of_their_detectors() -> None:
    counts, cell = np.array([1, 2, 4, 8], np.int32), np.array([2, -1, 2, 0], np.int32)
    assert cell_sums(counts, cell, 3).tolist() == [8, 0, 5]
