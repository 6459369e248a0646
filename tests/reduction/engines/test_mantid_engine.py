"""The Mantid engine by itself: its counts, its memory, and what it does when Mantid fails."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from reduction.engines.mantid.counting import BinFinder
from reduction.engines.mantid.steps import MantidSteps, rebin_params
from reduction.engines.protocol import Engine, EventTally, Recipe
from reduction.host.file_system.runtime_folder import LOCK
from reduction.parameters import bins
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.mantid_failures import failing, nowhere_to_write
from tests.support.engines.tried import imported, mantid_engine


def recipe(bin_params: str = "0.4,0.01,5", units: Units = Units.D_SPACING) -> Recipe:
    group = np.zeros(reference.instrument("arc").detector_id.size, np.int32)
    return Recipe(units, bins.edges(bin_params, 100_000), group)


def take(engine: Engine, pulse: int) -> EventTally:
    """The arc's events, as of one pulse, in the engine; what became of all that it has."""
    events = reference.events("arc")
    engine.accumulate(events.pixel_id, events.tof_ns, pulse)
    assert engine.advance(600)
    return engine.tally(0, engine.cells(0).copy())


@pytest.mark.mantid
def test_events_that_do_not_load_are_invalid_and_count_once_an_order_has_them_tried_again() -> None:
    engine = mantid_engine(reference.instrument("arc"), [recipe()])
    whole = take(engine, 0)
    with nowhere_to_write():
        failed = take(engine, 1)
    np.testing.assert_array_equal(failed.counts, whole.counts)
    assert failed.bad_time == whole.bad_time + whole.binned + whole.out_of_range
    assert f"{whole.events} events count as invalid: " in engine.message
    after = take(engine, 2)
    np.testing.assert_array_equal(after.counts, 2 * whole.counts)
    assert after.events == 3 * whole.events
    engine.configure(0, recipe())
    assert engine.message == ""
    again = take(engine, 3)
    np.testing.assert_array_equal(again.counts, 4 * whole.counts)
    assert (again.events, again.bad_time) == (4 * whole.events, 4 * whole.bad_time)


@pytest.mark.mantid
def test_after_a_reset_nothing_is_left_of_what_failed() -> None:
    engine = mantid_engine(reference.instrument("arc"), [recipe()])
    with nowhere_to_write():
        take(engine, 0)
    engine.clear()
    assert engine.message == ""
    assert take(engine, 1).binned > 100_000
    assert engine.message == ""


class NoUnit(str):
    """A unit that Mantid does not have."""

    calibrated = False


@pytest.mark.mantid
def test_a_unit_that_mantid_does_not_have_is_refused_with_its_message() -> None:
    engine, unit = mantid_engine(reference.instrument("arc"), [recipe()]), NoUnit("furlong")
    with pytest.raises(Refused, match=r"Mantid says: .*furlong"):
        engine.check(replace(recipe(), units=cast(Units, unit)))


@pytest.mark.mantid
def test_an_algorithm_that_throws_takes_no_event_out_of_the_account_and_none_in_twice() -> None:
    slices = np.array([0, 0, 0, -1], np.int32)
    good = replace(recipe(), slices=2, slice_of=slices.__getitem__)
    with failing("FilterEvents"):
        engine = mantid_engine(reference.instrument("arc"), [good, good])
        for pulse in range(3):
            before = take(engine, pulse)  # all in one slice, so they need no FilterEvents
        assert engine.message == ""
        after = take(engine, 3)
        slices[:] = [1, 1, 0, 1]
        engine.reslice(0, 0, 3)
        engine.reslice(1, 0, 3)
        assert engine.advance(600)
        assert "events count as invalid: FilterEvents has failed" in engine.message
    for number in (0, 1):
        cells = engine.cells(number)
        assert cells.min() >= 0
        tally = engine.tally(number, cells)
        assert tally.events == after.events == 4 * before.events // 3
        assert tally.binned == 0
    engine.configure(1, good)
    assert engine.advance(600)
    assert engine.message == ""
    one = before.counts.sum(axis=0) // 3
    for number in (0, 1):
        counts = engine.tally(number, engine.cells(number)).counts
        np.testing.assert_array_equal(counts, [one, 3 * one])


@pytest.mark.mantid
def test_memory_of_a_batch_is_kept_for_the_next_one() -> None:
    imported()
    taken_before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        np.ones(1 << 17)  # 1 MB, in 256 pages
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - taken_before
    assert pages < 200 * 256 / 10


@pytest.mark.mantid
@pytest.mark.parametrize("bin_params", ["0.4,0.0001,5", "0.4,-0.0004,5", "0.5,0.05,1.5,0.1,4.5"])
def test_events_are_counted_in_the_bins_that_rebin_counts_them_in(bin_params: str) -> None:
    mantid, rng, edges = imported(), np.random.default_rng(7), bins.edges(bin_params, 100_000)
    near = np.concatenate((edges, np.nextafter(edges, -np.inf), rng.uniform(-1, 9, 10_000)))
    steps = MantidSteps(mantid)
    made = mantid.api.WorkspaceFactory.create("EventWorkspace", 1, 2, 1)
    for value in rng.permutation(near).tolist():
        made.getSpectrum(0).addEventQuickly(value, mantid.kernel.DateAndTime(0, 0))
    counts = steps.counts(made, BinFinder.of(edges))
    rebinned = mantid.run(
        "Rebin", InputWorkspace=made, Params=rebin_params(edges), PreserveEvents=False
    )
    np.testing.assert_array_equal(counts, rebinned.readY(0))
    assert counts.sum() == near.size


@pytest.mark.mantid
def test_nothing_is_left_in_mantids_data_service_nor_in_its_folder() -> None:
    slices = np.array([0, 1], np.int32)
    sliced = replace(recipe(), slices=2, slice_of=slices.__getitem__)
    engine = mantid_engine(reference.instrument("arc"), [sliced])
    take(engine, 0)
    assert take(engine, 1).counts[1].sum() > 100_000
    engine.configure(0, sliced)  # of a block that has both
    assert engine.advance(600)
    assert len(imported().api.AnalysisDataService.getObjectNames()) == 0
    assert {each.name for each in imported().folder.iterdir()} == {".mantid", LOCK}
