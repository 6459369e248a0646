"""What engines have to count, by plain numpy and textbook formulas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import MAX_TOF_NS, Recipe, SliceOf
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from tests.support.engines import reference_data as reference
from tests.support.engines import textbook


def plain_counts(
    instrument: Instrument, recipe: Recipe, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32]
) -> tuple[NDArray[np.int64], tuple[int, int, int, int]]:
    """Counts, (groups, bins), and events out of range, masked, of bad pixels and at bad times."""
    place = {int(identifier): row for row, identifier in enumerate(instrument.detector_id)}
    row = np.array([place.get(int(pixel), -1) for pixel in pixel_id], int)
    group = np.where(instrument.is_monitor, MASKED, recipe.group)[row]
    masked = (row >= 0) & (group == MASKED)  # monitors too
    bad_time = (row >= 0) & ~masked & ((tof_ns <= 0) | (tof_ns > MAX_TOF_NS))
    good = (row >= 0) & ~masked & ~bad_time
    tof_us = tof_ns[good] / 1000.0
    if recipe.calibration is not None and recipe.units.calibrated:
        constants = (each[row[good]] for each in vars(recipe.calibration).values())
        value = textbook.calibrated_value(recipe.units, tof_us, *constants)
    else:
        value = textbook.value_of_pixels(recipe.units, tof_us, instrument, row[good])
    at = np.searchsorted(recipe.edges, value, side="right") - 1
    inside = (at >= 0) & (value < recipe.edges[-1])
    counts = np.zeros((recipe.groups, recipe.edges.size - 1), np.int64)
    np.add.at(counts, (group[good][inside], at[inside]), 1)
    rest = (int((~inside).sum()), int(masked.sum()), int((row < 0).sum()), int(bad_time.sum()))
    return counts, rest


def plain_counts_of_slices(
    recipe: Recipe, slice_of: SliceOf, name: str = "arc"
) -> tuple[NDArray[np.int64], int]:
    """Counts of each slice, (slices, groups, bins), and how many events are in none."""
    instrument, events = reference.instrument(name), reference.events(name)
    slices = slice_of(events.pulse.astype(np.int64))
    counts = []
    for number in range(recipe.slices):
        here = slices == number
        alone, _ = plain_counts(instrument, recipe, events.pixel_id[here], events.tof_ns[here])
        counts.append(alone)
    return np.array(counts), int((slices < 0).sum())
