"""The events of pulse number n of a simulated powder diffractometer.

Seed, pulse number and settings determine every event: random numbers are a hash of seed, pulse and
event number, so a pulse does not depend on the pulses before it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple, Self

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units
from simulator.parameters import SimulatorSettings
from simulator.sample import Reflections, Sample

MAX_EVENTS = 20_000_000
"""Most events of one pulse; a larger random number is cut to it."""

LATEST_TOF_NS = 2**31 - 2
"""Longest time of flight, so that each is a valid int32; the shortest is 1 ns."""

BEAM_ANGSTROM = (0.1, 8.0)
"""Range of wavelengths at the monitors: those that detectors see in the default range of d."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32, _S11 = (np.uint64(bits) for bits in (27, 30, 31, 32, 11))
_LOW_32 = np.uint64(0xFFFFFFFF)
_DRAWS = np.uint64(3)
_MONITORS = np.uint64(0x6D6F6E69746F7273)
"""Makes the random numbers of monitors differ from those of detectors."""

_TO_UNIT_32, _TO_UNIT_53 = 2.0**-32, 2.0**-53


class PulseEvents(NamedTuple):
    """Events: the pixel and the time of flight in ns of each, (events,) int32 each."""

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]


class FlatBackground(NamedTuple):
    """The share of events whose d is uniform, and the range of d in Å."""

    share: float
    d_min: float
    d_max: float


class LineTable(NamedTuple):
    """Alias table (Walker 1977, built as by Vose 1991) of n Bragg lines.

    A draw from it costs the same for any number of lines.
    """

    d_angstrom: NDArray[np.float64]
    """The d-spacing of each line, (n,)."""

    keep: NDArray[np.float64]
    """The chance that entry i yields line i and not line ``alias[i]``, (n,)."""

    alias: NDArray[np.int32]
    """The other line that an entry may yield, (n,)."""

    @classmethod
    def of(cls, lines: Reflections) -> Self:
        """A table that yields each line with a chance proportional to its weight."""
        share = lines.weight * (len(lines) / lines.weight.sum())
        keep, alias = np.ones(len(lines)), np.arange(len(lines), dtype=np.int32)
        poor = [i for i, each in enumerate(share) if each < 1]
        rich = [i for i, each in enumerate(share) if each >= 1]
        while poor and rich:
            needy, giver = poor.pop(), rich[-1]
            keep[needy], alias[needy] = share[needy], giver
            share[giver] -= 1 - share[needy]
            if share[giver] < 1:
                poor.append(rich.pop())
        return cls(lines.d_angstrom, keep, alias)


