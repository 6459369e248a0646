"""A recipe in the form that the compiled passes take: tables of detectors."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.detector_rows import DetectorRows
from reduction.engines.event_store import EventBlock
from reduction.engines.native import curved_kernels, kernels, pixel_kernels, sorted_kernels
from reduction.engines.native.sorted_kernels import SortedPiece
from reduction.engines.native.tables import (
    BEFORE_ALL_US,
    CurvedCalibration,
    DetectorTables,
    EdgeLookup,
    EvenEdges,
    UniformBins,
    curved_bins,
    edge_lookup,
    plain_constants,
    uniform_bins,
)
from reduction.engines.protocol import Cells, Recipe
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED

BAD_PIXEL_GROUP = -2
"""Group of a detector id that the instrument does not have."""

MONITOR_GROUP = -3
"""Group of every monitor. The group that the recipe gives a monitor is ignored."""


class ValuesBySpectrum(NamedTuple):
    """The values of events, sorted within each spectrum, and counts of the events without a value.

    A spectrum is one group in one slice. The values of spectrum p are from ``starts[p]`` to
    ``starts[p + 1]``, (spectra + 1,), in ``values``. ``special`` (slices · SPECIAL + 1,) counts the
    events without a value. See `kernels.values_by_spectrum`.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    special: NDArray[np.int64]


