"""The seeded pulse: which events pulse number n of a simulated powder diffractometer holds.

Random numbers are a hash of seed, pulse and event number, so a pulse does not depend on those
before it: seed, pulse number and settings determine every event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units
from simulator.parameters import SimulatorSettings
from simulator.sample import Reflections, Sample

MAX_EVENTS = 20_000_000
"""Most events of one pulse, whatever the spread draws."""

LATEST_TOF_NS = 2**31 - 2
"""Times of flight are kept within 1 … this, so each is a valid int32."""

BEAM_ANGSTROM = (0.1, 8.0)
"""Wavelengths at the monitors: all that reach a detector with the widest default of d."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32, _S11 = (np.uint64(bits) for bits in (27, 30, 31, 32, 11))
_LOW_32 = np.uint64(0xFFFFFFFF)
_DRAWS = np.uint64(3)
_MONITORS = np.uint64(0x6D6F6E69746F7273)
"""Sets the random numbers of the monitors apart from those of the detectors."""

_TO_UNIT_32, _TO_UNIT_53 = 2.0**-32, 2.0**-53


@dataclass(frozen=True, eq=False)
class LineTable:
    """Alias table (Walker 1977, as Vose 1991 builds it) of n Bragg lines.

    ``d_angstrom`` (n,) float64; ``keep`` (n,) float64, the chance that cell i yields line i and not
    line ``alias[i]`` (n,) int32. A draw costs the same for any number of lines.
    """

    d_angstrom: NDArray[np.float64]
    keep: NDArray[np.float64]
    alias: NDArray[np.int32]

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
    """Makes the pulses of an instrument. The table of the last sample is kept, nothing else."""

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
        self._table: tuple[Sample, LineTable] | None = None

    def events(
        self, settings: SimulatorSettings, pulse: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """``pixel_id`` and ``tof_ns`` of a pulse's events in detectors, both (events,) int32.

        A pixel is any with the same chance. With the chance `background_fraction` d is uniform in
        [d_min, d_max); else it is normal about a Bragg line, chosen by F² · multiplicity.
        The time of flight is the whole nanoseconds of d · DIFC.
        """
        key = self._key(pulse)
        count = settings.events_per_pulse + settings.events_per_pulse_spread * _normal(
            np.uint64(_hashed(key))
        )
        lines = self._lines(settings.sample)
        pixel_id, tof_ns = _events(
            key,
            min(max(round(count), 0), MAX_EVENTS),
            self._pixel_id,
            self._difc,
            (lines.d_angstrom, lines.keep, lines.alias),
            settings.relative_peak_width,
            (settings.background_fraction, settings.d_min, settings.d_max),
        )
        return pixel_id, tof_ns

    def monitor_events(
        self, settings: SimulatorSettings, pulse: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """``pixel_id`` and ``tof_ns`` of a pulse's events in monitors, both (events,) int32.

        A monitor is any with the same chance, the wavelength uniform in `BEAM_ANGSTROM`. None of
        the random numbers are those of the detectors' events.
        """
        key = np.uint64(_hashed(self._key(pulse) ^ _MONITORS))
        mean = settings.monitor_events_per_pulse if self._monitor_id.size else 0
        count = mean + math.sqrt(mean) * _normal(np.uint64(_hashed(key)))
        lines = self._lines(settings.sample)
        pixel_id, tof_ns = _events(
            key,
            max(round(count), 0),
            self._monitor_id,
            self._monitor_us_per_angstrom,
            (lines.d_angstrom, lines.keep, lines.alias),
            0.0,
            (1.0, *BEAM_ANGSTROM),  # flat, without lines
        )
        return pixel_id, tof_ns

    def _key(self, pulse: int) -> np.uint64:
        """Where the random numbers of a pulse start."""
        return np.uint64(_key(*(np.uint64(number & 2**64 - 1) for number in (self.seed, pulse))))

    def _lines(self, sample: Sample) -> LineTable:
        if self._table is None or self._table[0] != sample:
            self._table = sample, LineTable.of(sample.reflections)
        return self._table[1]


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _hashed(counter: np.uint64) -> np.uint64:
    """The output function of splitmix64 (Steele, Lea & Flood 2014); times GOLDEN is the step."""
    z = counter * GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _key(seed: np.uint64, pulse: np.uint64) -> np.uint64:
    """Where the random numbers of a pulse start."""
    return _hashed(_hashed(seed) + pulse)


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _uniform(bits: np.uint64) -> float:
    """The upper 53 bits as a number within [0, 1)."""
    return float(bits >> _S11) * _TO_UNIT_53


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _normal(bits: np.uint64) -> float:
    """A standard normal: the quantile of a uniform by Wichura's AS 241 (PPND7, good to 1e-7).

    Without Box and Muller's logarithm and sine in most draws it is twice as fast.
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
def _line(
    uniform: float,
    d_angstrom: NDArray[np.float64],
    keep: NDArray[np.float64],
    alias: NDArray[np.int32],
) -> float:
    """The d in Å of the line that ``uniform``, within [0, 1), stands for in a `LineTable`."""
    place = uniform * d_angstrom.size
    line = int(place)
    return d_angstrom[line if place - line < keep[line] else alias[line]]  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _events(
    key: np.uint64,
    count: int,
    pixel_ids: NDArray[np.int32],
    difc: NDArray[np.float64],
    lines: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    width: float,
    background: tuple[float, float, float],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """``pixel_id`` and ``tof_ns``; ``background`` is its fraction, d_min and d_max in Å."""
    pixel_id, tof_ns = np.empty(count, np.int32), np.empty(count, np.int32)
    fraction, d_min, d_max = background
    pixels = np.uint64(pixel_ids.size)
    for event in range(count):
        counter = key + _DRAWS * np.uint64(event)
        bits = _hashed(counter + np.uint64(1))
        uniform = _uniform(_hashed(counter + np.uint64(2)))
        pixel = ((bits >> _S32) * pixels) >> _S32
        if float(bits & _LOW_32) * _TO_UNIT_32 < fraction:
            d = d_min + (d_max - d_min) * uniform
        else:
            deviation = width * _normal(_hashed(counter + np.uint64(3)))
            d = _line(uniform, lines[0], lines[1], lines[2]) * (1.0 + deviation)
        pixel_id[event] = pixel_ids[pixel]
        tof_ns[event] = _tof_ns(d, difc[pixel])
    return pixel_id, tof_ns
