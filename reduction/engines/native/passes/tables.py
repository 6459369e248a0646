"""The look-up tables of the compiled passes, and the functions that make them.

Tables are NamedTuples, because numba knows the types of their fields. If two fields of the same
type change places here, numba's cache does not notice: save ``kernels.py`` again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST_TZERO_US = 3e6
"""A TZERO as long is beyond each time that an event can have, of 32 bits in ns."""

LARGEST_BEND = 0.0625
"""Largest x = 4·DIFA·(TOF - TZERO)/DIFC² for which a series gives d, see `BEND_ERROR`."""

MOST_MARGIN = 0.01
"""Largest error of an estimated bin, in bins; more events are then compared with the edges."""

LOG2_ERROR = 2e-9
"""Largest error of `approximate_log2`, rounding included."""

BEND_ERROR = 2e-11
"""Largest error of d by the series, relative to d; 0.02·x⁸ is left out of it."""


class DetectorTables(NamedTuple):
    """What a pass has to know about detectors. Row k is for events that keep ``first_id`` + k.

    The last row is for all ids that the instrument does not have. See
    `reduction.engines.detector_rows`.
    """

    first_id: np.int32
    """What an event of row 0 keeps as its id."""

    max_tof_ns: np.uint32
    """The longest valid time of flight in ns; the shortest is 1 ns."""

    tof_exponent: int
    """The power of the time of flight in the unit: 1 (v = t/c), -1 (v = c/t) or -2 (v = c/t²)."""

    coefficient: NDArray[np.float64]
    """The c of each detector, (rows,), for t in µs; NaN if it has none. Masked ones have one."""

    coded_cell: NDArray[np.int32]
    """Where events are counted within a slice, (rows,): see `binned_cell`.

    Twice the first cell of a detector's group, plus 1 if its events are binned; or twice its
    special cell. So neither a mask nor the groups need another table of 8 bytes a detector.
    """

    slice_cells: int
    """The number of cells of a slice."""


class CurvedCalibration(NamedTuple):
    """DIFC, DIFA and TZERO of detectors, where DIFA or TZERO is not 0. Rows as in `DetectorTables`.

    With it the ``coefficient`` of `DetectorTables` is that of a detector with a DIFC of 1 µs/Å, for
    which a time of flight in µs is a d-spacing in Å.
    """

    difc: NDArray[np.float64]
    """DIFC in µs/Å, (rows,); 1 if there is no ``coefficient``."""

    four_difa: NDArray[np.float64]
    """4 DIFA in µs/Å², (rows,)."""

    tzero_us: NDArray[np.float64]
    """TZERO in µs, (rows,)."""


class UniformBins(NamedTuple):
    """How to estimate the bin of an event by arithmetic, for (nearly) even edges or logarithms.

    With v = scale · tof/c, or scale · c/tof, or scale · c/tof², by the exponent of the unit and the
    coefficient c, y = v + shift is the number of the bin plus 1 with a fraction; for edges with
    even logarithms it is y = log₂(v) · per_octave + shift. v rounds otherwise than the value: to
    have it from c takes a division, but no table. With a curved calibration DIFC · d stands in the
    place of tof, and DIFC in that of c.
    """

    scale: float
    """Bins per unit, for a tof in ns; with a curved calibration in µs; for even logarithms units
    per unit.
    """

    per_octave: float
    """Bins in an octave of values, for edges with even logarithms; 0 for even edges."""

    shift: float
    """The term added to y."""

    margin: float
    """The largest error of y: an event nearer to an edge than this is compared with the edges."""

    trusted: int
    """The highest y, without its fraction, to trust; events above it are compared with edges."""

    end: float
    """Events with a y above this are above the last edge, whatever ``trusted`` is."""


class EdgeLookup(NamedTuple):
    """Where to begin the search for the bin of a value, for edges of any spacing.

    The leading bits of a positive float64 rise with it, and evenly with its logarithm.
    """

    lowest_edge: NDArray[np.int32]
    """For each pattern of leading bits, the last edge below all values that begin with the pattern.

    The first entry is also used for positive values below the first pattern.
    """

    first_bits: int
    """The pattern of leading bits that the first entry is for."""

    dropped_bits: int
    """How many trailing bits of a float64 are not part of the pattern."""


@dataclass(frozen=True)
class EvenEdges:
    """Edges that are evenly spaced, or whose logarithms are.

    y = x · ``per_unit`` + ``shift`` is the number of the bin plus 1, where x is the value or, if
    the edges are ``logarithmic``, its log₂. The error of y, also if log₂ has an error of
    `LOG2_ERROR`, is at most ``margin`` up to y = ``trusted`` + 1, and unknown above. A y above
    ``end`` is of a value above the last edge.
    """

    per_unit: float
    shift: float
    margin: float
    trusted: int
    end: float
    logarithmic: bool = False

    @classmethod
    def of(cls, edges: NDArray[np.float64]) -> EvenEdges | None:
        """The even spacing of ``edges`` (bins + 1,), or of their logarithms; None if uneven.

        The last bin may have any width.
        """
        even = cls._spaced(edges)
        if even is not None or not edges[0] > 0:
            return even
        even = cls._spaced(np.log2(edges))
        if even is None:
            return None
        error = LOG2_ERROR * even.per_unit
        margin, end = even.margin + error, even.end + error
        even = replace(even, margin=margin, end=end, logarithmic=True)
        return even if margin <= MOST_MARGIN else None

    @classmethod
    def _spaced(cls, edges: NDArray[np.float64]) -> EvenEdges | None:
        """The spacing of ``edges``; None if it is not even.

        The margin, in bins, is the largest distance of an edge from its even place, plus the
        rounding error of y. That error comes from three operations on numbers as large as the first
        edge divided by the width of a bin.
        """
        bins, eps = edges.size - 1, np.finfo(float).eps
        even = bins if bins == 1 else bins - 1
        with np.errstate(over="ignore", invalid="ignore"):
            per_unit = even / (edges[even] - edges[0])
            shift = 1.0 - edges[0] * per_unit
            places = edges * per_unit + shift
            distance = np.abs(places - np.arange(1, bins + 2))
        margin = 2 * distance[: even + 1].max() + 16 * eps * (abs(shift) + bins)
        if not margin <= MOST_MARGIN:  # also if it is NaN: bins can be too small for their inverse
            return None
        to_the_end = distance[-1] <= margin / 2
        trusted = bins + 1 if to_the_end else even
        end = places[-1] + margin + 16 * eps * (abs(shift) + places[-1])
        return cls(float(per_unit), float(shift), float(margin), trusted, float(end))

    def bins(self, units_per_time: float, margin: float, end: float) -> UniformBins:
        """The bins of a pass that multiplies by ``units_per_time`` to have a value in its unit."""
        if self.logarithmic:
            scale, per_octave = units_per_time, self.per_unit
        else:
            scale, per_octave = units_per_time * self.per_unit, 0.0
        return UniformBins(scale, per_octave, self.shift, margin, self.trusted, end)


def uniform_bins(tof_exponent: int, even: EvenEdges) -> UniformBins:
    """The table of `reduction.engines.native.passes.kernels.uniform_pass`."""
    us_per_ns = 1e-3
    return even.bins(us_per_ns**tof_exponent, even.margin, even.end)


def plain_constants(curved: CurvedCalibration) -> bool:
    """Whether the constants are as those of instruments, so that d can be estimated from them."""
    difc, tzero = curved.difc, curved.tzero_us
    curvature = curved.four_difa / difc / difc
    return bool(
        (difc > 1e-6).all()
        and (difc < 1e12).all()
        and (np.abs(curvature) < 1e12).all()
        and (np.abs(tzero) <= LONGEST_TZERO_US).all()
    )


def curved_bins(
    coefficient: NDArray[np.float64], tof_exponent: int, even: EvenEdges, edges: int
) -> UniformBins:
    """The table of `reduction.engines.native.passes.curved_kernels.uniform_curved_pass`.

    ``coefficient`` (rows,) is as in `DetectorTables`: the same for all that have one, since only
    the d-spacing tells the units that follow from it; ``edges`` is how many there are. The margin
    allows for the error of the series. No y is taken for surely above the last edge.
    """
    of_unit = coefficient[np.isfinite(coefficient)]
    c = float(of_unit[0]) if of_unit.size else 1.0
    assert (of_unit == c).all()
    largest = 3 * even.per_unit if even.logarithmic else abs(even.shift) + edges + 1
    return even.bins(c**-tof_exponent, even.margin + 2 * BEND_ERROR * largest, np.inf)


def edge_lookup(edges: NDArray[np.float64]) -> EdgeLookup:
    """The table of `searching_pass` for ``edges`` (bins + 1,).

    Edges ascend. The table has one or two patterns of leading bits for each edge, evenly over the
    octaves of the edges. More would take fewer steps of the search, and more of the cache.
    """
    below = int(np.searchsorted(edges, 0.0, side="right"))
    positive = edges[below:]
    if not positive.size:
        return EdgeLookup(np.zeros(1, np.int32), 0, 0)
    octaves = max(np.log2(positive[-1]) - np.log2(positive[0]), 1e-3)
    mantissa = int(np.clip(np.ceil(np.log2(edges.size / octaves)), 0, 20))
    dropped = 52 - mantissa
    patterns = positive.view(np.int64) >> dropped
    first = int(patterns[0])
    every = np.arange(first, int(patterns[-1]) + 1)
    lowest = below + np.searchsorted(patterns, every, side="left") - 1
    return EdgeLookup(np.maximum(lowest, 0).astype(np.int32), first, dropped)
