"""From the counts of an image, a map or picked cells to the values that clients see."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import ReductionResult
from reduction.instrument.cell_places import CellPlaces, cell_places
from reduction.instrument.detector_file import DetectorFile
from reduction.instrument.geometry import Instrument
from reduction.instrument.layout import DetectorLayout, detector_layout
from reduction.instrument.selection import MASKED, detector_groups
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import ImageScale, ImageSource
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from reduction.results.normalisation import Measured, intensity, lacking
from reduction.results.spectra import MeasuredSpectrum

NOT_FADED = "events fade in the spectra, but not here"
"""What is said of an image, a map and picked cells of the running series while events fade."""


@dataclass(frozen=True, eq=False)
class ImageGeometry:
    """The layout of an image, where its cells are in space, and which detectors count.

    ``used`` (detectors,) bool is false for those that are masked or monitors; ``pixels`` (rows,
    columns) int64 are how many of the others each cell has.
    """

    layout: DetectorLayout
    places: CellPlaces
    used: NDArray[np.bool_]
    pixels: NDArray[np.int64]

    @functools.cached_property
    def pixel_numbers(self) -> NDArray[np.float64]:
        """``pixels`` row by row, (rows · columns,) float64; always the same array."""
        return self.pixels.ravel().astype(np.float64)


def image_geometry(
    settings: ReductionSettings, instrument: Instrument, files: Iterable[DetectorFile] = ()
) -> ImageGeometry:
    """The geometry of the image of these settings, whose ``files`` of detectors have been read.

    Raises `reduction.parameters.specs.Refused` for detectors that do not fit the instrument.
    """
    image = settings.image
    layout = detector_layout(instrument, image.view, image.resolution)
    used = detector_groups(settings.detectors, instrument, files) != MASKED
    used &= ~instrument.is_monitor
    pixels = np.bincount(layout.cell[used], minlength=layout.cells).reshape(layout.shape)
    return ImageGeometry(layout, cell_places(instrument, layout), used, pixels)


class ImageValues(NamedTuple):
    """Values (rows, columns) float64, and what is to be said of them; nothing if empty."""

    values: NDArray[np.float64]
    message: str


def image_values(
    counts: NDArray[np.int64], pixels: NDArray[np.int64], result: ReductionResult
) -> ImageValues:
    """The values of an image: its counts, counts per detector, or these normalised.

    ``counts`` and ``pixels`` are (rows, columns); ``result`` is the one that has the image. Cells
    without a detector that counts are NaN, and all cells are if there is nothing to normalise by.
    """
    values, sums = np.where(pixels > 0, counts, np.nan), _source_sums(result)
    scale, by = result.order.settings.image.scale, result.order.settings.corrections.normalisation
    if scale is ImageScale.COUNTS:
        return ImageValues(values, sums.missing)
    values /= np.maximum(pixels, 1)
    if scale is ImageScale.PER_PIXEL:
        return ImageValues(values, sums.missing)
    why = sums.missing or lacking(_unit_spectrum(sums), by)
    if why:
        return ImageValues(np.full_like(values, np.nan), why)
    return ImageValues(values * intensity(_unit_spectrum(sums), by, None, None).values[0], "")


@dataclass(frozen=True)
class SourceSums:
    """Charge in µC and monitor counts of the pulses that an image is of.

    ``missing`` says why there are none; empty if there are.
    """

    charge_uc: float = math.nan
    monitor_counts: float = math.nan
    missing: str = ""


def _source_sums(result: ReductionResult) -> SourceSums:
    assert result.counts is not None
    image, number = result.order.settings.image, result.order.settings.image.number - 1
    closed = image.source is ImageSource.SERIES and number < len(result.series)
    if closed:
        one = result.series[number]
        return SourceSums(one.charge_uc, one.monitor_counts)
    if image.source is ImageSource.SERIES and number > len(result.series):
        return SourceSums(missing=f"there is no series {image.number}")
    if image.source is ImageSource.SLICE and number >= len(result.counts):
        return SourceSums(missing=f"there is no slice {image.number}")
    if result.faded is not None:
        return SourceSums(missing=NOT_FADED)
    here = slice(number, number + 1) if image.source is ImageSource.SLICE else slice(None)
    return SourceSums(sum(result.charges_uc[here]), sum(result.monitor_counts[here]))


def source_remark(result: ReductionResult) -> str:
    """What is to be said of the pulses of an image, such as that there are none; may be empty."""
    return _source_sums(result).missing


def map_remark(result: ReductionResult) -> str:
    """What is to be said of the counts of a map; empty if nothing."""
    return NOT_FADED if result.faded is not None else ""


def _unit_spectrum(sums: SourceSums) -> Measured:
    """A single count in a bin of width 1, with these sums."""
    one = np.ones(1)
    return Measured(np.array([0.0, 1.0]), one, one, sums.charge_uc, sums.monitor_counts)


def picked_spectrum(counts: NDArray[np.int64], result: ReductionResult) -> MeasuredSpectrum:
    """The spectrum of picked cells, whose ``counts`` (bins,) are of the pulses of the image.

    It has no background and no vanadium: those are of all detectors.
    """
    assert result.edges is not None
    sums, values = _source_sums(result), counts.astype(np.float64)
    measured = Measured(result.edges, values, values, sums.charge_uc, sums.monitor_counts)
    return MeasuredSpectrum(measured, None, None)


@dataclass(frozen=True)
class AxisWords:
    """What the columns and rows of a picture are, with their units."""

    columns: str
    rows: str


def layout_words(layout: DetectorLayout) -> AxisWords:
    """What the columns and rows of an image are."""
    columns, rows = layout.columns, layout.rows
    return AxisWords(_words(columns.label, columns.units), _words(rows.label, rows.units))


def map_words(settings: MapSettings, units: Units) -> AxisWords:
    """What the columns and rows of a map are."""
    rows = {
        MapAxis.TWO_THETA: _words("two-theta", "deg"),
        MapAxis.HEIGHT: _words("height", "m"),
        MapAxis.BANK: "bank",
        MapAxis.PIXEL: "detector",
        MapAxis.LOG: settings.log,
        MapAxis.TIME: _words("time", "s"),
    }[settings.against]
    return AxisWords(_words(units.labels.quantity, units.symbol), rows)


def _words(label: str, units: str) -> str:
    return f"{label} ({units})" if units else label
