"""A recipe in the form that the compiled passes take: tables of detectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.detector_rows import DetectorRows
from reduction.engines.native.blocks.event_store import EventBlock
from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.blocks.ordered_counts import (
    GroupTables,
    count_ordered,
    count_pixels_of,
    unpacked,
)
from reduction.engines.native.blocks.span_cache import SpanCache
from reduction.engines.native.blocks.value_order import EventValues
from reduction.engines.native.passes import curved_kernels, kernels, pixel_kernels
from reduction.engines.native.passes.packing import ValueTables
from reduction.engines.native.passes.tables import (
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
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED

EVENTS_PER_CELL = 3
"""From so many events for each cell on it pays to count them in small tables first."""

MASKED_CELL, BAD_PIXEL_CELL, MONITOR_CELL = range(3)
"""Special cells of a slice; the group that the recipe gives a monitor is ignored."""


class CompiledRecipe(CellLayout[EventBlock | OrderedBlock]):
    """Counts events by one recipe, with the compiled passes.

    ``rows`` are those of the instrument's detectors in the tables. Ids of events are what
    `DetectorRows.kept` gives. ``values`` are those of a recipe with equal values, if there is one:
    for twelve million detectors it takes seconds to compute them. ``spans`` is shared, too.
    """

    def __init__(
        self,
        instrument: Instrument,
        recipe: Recipe,
        max_tof_ns: int,
        rows: DetectorRows,
        values: EventValues | None = None,
        spans: SpanCache | None = None,
    ) -> None:
        super().__init__(recipe)
        self._spans = spans or SpanCache(np.int32(rows.first))
        self._rows = rows
        self.values = values or event_values(instrument, recipe, rows)
        exponent, coefficient, self._curved = self.values.tables
        self._special = self.slice_cells - SPECIAL
        self._detectors = DetectorTables(
            np.int32(rows.first),
            np.uint32(max_tof_ns),
            exponent,
            coefficient,
            self._coded_cells(instrument, coefficient),
            self.slice_cells,
        )
        self._groups = GroupTables(
            self._detectors.coded_cell, recipe.groups, self.edges.size + 1, self.slice_cells
        )
        self._bins: UniformBins | EdgeLookup
        even = EvenEdges.of(self.edges)
        if even is None or not (self._curved is None or plain_constants(self._curved)):
            self._bins = edge_lookup(self.edges)
        elif self._curved is None:
            self._bins = uniform_bins(exponent, even)
        else:
            self._bins = curved_bins(coefficient, exponent, even, self.edges.size)

    def _coded_cells(
        self, instrument: Instrument, coefficient: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        """``coded_cell`` of `DetectorTables`, (rows,); ``coefficient`` (rows,) as there."""
        group = self.recipe.group
        cell = np.multiply(group, self.edges.size + 1, dtype=np.int32)
        cell[group == MASKED] = self._special + MASKED_CELL
        cell[instrument.is_monitor] = self._special + MONITOR_CELL
        coded = self._rows.table(cell, self._special + BAD_PIXEL_CELL)
        binned = (coded < self._special) & np.isfinite(coefficient)
        coded <<= 1
        coded += binned
        return coded

    def add(
        self,
        block: EventBlock | OrderedBlock,
        slices: NDArray[np.int32],
        weights: Cells,
        cells: Cells,
    ) -> None:
        if isinstance(block, OrderedBlock):
            self._add_ordered(block, slices, weights, cells)
        else:
            stretches = merged_spans(block.starts, slices, weights)
            self.add_events(block.pixel_id, block.tof_ns, *stretches, cells)

    def _add_ordered(
        self, block: OrderedBlock, slices: NDArray[np.int32], weights: Cells, cells: Cells
    ) -> None:
        if (weights != weights[:1]).any():
            pixel_id, tof_ns, bounds = self._spans.events(block)
            self.add_events(pixel_id, tof_ns, *merged_spans(bounds, slices, weights), cells)
            return
        ordered = block.ordered_by(self.values)
        events = block.contents[0].events
        if ordered is not None and cells.dtype == np.int64 and weights[0] == 1:
            count_ordered(ordered, self.edges, self._groups, slices, cells)
            events = ordered.odd
        if not weights[0]:
            return
        packing, first_id = block.contents[0].order.packing, self._detectors.first_id
        for pixel_id, tof_ns, bounds, of_bounds in unpacked(events, packing, first_id, slices):
            same = np.full(of_bounds.size, weights[0])
            self.add_events(pixel_id, tof_ns, bounds, of_bounds, same, cells)

    @property
    def pixel_slots(self) -> int:
        return self._rows.count

    def add_pixels(
        self,
        block: EventBlock | OrderedBlock,
        weights: NDArray[np.int64],
        values: tuple[float, float] | None,
        counts: NDArray[np.int32],
    ) -> None:
        if isinstance(block, OrderedBlock):
            ordered = block.ordered_by(self.values) if values else block.contents[0]
            if ordered is not None and (weights == weights[:1]).all():
                count_pixels_of(ordered, weights, values, counts)
                return
            pixel_id, tof_ns, bounds = self._spans.events(block)
        else:
            pixel_id, tof_ns, bounds = block.pixel_id, block.tof_ns, block.starts
        events = pixel_id, tof_ns, bounds, weights, self._detectors
        if values is None:
            pixel_kernels.pixel_pass(*events, self._special, counts)
        else:
            pixel_kernels.pixel_window_pass(*events, self._curved, *values, counts)

    def by_detector(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        counted = self._detectors.coded_cell < 2 * self._special
        return np.where(counted, counts, 0)[self._rows.of_detectors]

    def add_events(
        self,
        pixel_id: NDArray[np.int32],
        tof_ns: NDArray[np.int32],
        bounds: NDArray[np.int64],
        slices: NDArray[np.int32],
        weights: Cells,
        cells: Cells,
    ) -> None:
        """Add the weight of its span to the cell of each event, as `kernels.uniform_pass`.

        Many events are counted in small numbers first, of which more stay in the cache.
        """
        small = _fit_small_tables(int(bounds[-1] - bounds[0]), weights, cells)
        tables: Cells = np.zeros((2, cells.size), np.int32) if small else cells[np.newaxis]
        weights = weights.astype(tables.dtype, copy=False)
        events = pixel_id, tof_ns, bounds, slices, weights, self._detectors
        if isinstance(self._bins, EdgeLookup):
            kernels.searching_pass(*events, self._curved, self.edges, self._bins, tables)
        elif self._curved is None:
            kernels.uniform_pass(*events, self.edges, self._bins, tables)
        else:
            curved_kernels.uniform_curved_pass(
                *events, self._curved, self.edges, self._bins, tables
            )
        if small:
            cells += np.add(tables[0], tables[1], out=tables[0])


def _fit_small_tables(events: int, weights: Cells, cells: Cells) -> bool:
    """Whether so many events, of these ``weights`` (spans,), are better counted in small tables.

    Their counts must fit an int32, and be worth the addition of the tables to ``cells``.
    """
    if cells.dtype != np.int64 or events < EVENTS_PER_CELL * cells.size:
        return False
    return events * int(np.abs(weights).max(initial=0)) <= np.iinfo(np.int32).max


def event_values(instrument: Instrument, recipe: Recipe, rows: DetectorRows) -> EventValues:
    """The values that a recipe gives to the events of all detectors, also of those it masks."""
    calibration = None if recipe.calibration is None else recipe.calibration.constants
    is_curved = recipe.units.calibrated and calibration is not None and not calibration.straight
    if calibration is None:
        difc = instrument.difc_us_per_angstrom
    else:
        difc = calibration.difc_us_per_angstrom
    if is_curved:  # the coefficient is that of a DIFC of 1 µs/Å, and NaN where there is no DIFC
        difc = np.where(np.isfinite(difc), 1.0, np.nan)
    found = recipe.units.coefficients(instrument.path_m, difc)
    found = np.where(instrument.is_monitor, np.nan, found)
    coefficient, curved = rows.table(found, np.nan), None
    if is_curved and calibration is not None:
        curved = _curved_calibration(calibration, rows, np.isfinite(coefficient))
    return EventValues(recipe, ValueTables(recipe.units.tof_exponent, coefficient, curved))


def _curved_calibration(
    calibration: Calibration, rows: DetectorRows, valued: NDArray[np.bool_]
) -> CurvedCalibration:
    """The table of a curved calibration, with detectors in their ``rows``.

    ``valued`` (rows,) is whether the events of a row get a value.
    """
    difc = np.where(valued, rows.table(calibration.difc_us_per_angstrom, 1.0), 1.0)
    four_difa = np.where(valued, rows.table(4 * calibration.difa_us_per_angstrom2, 0.0), 0.0)
    tzero_us = np.where(valued, rows.table(calibration.tzero_us, 0.0), 0.0)
    return CurvedCalibration(difc, four_difa, tzero_us)


def merged_spans(
    bounds: NDArray[np.int64], slices: NDArray[np.int32], weights: Cells
) -> tuple[NDArray[np.int64], NDArray[np.int32], Cells]:
    """The bounds, slices and weights of spans, with neighbours that have the same of both merged.

    ``bounds`` (spans + 1,), ``slices`` (spans,) and ``weights`` (spans,) are as in
    `kernels.uniform_pass`; there may be further bounds, of spans that are not counted.
    """
    other = np.ones(slices.size, np.bool_)
    other[1:] = (slices[1:] != slices[:-1]) | (weights[1:] != weights[:-1])
    first = np.flatnonzero(other)
    return np.append(bounds[first], bounds[slices.size]), slices[first], weights[first]
