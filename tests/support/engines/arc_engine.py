"""Engines that hold the events of a reference instrument, and what they count."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import Engine, EventTally, Recipe
from reduction.instrument.geometry import Instrument
from reduction.parameters import bins
from reduction.parameters.units import Units
from tests.support.engines import reference_data as reference
from tests.support.engines.tried import MakeEngine


def all_in_one(instrument: Instrument) -> NDArray[np.int32]:
    """All detectors in one group."""
    return np.zeros(instrument.detector_id.size, np.int32)


def tally(engine: Engine, number: int = 0) -> EventTally:
    """What became of all events, once they are counted."""
    assert engine.advance(600)
    return engine.tally(number, engine.cells(number))


def sent_to_monitors(name: str = "arc") -> tuple[Instrument, NDArray[np.bool_]]:
    """The instrument with every seventh detector a monitor, and which events are of monitors."""
    instrument, events = reference.instrument(name), reference.events(name)
    is_monitor = np.arange(instrument.detector_id.size) % 7 == 3
    monitored = np.isin(events.pixel_id, instrument.detector_id[is_monitor])
    return dataclasses.replace(instrument, is_monitor=is_monitor), monitored


def shuffled_slices(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
    """Slices of pulses that look random: 0, 1, 2 or none (-1)."""
    return ((times_ns * 7919) % 4 - 1).astype(np.int32)


def later_slices(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
    """Other slices than `shuffled_slices`."""
    return ((times_ns * 104729) % 4 - 1).astype(np.int32)


def fed(
    engine: MakeEngine,
    recipe: Recipe,
    name: str = "arc",
    block_events: int = 10_000,
    instrument: Instrument | None = None,
) -> Engine:
    """An engine with small blocks that has all events of an instrument, pulse by pulse."""
    events = reference.events(name)
    made = engine(instrument or reference.instrument(name), [recipe], block_events=block_events)
    bounds = np.searchsorted(events.pulse, np.arange(events.pulse.max() + 2))
    for pulse, (first, last) in enumerate(itertools.pairwise(bounds)):
        made.accumulate(events.pixel_id[first:last], events.tof_ns[first:last], pulse)
        if pulse % 50 == 0:
            made.advance(0)
    return made


def recipe_of(
    name: str = "arc",
    units: Units = Units.D_SPACING,
    bin_params: str = "0.4,0.001,5",
    **more: Any,
) -> Recipe:
    """A recipe for an instrument, all detectors in one group unless told otherwise."""
    instrument = reference.instrument(name)
    group = more.pop("group", all_in_one(instrument))
    return Recipe(units, bins.edges(bin_params, 100_000), group, **more)
