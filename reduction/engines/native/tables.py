"""The tables that the compiled passes look things up in, and how they are made.

They are NamedTuples, because numba takes these and knows the types of their fields. Numba's cache
does not notice when fields of one type change places here: save ``kernels.py`` anew then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class DetectorTables(NamedTuple):
    """What a pass needs to know of the detectors. Row k is for the detector id ``first_id`` + k.

    The last row is for all ids that the instrument does not have.
    """

    first_id: np.int32
    """The lowest detector id."""

    max_tof_ns: np.uint32
    """The longest valid time of flight in ns; the shortest is 1 ns."""

    tof_exponent: int
    """The power of the time of flight in the unit: 1 (v = t/c), -1 (v = c/t) or -2 (v = c/t²)."""

    coefficient: NDArray[np.float64]
    """The c of each detector, (ids + 1,), for t in µs; NaN where its events get no value."""

    base: NDArray[np.int32]
    """The first cell of each detector's group within a slice, or its special cell, (ids + 1,)."""

    slice_cells: int
    """The number of cells of a slice."""


class UniformBins(NamedTuple):
    """How to estimate the bin of an event by arithmetic, for edges that are (nearly) even.

    y = scale · tof + shift, or scale/tof + shift, or scale/tof² + shift, by the exponent of the
    unit, is the number of the bin plus 1 with a fraction.
    """

    scale: NDArray[np.float64]
    """Bins per ns (or ns, or ns²), (ids + 1,); 0 for detectors whose events get no value."""

    shift: NDArray[np.float64]
    """What is added, (ids + 1,); 0.5 for detectors whose events get no value."""

    margin: float
    """How far y may be off: an event nearer to an edge than this is compared with the edges."""

    trusted: int
    """The highest number y (without its fraction) that is right; above it edges are compared."""


class EdgeLookup(NamedTuple):
    """Where to begin the search for the bin of a value, for edges of any spacing.

    The leading bits of a positive float64 rise with it, and evenly with its logarithm.
    """

    lowest_edge: NDArray[np.int32]
    """For each pattern of leading bits the last edge below all values that begin with it.

    The first entry also serves the positive values below the first pattern.
    """

    first_bits: int
    """The pattern of leading bits that the first entry is for."""

    dropped_bits: int
    """How many trailing bits of a float64 are not part of the pattern."""


@dataclass(frozen=True)
class EvenEdges:
    """Evenly spaced edges: y = value · ``per_unit`` + ``shift`` is the number of the bin plus 1.

    y is off by up to ``margin``. It is right up to y = ``trusted`` + 1, and not above.
    """

    per_unit: float
    shift: float
    margin: float
    trusted: int

    @classmethod
    def of(cls, edges: NDArray[np.float64]) -> EvenEdges | None:
        """What holds for ``edges`` (bins + 1,); None if they are uneven.

        The last bin may have any width. The margin is how far an edge lies from its even place, in
        bins, with the rounding of y on top: three operations on numbers that are as large as the
        first edge is in bins.
        """
        bins = edges.size - 1
        even = bins if bins == 1 else bins - 1
        with np.errstate(over="ignore", invalid="ignore"):
            per_unit = even / (edges[even] - edges[0])
            shift = 1.0 - edges[0] * per_unit
            distance = np.abs(edges * per_unit + shift - np.arange(1, bins + 2))
        margin = 2 * distance[: even + 1].max() + 16 * np.finfo(float).eps * (abs(shift) + bins)
        if not margin <= 0.01:  # also if it is NaN: bins can be too small for their inverse
            return None
        to_the_end = distance[-1] <= margin / 2
        return cls(per_unit, shift, margin, bins + 1 if to_the_end else even)


def uniform_bins(
    coefficient: NDArray[np.float64], tof_exponent: int, even: EvenEdges
) -> UniformBins:
    """The table of `reduction.engines.native.kernels.uniform_pass` for these coefficients.

    ``coefficient`` (ids + 1,) and ``tof_exponent`` are as in `DetectorTables`. Events of detectors
    whose coefficient is NaN fall in the middle of cell 0.
    """
    used = np.isfinite(coefficient)
    c = np.where(used, coefficient, 1.0)
    scale = {1: 1e-3 / c, -1: 1e3 * c, -2: 1e6 * c}[tof_exponent] * even.per_unit
    return UniformBins(
        np.where(used, scale, 0.0), np.where(used, even.shift, 0.5), even.margin, even.trusted
    )


def edge_lookup(edges: NDArray[np.float64]) -> EdgeLookup:
    """The table of `reduction.engines.native.kernels.searching_pass` for ``edges`` (bins + 1,).

    Edges ascend. The table has about four patterns of leading bits for each edge, evenly over the
    octaves of the edges.
    """
    below = int(np.searchsorted(edges, 0.0, side="right"))
    positive = edges[below:]
    if not positive.size:
        return EdgeLookup(np.zeros(1, np.int32), 0, 0)
    octaves = max(np.log2(positive[-1]) - np.log2(positive[0]), 1e-3)
    mantissa = int(np.clip(np.ceil(np.log2(4.0 * edges.size / octaves)), 0, 20))
    dropped = 52 - mantissa
    patterns = positive.view(np.int64) >> dropped
    first = int(patterns[0])
    every = np.arange(first, int(patterns[-1]) + 1)
    lowest = below + np.searchsorted(patterns, every, side="left") - 1
    return EdgeLookup(np.maximum(lowest, 0).astype(np.int32), first, dropped)
