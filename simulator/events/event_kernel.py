"""The compiled loop that makes events, and the random numbers that it makes them from.

The random numbers of an event are the bits of one 64-bit hash, and of that hash times a constant.
All compiled functions stand in this module: numba loads them from its cache until it changes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

LATEST_TOF_NS = 2**31 - 2
"""Longest time of flight, so that each is a valid int32; the shortest is 1 ns."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio. The upper bits of its products are spread most evenly (Knuth, The Art
of Computer Programming, vol. 3, 6.4)."""

NO_LINE = -1
"""Stands for the Bragg line of the background."""

MOST_DRAWS = 1000
"""Draws of an event until it is kept anyway; with textures in their limits, less than one in a
million is."""

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32, _S11 = (np.uint64(bits) for bits in (27, 30, 31, 32, 11))
_LOW_32 = np.uint64(0xFFFFFFFF)
_ONE, _S64 = np.uint64(1), np.uint64(64)
_UNIT_53 = 2.0**-53
_TWO_32 = 2.0**32


class SourceTable(NamedTuple):
    """The d-spacings of events as pieces, in each of which d is uniform.

    There are 2^``bits`` cells, at least two, all equally likely. A random number x of 32 bits says
    where in cell i an event is. Below ``keep[i]`` it is in one piece, and else in another one.
    """

    bits: int

    keep: NDArray[np.int64]
    """Where the second piece of a cell begins, 0 … 2^32, (cells,)."""

    lines: NDArray[np.float64]
    """For each cell, d in Å is the first number plus the second one times x in its first piece, and
    likewise with the other two numbers in its second piece, (4 cells,)."""

    line_of_piece: NDArray[np.int32]
    """The Bragg line of the first and second piece of each cell, or `NO_LINE`, (2 cells,)."""


class PixelTable(NamedTuple):
    """Alias table (Walker 1977): draws from n pixels by their weights, through n equal entries."""

    keep: NDArray[np.int64]
    """Of 2^32 random numbers, how many yield pixel i in entry i and not the other one, (n,)."""

    other: NDArray[np.int32]
    """The other pixel that an entry may yield, (n,)."""


class PoleTable(NamedTuple):
    """The chance to keep an event, by its Bragg line and the direction of its pixel."""

    chance: NDArray[np.float64]
    """Chances at evenly spaced angles, (lines + 1, nodes); the last row is for the background."""

    node: NDArray[np.float64]
    """Where each pixel is among the nodes, 0 to nodes - 1, (pixels,); straight lines join them."""


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _hashed(counter: np.uint64) -> np.uint64:
    """The random bits of a counter: splitmix64 (Steele, Lea & Flood 2014), whose step is GOLDEN."""
    z = counter * GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def hashed_counter(counter: np.uint64) -> np.uint64:
    """64 random bits that a counter determines."""
    return _hashed(counter)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def counter_of_pulse(seed: np.uint64, pulse: np.uint64) -> np.uint64:
    """The first counter of the random numbers of a pulse."""
    return _hashed(_hashed(seed) + pulse)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def normal_of_bits(bits: np.uint64) -> float:
    """A standard normal number, the quantile of a uniform one (Wichura's AS 241: 1e-7 right)."""
    p = (float(bits >> _S11) + 0.5) * _UNIT_53
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


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_events(
    counter: np.uint64,
    pixel_ids: NDArray[np.int32],
    ns_per_angstrom: NDArray[np.float64],
    sources: SourceTable,
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
) -> None:
    """Fill in the pixel ids and times of flight in ns of events, (events,) each.

    The random numbers of event i follow from ``counter`` + i. ``pixel_ids`` and
    ``ns_per_angstrom``, (pixels,) each, are those of the pixels that events are in; a time of
    flight is d times the latter, rounded down.

    The upper half of the hash chooses the pixel. The hash times GOLDEN chooses the cell and x.
    """
    keep, lines, bits_of_cell = sources.keep, sources.lines, np.uint64(sources.bits)
    above_cell, above_x = _S64 - bits_of_cell, _S32 - bits_of_cell
    pixels = np.uint64(pixel_ids.size)
    for event in range(tof_ns.size):
        bits = _hashed(counter + np.uint64(event))
        other = bits * GOLDEN
        cell = other >> above_cell
        x = np.int64((other >> above_x) & _LOW_32)
        # Arithmetic and not a branch: the processor could not predict which piece is taken.
        line = (cell + cell + np.uint64(x >= keep[cell])) << _ONE
        d = lines[line] + lines[line + _ONE] * float(x)
        pixel = ((bits >> _S32) * pixels) >> _S32
        pixel_id[event] = pixel_ids[pixel]
        tof = d * ns_per_angstrom[pixel]
        tof_ns[event] = np.int32(min(max(tof, 1.0), float(LATEST_TOF_NS)))


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _chance_at(poles: PoleTable, line: np.int32, pixel: np.int64) -> np.float64:
    """The chance to keep an event of a line in a pixel, by straight lines between the nodes."""
    node = poles.node[pixel]
    low = min(int(node), poles.chance.shape[1] - 2)
    below, above = poles.chance[line, low], poles.chance[line, low + 1]
    chance: np.float64 = below + (node - low) * (above - below)
    return chance


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fill_uneven_events(
    counter: np.uint64,
    pixel_ids: NDArray[np.int32],
    ns_per_angstrom: NDArray[np.float64],
    sources: SourceTable,
    pixels: PixelTable,
    poles: PoleTable,
    pixel_id: NDArray[np.int32],
    tof_ns: NDArray[np.int32],
) -> None:
    """Fill in events as `fill_events` does, of pixels by their weights and lines by ``poles``.

    An event is drawn as there, the pixel then by ``pixels``. It is kept with a chance that depends
    on line and pixel, or else drawn again with the next random numbers. The hash of the hash
    decides on pixel (upper half) and chance (lower half), and is the first hash of the next draw.
    """
    keep, lines, bits_of_cell = sources.keep, sources.lines, np.uint64(sources.bits)
    above_cell, above_x = _S64 - bits_of_cell, _S32 - bits_of_cell
    count = np.uint64(pixel_ids.size)
    for event in range(tof_ns.size):
        bits = _hashed(counter + np.uint64(event))
        pixel, d = np.int64(0), 0.0
        for _draw in range(MOST_DRAWS):
            more = _hashed(bits)
            pixel = np.int64(((bits >> _S32) * count) >> _S32)
            if np.int64(more >> _S32) >= pixels.keep[pixel]:
                pixel = np.int64(pixels.other[pixel])
            other = bits * GOLDEN
            cell = other >> above_cell
            x = np.int64((other >> above_x) & _LOW_32)
            piece = cell + cell + np.uint64(x >= keep[cell])
            d = lines[piece << _ONE] + lines[(piece << _ONE) + _ONE] * float(x)
            chance = _chance_at(poles, sources.line_of_piece[piece], pixel)
            if float(more & _LOW_32) < chance * _TWO_32:
                break
            bits = more
        pixel_id[event] = pixel_ids[pixel]
        tof = d * ns_per_angstrom[pixel]
        tof_ns[event] = np.int32(min(max(tof, 1.0), float(LATEST_TOF_NS)))