class PulseGenerator:
    """Makes the pulses of an instrument. Its only state is the lines of the last sample."""

    def __init__(self, instrument: Instrument, seed: int) -> None:
        detectors = np.isfinite(instrument.difc_us_per_angstrom)
        if not detectors.any():
            raise ValueError(f"instrument {instrument.name} has no detectors beside the beam")
        self.seed = seed
        self._pixel_id = np.ascontiguousarray(instrument.detector_id[detectors])
        self._difc = np.ascontiguousarray(instrument.difc_us_per_angstrom[detectors])
        self._monitor_id = np.ascontiguousarray(instrument.detector_id[instrument.is_monitor])
        per_angstrom = Units.WAVELENGTH.coefficients(
            instrument.path_m, instrument.difc_us_per_angstrom
        )
        self._monitor_us_per_angstrom = np.ascontiguousarray(per_angstrom[instrument.is_monitor])
        self._sample: Sample | None = None
        self._table: LineTable | None = None

    def compile(self, settings: SimulatorSettings) -> None:
        """Compile what makes events, or load it from the cache; this may take seconds."""
        self.events(replace(settings, events_per_pulse=0, events_per_pulse_spread=0.0), 0)

    def events(self, settings: SimulatorSettings, pulse: int) -> PulseEvents:
        """The events of a pulse in detectors.

        All pixels are equally likely. With the chance ``background_fraction`` d is uniform in
        [d_min, d_max). Otherwise it is normal about a Bragg line, which is chosen with a chance
        proportional to F² · multiplicity. The time of flight is d · DIFC, rounded down to ns.
        """
        key = self._key(pulse)
        count = settings.events_per_pulse + settings.events_per_pulse_spread * _normal(
            np.uint64(_hashed(key))
        )
        background = FlatBackground(settings.background_fraction, settings.d_min, settings.d_max)
        pixel_id, tof_ns = _events(
            key,
            min(max(round(count), 0), MAX_EVENTS),
            self._pixel_id,
            self._difc,
            self._lines(settings.sample),
            settings.relative_peak_width,
            background,
        )
        return PulseEvents(pixel_id, tof_ns)

    def monitor_events(self, settings: SimulatorSettings, pulse: int) -> PulseEvents:
        """The events of a pulse in monitors.

        All monitors are equally likely, and wavelengths are uniform in `BEAM_ANGSTROM`. They have
        different random numbers from the events in detectors.
        """
        key = np.uint64(_hashed(self._key(pulse) ^ _MONITORS))
        mean = settings.monitor_events_per_pulse if self._monitor_id.size else 0
        count = mean + math.sqrt(mean) * _normal(np.uint64(_hashed(key)))
        pixel_id, tof_ns = _events(
            key,
            max(round(count), 0),
            self._monitor_id,
            self._monitor_us_per_angstrom,
            self._lines(settings.sample),
            0.0,
            FlatBackground(1.0, *BEAM_ANGSTROM),  # all events are uniform, none is from a line
        )
        return PulseEvents(pixel_id, tof_ns)

    def _key(self, pulse: int) -> np.uint64:
        """The first counter of the random numbers of a pulse."""
        return np.uint64(_key(*(np.uint64(number & 2**64 - 1) for number in (self.seed, pulse))))

    def _lines(self, sample: Sample) -> LineTable:
        if self._table is None or self._sample != sample:
            self._sample, self._table = sample, LineTable.of(sample.reflections)
        return self._table


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _hashed(counter: np.uint64) -> np.uint64:
    """The random bits of a counter: splitmix64 (Steele, Lea & Flood 2014), whose step is GOLDEN."""
    z = counter * GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _key(seed: np.uint64, pulse: np.uint64) -> np.uint64:
    """The first counter of the random numbers of a pulse."""
    return _hashed(_hashed(seed) + pulse)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _uniform(bits: np.uint64) -> float:
    """The upper 53 bits as a number in [0, 1)."""
    return float(bits >> _S11) * _TO_UNIT_53


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _normal(bits: np.uint64) -> float:
    """A standard normal number: the quantile of a uniform one (Wichura's AS 241, PPND7, to 1e-7).

    It is twice as fast as the method of Box and Muller, for most draws need no logarithm or sine.
    """
    p = (float(bits >> _S11) + 0.5) * _TO_UNIT_53
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        above = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * above / (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        above = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777
        return math.copysign(above / ((0.12021132975 * r + 0.7370016425) * r + 1.0), q)
    r -= 5.0
    above = ((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115
    return math.copysign(above / ((0.012258202635 * r + 0.24197894225) * r + 1.0), q)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _tof_ns(d_angstrom: float, difc: float) -> np.int32:
    return np.int32(min(max(d_angstrom * difc * 1000.0, 1.0), float(LATEST_TOF_NS)))


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _line(uniform: float, lines: LineTable) -> float:
    """The d in Å of a line drawn from a `LineTable` by ``uniform``, a random number in [0, 1)."""
    place = uniform * lines.d_angstrom.size
    i = int(place)
    return lines.d_angstrom[i if place - i < lines.keep[i] else lines.alias[i]]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _events(
    key: np.uint64,
    count: int,
    pixel_ids: NDArray[np.int32],
    difc: NDArray[np.float64],
    lines: LineTable,
    width: float,
    background: FlatBackground,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pixel ids and times of flight in ns, (count,) each.

    ``pixel_ids`` and ``difc``, in µs/Å, are those of the pixels, (pixels,) each; ``width`` is the
    standard deviation of a peak over d.
    """
    pixel_id, tof_ns = np.empty(count, np.int32), np.empty(count, np.int32)
    d_min, d_max = background.d_min, background.d_max
    pixels = np.uint64(pixel_ids.size)
    for event in range(count):
        counter = key + _DRAWS * np.uint64(event)
        bits = _hashed(counter + np.uint64(1))
        uniform = _uniform(_hashed(counter + np.uint64(2)))
        pixel = ((bits >> _S32) * pixels) >> _S32
        if float(bits & _LOW_32) * _TO_UNIT_32 < background.share:
            d = d_min + (d_max - d_min) * uniform
        else:
            deviation = width * _normal(_hashed(counter + np.uint64(3)))
            d = _line(uniform, lines) * (1.0 + deviation)
        pixel_id[event] = pixel_ids[pixel]
        tof_ns[event] = _tof_ns(d, difc[pixel])
    return pixel_id, tof_ns