class CompiledRecipe(CellLayout[EventBlock]):
    """Counts raw events by one recipe, with the compiled passes.

    ``rows`` are those of the instrument's detectors in the tables. Ids of events are what
    `DetectorRows.kept` gives. Of another one, ``like``, coefficients are taken over where they are
    the same: for twelve million detectors it takes seconds to compute them.
    """

    def __init__(
        self,
        instrument: Instrument,
        recipe: Recipe,
        max_tof_ns: int,
        rows: DetectorRows,
        like: CompiledRecipe | None = None,
    ) -> None:
        super().__init__(recipe)
        self._rows = rows
        group = np.where(instrument.is_monitor, MONITOR_GROUP, recipe.group)
        self._group = rows.table(group, BAD_PIXEL_GROUP, np.int32)
        if like is not None and like.has_values_of(recipe):
            coefficient = like.coefficient
            if not np.array_equal(self._group >= 0, like._group >= 0):
                coefficient = np.where(self._group >= 0, coefficient, np.nan)
        else:
            used = (recipe.group != MASKED) & ~instrument.is_monitor
            found = np.where(used, _coefficients(instrument, recipe), np.nan)
            coefficient = rows.table(found, np.nan)
        self._curved = _curved_calibration(recipe, rows, np.isfinite(coefficient))
        exponent = recipe.units.tof_exponent
        self._detectors = DetectorTables(
            np.int32(rows.first),
            np.uint32(max_tof_ns),
            exponent,
            coefficient,
            self._first_cells(),
            self.slice_cells,
        )
        self._bins: UniformBins | EdgeLookup
        even = EvenEdges.of(self.edges)
        if even is None or not (self._curved is None or plain_constants(self._curved)):
            self._bins = edge_lookup(self.edges)
        elif self._curved is None:
            self._bins = uniform_bins(coefficient, exponent, even)
        else:
            size = self.edges.size
            self._bins = curved_bins(coefficient, exponent, even, self._curved, size)

    @property
    def coefficient(self) -> NDArray[np.float64]:
        """The coefficient of the detector in each row, (rows,); NaN where none counts."""
        return self._detectors.coefficient

    def has_values_of(self, recipe: Recipe) -> bool:
        """Whether each detector that counts by ``recipe`` has the same coefficient here."""
        counting = (recipe.group != MASKED) & (self.recipe.group == MASKED)
        return self.recipe.values_equal(recipe) and not counting.any()

    def _first_cells(self) -> NDArray[np.int32]:
        """For each row the first cell of its group in a slice, or its special cell."""
        group_cells = self.edges.size + 1
        special = self.recipe.groups * group_cells - 1 - self._group
        return np.where(self._group >= 0, self._group * group_cells, special).astype(np.int32)

    def add(
        self,
        block: EventBlock,
        slices: NDArray[np.int32],
        weights: Cells,
        cells: Cells,
    ) -> None:
        for first, last in _stretches(weights):
            bounds, merged = merged_spans(block.starts[first : last + 1], slices[first:last])
            weight = weights[first].item()
            self.add_events(block.pixel_id, block.tof_ns, bounds, merged, cells, weight)

    @property
    def pixel_slots(self) -> int:
        return self._rows.count

    def add_pixels(
        self,
        block: EventBlock,
        weights: NDArray[np.int64],
        values: tuple[float, float] | None,
        counts: NDArray[np.int32],
    ) -> None:
        events = block.pixel_id, block.tof_ns, block.starts, weights, self._detectors
        if values is None:
            pixel_kernels.pixel_pass(*events, self._group, counts)
        else:
            pixel_kernels.pixel_window_pass(*events, self._curved, *values, counts)

    def by_detector(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        return counts[self._rows.of_detectors]

    def add_events(
        self,
        pixel_id: NDArray[np.int32],
        tof_ns: NDArray[np.int32],
        bounds: NDArray[np.int64],
        slices: NDArray[np.int32],
        cells: Cells,
        weight: float = 1,
    ) -> None:
        """Add ``weight`` to the cell of each event; arguments as in `kernels.uniform_pass`.

        ``weight`` is an integer if the cells are int64 counts. If they are float64, any weight.
        """
        events = pixel_id, tof_ns, bounds, slices, weight, self._detectors
        if isinstance(self._bins, EdgeLookup):
            kernels.searching_pass(*events, self._curved, self.edges, self._bins, cells)
        elif self._curved is None:
            kernels.uniform_pass(*events, self.edges, self._bins, cells)
        else:
            curved_kernels.uniform_curved_pass(*events, self._curved, self.edges, self._bins, cells)

    def sorted_values(
        self,
        pixel_id: NDArray[np.int32],
        tof_ns: NDArray[np.int32],
        bounds: NDArray[np.int64],
        slices: NDArray[np.int32],
        values: NDArray[np.float64],
    ) -> ValuesBySpectrum:
        """The values of events, sorted within each spectrum, in the memory of ``values`` (n,)."""
        spectra = self.recipe.slices * self.recipe.groups
        starts = np.zeros(spectra + 1, np.int64)
        special = np.zeros(self.recipe.slices * SPECIAL + 1, np.int64)
        kernels.values_by_spectrum(
            pixel_id,
            tof_ns,
            bounds,
            slices,
            self._detectors,
            self._curved,
            self._group,
            self.recipe.groups,
            starts,
            special,
            values,
        )
        for first, last in itertools.pairwise(starts):
            values[first:last].sort()
        return ValuesBySpectrum(values[: int(starts[-1])], starts, special)

    def add_sorted(
        self,
        pieces: Iterable[SortedPiece],
        special: NDArray[np.int64],
        cells: NDArray[np.int64],
    ) -> None:
        """Count sorted values in ``cells``, and in special ones the events that have no value.

        ``special`` is of `sorted_values`. It may be of fewer slices than the recipe has by now.
        """
        for piece in pieces:
            sorted_kernels.count_sorted(
                piece, self.recipe.groups, self.edges, self.slice_cells, cells
            )
        slices = special.size // SPECIAL
        of_slices = cells[:-1].reshape(self.recipe.slices, self.slice_cells)[:slices, -SPECIAL:]
        of_slices += special[:-1].reshape(-1, SPECIAL)
        cells[-1] += special[-1]


def _coefficients(instrument: Instrument, recipe: Recipe) -> NDArray[np.float64]:
    """The coefficient of each detector in the unit of the recipe, (detectors,) float64.

    With a curved calibration it is that of a DIFC of 1 µs/Å, and NaN where there is no DIFC.
    """
    if recipe.calibration is None:
        difc = instrument.difc_us_per_angstrom
    else:
        difc = recipe.calibration.difc_us_per_angstrom
        if _is_curved(recipe):
            difc = np.where(np.isfinite(difc), 1.0, np.nan)
    return recipe.units.coefficients(instrument.path_m, difc)


def _is_curved(recipe: Recipe) -> bool:
    """Whether the values of the recipe's unit depend on DIFA or TZERO of some detector."""
    calibration = recipe.calibration
    return recipe.units.calibrated and calibration is not None and not calibration.straight


def _curved_calibration(
    recipe: Recipe, rows: DetectorRows, valued: NDArray[np.bool_]
) -> CurvedCalibration | None:
    """The table of a curved calibration, with detectors in their ``rows``; None if not curved.

    ``valued`` (rows,) is whether the events of a row get a value.
    """
    calibration = recipe.calibration
    if calibration is None or not _is_curved(recipe):
        return None
    difc = np.where(valued, rows.table(calibration.difc_us_per_angstrom, 1.0), 1.0)
    four_difa = np.where(valued, rows.table(4 * calibration.difa_us_per_angstrom2, 0.0), 0.0)
    tzero_us = np.where(valued, rows.table(calibration.tzero_us, 0.0), BEFORE_ALL_US)
    return CurvedCalibration(difc, four_difa, tzero_us, four_difa / difc / difc)


def merged_spans(
    bounds: NDArray[np.int64], slices: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The bounds and slices of the spans, with neighbouring spans of the same slice merged.

    ``bounds`` (spans + 1,) and ``slices`` (spans,) are as in `kernels.uniform_pass`.
    """
    first = np.flatnonzero(np.diff(slices, prepend=slices[0] - 1 if slices.size else 0))
    return np.append(bounds[first], bounds[-1]), slices[first]


def _stretches(weights: Cells) -> Iterator[tuple[int, int]]:
    """[first, last) of each stretch of spans with the same weight, but for those of weight 0."""
    bounds = [0, *(np.flatnonzero(np.diff(weights)) + 1).tolist(), weights.size]
    return ((a, b) for a, b in itertools.pairwise(bounds) if a < b and weights[a])
