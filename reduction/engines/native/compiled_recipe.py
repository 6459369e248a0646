"""A recipe made ready for the compiled passes: tables over the range of detector ids."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.event_store import EventBlock
from reduction.engines.native import kernels
from reduction.engines.protocol import MAX_ID_RANGE, Cells, Recipe
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.parameters.units import coefficients

BAD_PIXEL_GROUP = -2
"""Group of an id that the instrument has not."""

MONITOR_GROUP = -3
"""Group of a monitor, whatever the recipe has it in."""


class CompiledRecipe(CellLayout[EventBlock]):
    """The passes of one recipe.

    Its tables have a row for each id from the first to the last, and one more that serves all
    pixels outside.
    """

    def __init__(self, instrument: Instrument, recipe: Recipe, max_tof_ns: int) -> None:
        first, last = int(instrument.detector_id.min()), int(instrument.detector_id.max())
        if last - first >= MAX_ID_RANGE:
            raise ValueError(f"detector ids span {last - first}; the limit is {MAX_ID_RANGE}")
        super().__init__(recipe)
        self._group = np.full(last - first + 2, BAD_PIXEL_GROUP, np.int32)
        used = (recipe.group != MASKED) & ~instrument.is_monitor
        here = instrument.detector_id - first
        self._group[here] = np.where(instrument.is_monitor, MONITOR_GROUP, recipe.group)
        coefficient = np.full(last - first + 2, np.nan)
        difc = recipe.difc_us_per_angstrom
        difc = instrument.difc_us_per_angstrom if difc is None else difc
        factor = coefficients(recipe.units, instrument.path_m, difc)
        coefficient[here] = np.where(used, factor, np.nan)
        special = recipe.groups * (self.edges.size + 1) - 1 - self._group
        base = np.where(self._group >= 0, self._group * (self.edges.size + 1), special)
        self._detectors = (
            np.int32(first),
            np.uint32(max_tof_ns),
            np.int64(recipe.units.tof_exponent),
            coefficient,
            base.astype(np.int32),
            np.int64(self.slice_cells),
        )
        even = EvenEdges.of(self.edges)
        self._kernel: Callable[..., None] = kernels.uniform_pass if even else kernels.searching_pass
        self._tables = (
            _scaled(coefficient, recipe.units.tof_exponent, even) if even else _lookup(self.edges)
        )

    def add(self, block: EventBlock, keys: NDArray[np.int32], weights: Cells, cells: Cells) -> None:
        for first, last in _stretches(weights):
            bounds, slices = merged_spans(block.starts[first : last + 1], keys[first:last])
            weight = weights[first].item()
            self.add_events(block.pixel_id, block.tof_ns, bounds, slices, cells, weight)

    def add_events(
        self,
        pixel_id: NDArray[np.int32],
        tof_ns: NDArray[np.int32],
        bounds: NDArray[np.int64],
        keys: NDArray[np.int32],
        cells: Cells,
        weight: float = 1,
    ) -> None:
        """Add ``weight`` for each event to its cell; slices as `kernels.uniform_pass` takes them.

        To counts, int64, it is a whole number; to float64 it may be any weight.
        """
        self._kernel(
            pixel_id,
            tof_ns,
            bounds,
            keys,
            weight,
            self._detectors,
            self.edges,
            *self._tables,
            cells,
        )

    def sort(
        self,
        pixel_id: NDArray[np.int32],
        tof_ns: NDArray[np.int32],
        bounds: NDArray[np.int64],
        keys: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Put the events' values into ``values``, sorted in each part: ends and rest of them.

        See `kernels.sorted_apart`.
        """
        parts = self.recipe.slices * self.recipe.groups
        ends = np.zeros(parts + 1, np.int64)
        rest = np.zeros(self.recipe.slices * SPECIAL + 1, np.int64)
        kernels.sorted_apart(
            pixel_id,
            tof_ns,
            bounds,
            keys,
            self._detectors,
            self._group,
            self.recipe.groups,
            ends,
            rest,
            values,
        )
        for first, last in itertools.pairwise(ends):
            values[first:last].sort()
        return ends, rest

    def add_sorted(
        self,
        values: NDArray[np.float64],
        ends: NDArray[np.int64],
        rest: NDArray[np.int64],
        cells: NDArray[np.int64],
    ) -> None:
        """Add what `sort` made to the cells."""
        kernels.count_sorted(values, ends, self.recipe.groups, self.edges, self.slice_cells, cells)
        slices = rest.size // SPECIAL  # slices may have been added since it was sorted
        special = cells[:-1].reshape(self.recipe.slices, self.slice_cells)[:slices, -SPECIAL:]
        special += rest[:-1].reshape(-1, SPECIAL)
        cells[-1] += rest[-1]


def merged_spans(
    bounds: NDArray[np.int64], keys: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Neighbouring spans of one slice as one."""
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1 if keys.size else 0))
    return np.append(bounds[first], bounds[-1]), keys[first]


def _stretches(weights: Cells) -> Iterator[tuple[int, int]]:
    """[first, last) of each stretch of spans of one weight that is not 0."""
    bounds = [0, *(np.flatnonzero(np.diff(weights)) + 1).tolist(), weights.size]
    return ((a, b) for a, b in itertools.pairwise(bounds) if a < b and weights[a])


@dataclass(frozen=True)
class EvenEdges:
    """Evenly spaced edges: y = value · ``per_unit`` + ``shift`` is the bin number plus 1.

    Off by up to ``margin``, and only good up to y = ``trusted`` + 1.
    """

    per_unit: float
    shift: float
    margin: float
    trusted: int

    @classmethod
    def of(cls, edges: NDArray[np.float64]) -> EvenEdges | None:
        """What holds for ``edges``, or None if they are uneven; the last bin may be any width.

        The margin is the furthest that an edge lies from its even place, in bins, with the
        rounding of y on top: three operations on numbers as large as the first edge in bins.
        """
        bins = edges.size - 1
        whole = bins if bins == 1 else bins - 1
        with np.errstate(over="ignore", invalid="ignore"):
            per_unit = whole / (edges[whole] - edges[0])
            shift = 1.0 - edges[0] * per_unit
            astray = np.abs(edges * per_unit + shift - np.arange(1, bins + 2))
        margin = 2 * astray[: whole + 1].max() + 16 * np.finfo(float).eps * (abs(shift) + bins)
        if not margin <= 0.01:  # nor if it is no number: bins can be too small for their inverse
            return None
        to_the_end = astray[-1] <= margin / 2
        return cls(per_unit, shift, margin, bins + 1 if to_the_end else whole)


def _scaled(coefficient: NDArray[np.float64], exponent: int, even: EvenEdges) -> tuple[Any, ...]:
    """Tables of `kernels.uniform_pass`; rows without a unit fall in the middle of their cell 0."""
    used = np.isfinite(coefficient)
    c = np.where(used, coefficient, 1.0)
    scale = {1: 1e-3 / c, -1: 1e3 * c, -2: 1e6 * c}[exponent] * even.per_unit
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
