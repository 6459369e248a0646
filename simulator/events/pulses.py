"""The events of pulse number n of a simulated powder diffractometer.

Seed, pulse number and settings determine every event: random numbers are a hash of seed, pulse and
event number, so a pulse does not depend on the pulses before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units
from simulator.events.event_kernel import (
    SourceTable,
    counter_of_pulse,
    fill_events,
    fill_uneven_events,
    hashed_counter,
    normal_of_bits,
)
from simulator.events.source_table import FlatBackground, table_of_background, table_of_lines
from simulator.events.uneven_tables import UnevenSources, UnevenTables, uneven_tables
from simulator.parameters import SimulatorSettings
from simulator.powder.sample import Sample

MAX_EVENTS = 20_000_000
"""Most events of one pulse; a larger random number is cut to it."""

BEAM_ANGSTROM = (0.1, 8.0)
"""Range of wavelengths at the monitors: those that detectors see in the default range of d."""

NS_PER_US = 1000.0

MONITOR_NUMBERS = 0x6D6F6E69746F7273
"""Makes the random numbers of monitors differ from those of detectors."""


class PulseEvents(NamedTuple):
    """Events: the pixel and the time of flight in ns of each, (events,) int32 each."""

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]


class PulseBuffer:
    """Memory for the events of a pulse, which the next pulse in the same buffer overwrites."""

    def __init__(self) -> None:
        self._memory = np.empty((2, 0), np.int32)

    def events(self, count: int) -> PulseEvents:
        """Room for as many events."""
        if count > self._memory.shape[1]:
            self._memory = np.empty((2, count + count // 8), np.int32)
        return PulseEvents(self._memory[0, :count], self._memory[1, :count])


@dataclass(frozen=True)
class SourceSettings:
    """What a `SourceTable` of lines and background depends on."""

    sample: Sample
    relative_peak_width: float
    background: FlatBackground


class PulseGenerator:
    """Makes the pulses of an instrument. Its only state is the tables of the last sample."""

    def __init__(self, instrument: Instrument, seed: int) -> None:
        detectors = np.isfinite(instrument.difc_us_per_angstrom)
        if not detectors.any():
            raise ValueError(f"instrument {instrument.name} has no detectors beside the beam")
        self.seed = seed
        self._instrument, self._detectors = instrument, detectors
        self._pixel_id = np.ascontiguousarray(instrument.detector_id[detectors])
        self._ns_per_angstrom = instrument.difc_us_per_angstrom[detectors] * NS_PER_US
        self._monitor_id = np.ascontiguousarray(instrument.detector_id[instrument.is_monitor])
        per_angstrom = Units.WAVELENGTH.coefficients(
            instrument.path_m, instrument.difc_us_per_angstrom
        )
        self._monitor_ns_per_angstrom = per_angstrom[instrument.is_monitor] * NS_PER_US
        self._beam = table_of_background(FlatBackground(1.0, *BEAM_ANGSTROM))
        self._source_settings: SourceSettings | None = None
        self._sources = self._beam
        self._uneven_sources: UnevenSources | None = None
        self._uneven: UnevenTables | None = None

    def compile(self, settings: SimulatorSettings) -> None:
        """Compile what makes events, or load it from the cache; this may take seconds."""
        self.events(replace(settings, events_per_pulse=0, events_per_pulse_spread=0.0), 0)

    def events(
        self, settings: SimulatorSettings, pulse: int, buffer: PulseBuffer | None = None
    ) -> PulseEvents:
        """The events of a pulse in detectors, in a ``buffer`` or else in new memory.

        All pixels are equally likely. With the chance ``background_fraction`` d is uniform in
        [d_min, d_max). Otherwise it is normal about a Bragg line, which is chosen with a chance
        proportional to F² · multiplicity. The time of flight is d · DIFC, rounded down to ns.
        Uneven settings multiply the chances of pixels, and of lines in pixels; the number of events
        stays. If all pixels are dead there are none.
        """
        counter = self._counter(pulse)
        count = settings.events_per_pulse + settings.events_per_pulse_spread * _normal_at(counter)
        sources, uneven = self._sources_of(settings), self._uneven_of(settings)
        if uneven is not None and uneven.pixels is None:
            count = 0
        events = (buffer or PulseBuffer()).events(min(max(round(count), 0), MAX_EVENTS))
        first = _after(counter)
        pixels = (self._pixel_id, self._ns_per_angstrom)
        if uneven is None or uneven.pixels is None:
            fill_events(first, *pixels, sources, *events)
        else:
            fill_uneven_events(first, *pixels, sources, uneven.pixels, uneven.poles, *events)
        return events

    def monitor_events(
        self, settings: SimulatorSettings, pulse: int, buffer: PulseBuffer | None = None
    ) -> PulseEvents:
        """The events of a pulse in monitors, in a ``buffer`` or else in new memory.

        All monitors are equally likely, and wavelengths are uniform in `BEAM_ANGSTROM`. They have
        different random numbers from the events in detectors.
        """
        counter = int(hashed_counter(np.uint64(self._counter(pulse) ^ MONITOR_NUMBERS)))
        mean = settings.monitor_events_per_pulse if self._monitor_id.size else 0
        count = mean + math.sqrt(mean) * _normal_at(counter)
        events = (buffer or PulseBuffer()).events(max(round(count), 0))
        fill_events(
            _after(counter),
            self._monitor_id,
            self._monitor_ns_per_angstrom,
            self._beam,
            *events,
        )
        return events

    def _counter(self, pulse: int) -> int:
        """The first counter of the random numbers of a pulse."""
        return int(counter_of_pulse(*(np.uint64(n % 2**64) for n in (self.seed, pulse))))

    def _sources_of(self, settings: SimulatorSettings) -> SourceTable:
        background = FlatBackground(settings.background_fraction, settings.d_min, settings.d_max)
        asked = SourceSettings(settings.sample, settings.relative_peak_width, background)
        if asked != self._source_settings:
            lines = asked.sample.reflections
            self._sources = table_of_lines(lines, asked.relative_peak_width, background)
            self._source_settings = asked
        return self._sources

    def _uneven_of(self, settings: SimulatorSettings) -> UnevenTables | None:
        """The tables of uneven events; None if there are none."""
        asked = UnevenSources(settings.sample, settings.uneven.texture, settings.uneven.faults)
        if asked.even:
            return None
        if asked != self._uneven_sources:
            self._uneven = uneven_tables(asked, self._instrument, self._detectors)
            self._uneven_sources = asked
        return self._uneven


def _after(counter: int) -> np.uint64:
    """The counter of the first event of a pulse; the one before it is for the number of events."""
    return np.uint64((counter + 1) % 2**64)


def _normal_at(counter: int) -> float:
    """A standard normal number that a counter determines."""
    return float(normal_of_bits(np.uint64(hashed_counter(np.uint64(counter)))))
