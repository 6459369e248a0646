"""The native engine: Mantid's ConvertUnits, Rebin and SumSpectra as one compiled pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines import kernels
from reduction.engines.protocol import MASKED, Recipe, Tally
from reduction.geometry import Instrument
from reduction.store import EventStore
from reduction.units import Units, coefficients

MAX_TOF_NS = 1_000_000_000
"""Longest time of flight taken for real: one second, fourteen pulses of a 14 Hz source."""

SPECIAL = 3
"""Cells after those of the groups: masked, bad pixel, bad time."""

MAX_ID_RANGE = 100_000_000


@dataclass(frozen=True, eq=False)
class Pass:
    """A recipe made ready for the kernels: one table over the range of detector ids.

    The tables have one row more than ids, which serves all pixels outside the range.
    """

    recipe: Recipe
    edges: NDArray[np.float64]
    first_id: int
    exponent: int
    limit: int
    coefficient: NDArray[np.float64]
    base: NDArray[np.int32]

    @classmethod
    def of(cls, instrument: Instrument, recipe: Recipe, max_tof_ns: int) -> Pass:
        first, last = int(instrument.detector_id.min()), int(instrument.detector_id.max())
        if last - first >= MAX_ID_RANGE:
            raise ValueError(f"detector ids span {last - first}; the limit is {MAX_ID_RANGE}")
        stride = recipe.edges.size + 1
        masked = recipe.groups * stride
        coefficient = np.full(last - first + 2, np.nan)
        base = np.full(last - first + 2, masked + 1, np.int32)
        here = instrument.detector_id - first
        used = (recipe.group != MASKED) & ~instrument.is_monitor
        factor = coefficients(recipe.units, instrument.path_m, instrument.difc_us_per_angstrom)
        coefficient[here] = np.where(used, factor, np.nan)
        base[here] = np.where(used, recipe.group * stride, masked)
        return cls(
            recipe,
            recipe.edges.copy(),
            first,
            recipe.units.tof_exponent,
            max_tof_ns,
            coefficient,
            base,
        )

    @property
    def detectors(self) -> tuple[object, ...]:
        """What both kernels know of the detectors."""
        return (
            np.int32(self.first_id),
            np.uint32(self.limit),
            np.int64(self.exponent),
            self.coefficient,
            self.base,
            np.int32(self.cells - 1),
        )

    @property
    def cells(self) -> int:
        return self.recipe.groups * (self.recipe.edges.size + 1) + SPECIAL


class Histogram:
    """The cells of one recipe, and how many of the store's events are in them."""

    def __init__(self, ready: Pass) -> None:
        self.ready = ready
        self.cells = np.zeros(ready.cells, np.int64)
        self.covered = 0
        edges = ready.edges
        even = Even.of(edges)
        self._kernel: Callable[..., None] = kernels.uniform_pass if even else kernels.searching_pass
        self._tables = _scaled(ready, even) if even else _lookup(edges)

    def add(self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> None:
        """Put events, (n,) int32 each, into the cells."""
        ready = self.ready
        self._kernel(pixel_id, tof_ns, ready.detectors, ready.edges, *self._tables, self.cells)


@dataclass(frozen=True)
class Even:
    """Evenly spaced edges: y = value · ``per_unit`` + ``shift`` is the bin number plus 1.

    Off by up to ``margin``, and only good up to y = ``trusted`` + 1.
    """

    per_unit: float
    shift: float
    margin: float
    trusted: int

    @classmethod
    def of(cls, edges: NDArray[np.float64]) -> Even | None:
        """What holds for ``edges``, or None if they are uneven; the last bin may be any width.

        The margin is the furthest that an edge lies from its even place, in bins, with the
        rounding of y on top: three operations on numbers as large as the first edge in bins.
        """
        bins = edges.size - 1
        whole = bins if bins == 1 else bins - 1
        per_unit = whole / (edges[whole] - edges[0])
        shift = 1.0 - edges[0] * per_unit
        astray = np.abs(edges * per_unit + shift - np.arange(1, bins + 2))
        margin = 2 * astray[: whole + 1].max() + 16 * np.finfo(float).eps * (abs(shift) + bins)
        if margin > 0.01:
            return None
        to_the_end = astray[-1] <= margin / 2
        return cls(per_unit, shift, margin, bins + 1 if to_the_end else whole)


def _scaled(ready: Pass, even: Even) -> tuple[Any, ...]:
    """Tables of `kernels.uniform_pass`; rows without a unit fall in the middle of their cell 0."""
    used = np.isfinite(ready.coefficient)
    c = np.where(used, ready.coefficient, 1.0)
    scale = {1: 1e-3 / c, -1: 1e3 * c, -2: 1e6 * c}[ready.exponent] * even.per_unit
    return (
        np.where(used, scale, 0.0),
        np.where(used, even.shift, 0.5),
        even.margin,
        even.trusted,
    )


def _lookup(edges: NDArray[np.float64]) -> tuple[Any, ...]:
    """Lookup table, first key and bits to drop, as `kernels.searching_pass` takes them."""
    below = int(np.searchsorted(edges, 0.0, side="right"))
    positive = edges[below:]
    if not positive.size:
        return np.zeros(1, np.int32), 0, 0
    octaves = max(np.log2(positive[-1]) - np.log2(positive[0]), 1e-3)
    mantissa = int(np.clip(np.ceil(np.log2(4.0 * edges.size / octaves)), 0, 20))
    bits = 52 - mantissa
    keys = positive.view(np.int64) >> bits
    first = int(keys[0])
    under = below + np.searchsorted(keys, np.arange(first, int(keys[-1]) + 1), side="left") - 1
    return np.maximum(under, 0).astype(np.int32), first, bits


class NativeEngine:
    """Events retained as raw (pixel, time of flight), histograms by compiled passes over them."""

    def __init__(
        self, instrument: Instrument, recipes: list[Recipe], max_tof_ns: int = MAX_TOF_NS
    ) -> None:
        self.name = f"native (numba {numba.__version__})"
        self._instrument, self._max_tof_ns = instrument, max_tof_ns
        self._store = EventStore()
        self._histograms = [self._made(recipe) for recipe in recipes]
        self._compile()

    def _made(self, recipe: Recipe) -> Histogram:
        return Histogram(Pass.of(self._instrument, recipe, self._max_tof_ns))

    def _compile(self) -> None:
        """Have both kernels compiled, or loaded from the cache, before events come."""
        nothing = np.empty(0, np.int32)
        group = np.zeros(self._instrument.detector_id.size, np.int32)
        for edges in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]):
            self._made(Recipe(Units.TOF, np.array(edges), group)).add(nothing, nothing)

    @property
    def retained(self) -> int:
        return self._store.size

    def accumulate(self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> None:
        self._store.append(pixel_id, tof_ns)

    def configure(self, reduction: int, recipe: Recipe) -> None:
        self._histograms[reduction] = self._made(recipe)

    def advance(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        for histogram in self._histograms:
            while histogram.covered < self._store.size:
                pixel_id, tof_ns = self._store.run(histogram.covered)
                histogram.add(pixel_id, tof_ns)
                histogram.covered += pixel_id.size
                if time.monotonic() > deadline:
                    return self._caught_up
        return self._caught_up

    @property
    def _caught_up(self) -> bool:
        return all(each.covered == self._store.size for each in self._histograms)

    def clear(self) -> None:
        self._store.clear()
        for histogram in self._histograms:
            histogram.cells[:] = 0
            histogram.covered = 0

    def cells(self, reduction: int) -> NDArray[np.int64]:
        return self._histograms[reduction].cells

    def tally(self, reduction: int, cells: NDArray[np.int64]) -> Tally:
        recipe = self._histograms[reduction].ready.recipe
        spectra = cells[:-SPECIAL].reshape(recipe.groups, recipe.edges.size + 1)
        masked, bad_pixel, bad_time = (int(n) for n in cells[-SPECIAL:])
        outside = int(spectra[:, 0].sum() + spectra[:, -1].sum())
        return Tally(spectra[:, 1:-1], outside, masked, bad_pixel, bad_time)
