"""The readings of images, maps and picked cells, made from a result of the ranks."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from reduction.control.reports import MapCounts, RanksReport, ReductionResult
from reduction.detector_files.id_ranges import ranges_text
from reduction.instrument.geometry import Instrument
from reduction.parameters.images.image import PickedCells
from reduction.parameters.images.image_readings import (
    LONGEST_BANKS,
    AreaDetectorReadings,
    ArrayReadings,
    CellReadings,
    ImageReadings,
    MapReadings,
    PickedReadings,
)
from reduction.results.images import (
    ImageGeometry,
    image_values,
    layout_words,
    map_remark,
    map_words,
    picked_spectrum,
    source_remark,
)

EPICS_EPOCH_S = 631_152_000
"""Seconds from 1970 to 1990, from where EPICS counts."""

LONGEST_IDS = 1000
"""Longest text of the ids or banks of picked detectors."""


@dataclass(frozen=True)
class PictureNumbers:
    """The reduction of a picture, by its index, and how many have been posted with this one."""

    reduction: int
    counter: int


def image_readings(
    report: RanksReport,
    numbers: PictureNumbers,
    counts: NDArray[np.int64],
    geometry: ImageGeometry,
    banks: str,
) -> ImageReadings:
    """The readings of the image with these ``counts``, (rows, columns).

    ``banks`` is the text of the names of all banks, see `bank_list`.
    """
    result = report.results[numbers.reduction]
    values, message = image_values(counts, geometry.pixels, result)
    missing = result.views.image_missing if result.views is not None else 0
    if missing:
        lacks = f"{missing} events are missing: they were folded before this image began"
        message = "; ".join(filter(None, (message, lacks)))
    words, places = layout_words(geometry.layout), geometry.places
    return ImageReadings(
        **_array(report, numbers, values, "image"),
        x_edges=geometry.layout.columns.edges,
        y_edges=geometry.layout.rows.edges,
        x_label=words.columns,
        y_label=words.rows,
        total=float(counts.sum()),
        message=message,
        pixels=geometry.pixel_numbers,
        places=CellReadings(places.x_m, places.y_m, places.z_m, places.bank, banks),
    )


@functools.lru_cache(maxsize=1)
def bank_list(instrument: Instrument) -> str:
    """The names of all banks of an instrument by commas; the first ones if all are too long."""
    text = ",".join(each.replace(",", ";") for each in instrument.bank_names)
    return text if len(text) <= LONGEST_BANKS else text[: LONGEST_BANKS + 1].rpartition(",")[0]


def map_readings(report: RanksReport, numbers: PictureNumbers, made: MapCounts) -> MapReadings:
    """The readings of a map."""
    settings = report.results[numbers.reduction].order.settings
    words = map_words(settings.map, settings.units)
    return MapReadings(
        **_array(report, numbers, made.counts.astype(np.float64), "map"),
        x_edges=made.edges,
        y_edges=made.row_edges,
        x_label=words.columns,
        y_label=words.rows,
        total=float(made.counts.sum()),
        message=map_remark(report.results[numbers.reduction]),
    )


def _array(
    report: RanksReport, numbers: PictureNumbers, values: NDArray[np.float64], kind: str
) -> dict[str, Any]:
    """The readings that an image and a map have in common, of ``values`` (rows, columns)."""
    rows, columns = values.shape
    return {
        "data": values.ravel(),
        "plugin": AreaDetectorReadings(
            size_x=columns,
            size_y=rows,
            size_0=columns,
            size_1=rows,
            size_bytes=values.nbytes,
            dimensions=np.array([columns, rows], np.float64),
            unique_id=report.stream.pulse_last,
            counter=numbers.counter,
            counter_setpoint=numbers.counter,
            time_stamp=report.pulse_time_ns / 1e9 - EPICS_EPOCH_S,
            port_name=f"Red{numbers.reduction + 1} {kind}",
        ),
    }


PictureT = TypeVar("PictureT", bound=ArrayReadings)


def blank_picture(readings: PictureT, rows: int, columns: int) -> PictureT:
    """``readings`` with so many rows and columns of NaN, which take no memory here."""
    plugin = AreaDetectorReadings(
        size_x=columns, size_y=rows, size_0=columns, size_1=rows, size_bytes=8 * rows * columns
    )
    cells = np.broadcast_to(np.nan, (rows * columns,))
    return replace(readings, data=cells, plugin=plugin)


@dataclass(frozen=True)
class PickedDetectors:
    """What is known of the detectors in a rectangle of cells; means are NaN if there are none."""

    count: int
    ids: str
    banks: str
    two_theta_deg: float
    place_m: tuple[float, float, float]


@functools.lru_cache(maxsize=4)
def picked_detectors(
    instrument: Instrument, geometry: ImageGeometry, cells: PickedCells
) -> PickedDetectors:
    """The detectors in a rectangle of the image of an instrument, masked ones included."""
    members = geometry.layout.detectors_in(cells.min_x, cells.min_y, cells.size_x, cells.size_y)
    ids = np.sort(instrument.detector_id[members]).astype(np.int64)
    bank = np.unique(instrument.bank[members])
    names = (instrument.bank_names[each] for each in bank[bank >= 0].tolist())
    place, two_theta_deg = np.full(3, np.nan), np.nan
    if members.size:
        position = instrument.positions[members]
        place = position.mean(axis=0)
        x, y, z = position.T
        two_theta_deg = float(np.degrees(np.arctan2(np.hypot(x, y), z)).mean())
    x_m, y_m, z_m = place.tolist()
    words = _shortened(ranges_text(ids)), _shortened(",".join(names))
    return PickedDetectors(members.size, *words, two_theta_deg, (x_m, y_m, z_m))


def picked_readings(
    result: ReductionResult, counts: NDArray[np.int64], detectors: PickedDetectors
) -> PickedReadings:
    """The readings of picked cells with these ``counts`` (bins,)."""
    spectrum = picked_spectrum(counts, result)
    y, variances = spectrum.intensity(result.order.settings.corrections.normalisation)
    x_m, y_m, z_m = detectors.place_m
    return PickedReadings(
        y=y,
        yc=counts.astype(np.float64),
        e=np.sqrt(variances),
        total=float(counts.sum()),
        pixel_count=detectors.count,
        pixel_ids=detectors.ids,
        two_theta_deg=detectors.two_theta_deg,
        x_m=x_m,
        y_m=y_m,
        z_m=z_m,
        banks=detectors.banks,
        message=source_remark(result),
    )


def _shortened(text: str) -> str:
    """``text``, or its first words and dots if it is too long for its channel."""
    return text if len(text) <= LONGEST_IDS else text[: LONGEST_IDS - 4].rpartition(",")[0] + ",..."
