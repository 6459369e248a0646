"""Reads the files that settings of detectors name, and keeps what is of the instrument.

One process reads, that of the IOC; the orders carry what it has read to the ranks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.columns import CalibrationColumns
from reduction.detector_files.content import BadDetectorFile, read_content
from reduction.detector_files.read import read_calibration, read_groups, read_mask
from reduction.instrument.detector_file import DetectorColumns, DetectorFile, DetectorFileKind
from reduction.instrument.detector_ranges import (
    NO_GROUP,
    GroupsOverlap,
    detectors_in,
    group_of_detectors,
)
from reduction.instrument.geometry import Instrument
from reduction.parameters.specs import Refused


@dataclass(frozen=True)
class LoadedFile:
    """A file as orders carry it, and the names of the groups in it."""

    file: DetectorFile
    group_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileContent:
    """What a file says of the detectors of an instrument, and the names of the groups in it."""

    columns: DetectorColumns
    group_names: tuple[str, ...] = ()


LoadFile = Callable[[DetectorFileKind, str], LoadedFile]
"""Reads the file at a path; raises `Refused` that names the setting, the path and the place."""


def load_file(kind: DetectorFileKind, path: str, instrument: Instrument) -> LoadedFile:
    """What the file at ``path`` says of the detectors of an instrument.

    Raises `Refused` for a file that cannot be read or understood, that has no detector of the
    instrument, or that says what no detector can have; the text names the place in the file.
    """
    try:
        content = read_content(Path(path))
        load = {
            DetectorFileKind.CALIBRATION: _calibration,
            DetectorFileKind.MASK: _mask,
            DetectorFileKind.GROUPS: _groups,
        }[kind]
        found = load(content, Path(path), instrument)
    except BadDetectorFile as error:
        raise Refused(kind, path, str(error)) from None
    digest = hashlib.sha256(content).hexdigest()
    return LoadedFile(DetectorFile(kind, digest, found.columns.packed()), found.group_names)


def _calibration(content: bytes, path: Path, instrument: Instrument) -> FileContent:
    """The calibration of the detectors of an instrument, and the names of its groups."""
    columns = read_calibration(content, path)
    rows, detectors = instrument.among(columns.detector_id)
    pixel = ~instrument.is_monitor[detectors]
    rows, detectors = rows[pixel], detectors[pixel]
    if not rows.size:
        raise BadDetectorFile(f"no detector of {instrument.name} is in it")
    numbers = _group_numbers(columns)
    here = columns.of(rows)
    del columns, rows  # of twelve million rows they take 0.7 GB
    here.check()
    valid = here.valid
    difc = here.difc
    if difc is None:
        difc = _difc_of_offset(here, valid, instrument.difc_us_per_angstrom[detectors])
    made = DetectorColumns.of(
        instrument.detector_id[detectors],
        difc=_where(valid, difc, np.nan),
        difa=None if here.difa is None else _where(valid, here.difa, 0.0),
        tzero=None if here.tzero is None else _where(valid, here.tzero, 0.0),
        masked=None if here.use is None else ~here.use,
        group=_group_places(here, numbers) if numbers.size else None,
    )
    return FileContent(made, tuple(map(str, numbers.tolist())))


def _where(
    valid: NDArray[np.bool_], numbers: NDArray[np.float64], other: float
) -> NDArray[np.float64]:
    """The numbers (rows,) that are ``valid`` (rows,), else the ``other``; no copy without need."""
    return numbers if valid.all() else np.where(valid, numbers, other)


def _difc_of_offset(
    columns: CalibrationColumns, valid: NDArray[np.bool_], of_positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """DIFC in µs/Å of the rows, (rows,): that of the position, (rows,), over 1 + offset.

    So it is in Mantid's ConvertDiffCal.
    """
    assert columns.offset is not None
    difc: NDArray[np.float64] = of_positions / (1 + np.where(valid, columns.offset, 0.0))
    return difc


def _group_numbers(columns: CalibrationColumns) -> NDArray[np.int64]:
    """The numbers of the groups in a calibration, ascending, (groups,); 0 is no group."""
    if columns.group is None:
        return np.empty(0, np.int64)
    numbers = np.unique(columns.group)
    return numbers[numbers > 0]


def _group_places(columns: CalibrationColumns, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
    """The place of the group of each row among ``numbers`` (groups,), (rows,); or `NO_GROUP`."""
    assert columns.group is not None
    place = np.searchsorted(numbers, columns.group).astype(np.int32)
    place[columns.group <= 0] = NO_GROUP
    return place


def _mask(content: bytes, path: Path, instrument: Instrument) -> FileContent:
    """The detectors of an instrument that a file masks."""
    ranges = read_mask(content, path, instrument.bank_names)
    ids = np.sort(instrument.detector_id[detectors_in(ranges, instrument)])
    if not ids.size and not ranges.empty:
        raise BadDetectorFile(f"no detector of {instrument.name} is in it")
    return FileContent(DetectorColumns.of(ids, masked=np.ones(ids.size, np.bool_)))


def _groups(content: bytes, path: Path, instrument: Instrument) -> FileContent:
    """The groups of the detectors of an instrument, and their names."""
    groups = read_groups(content, path, instrument.bank_names)
    try:
        group = group_of_detectors(groups, instrument)
    except GroupsOverlap as overlap:
        one, other = groups.place(overlap.one), groups.place(overlap.other)
        raise BadDetectorFile(f"{other}: a detector that {one} has too") from None
    inside = np.flatnonzero(group >= 0)
    if not inside.size:
        raise BadDetectorFile(f"no detector of {instrument.name} is in it")
    inside = inside[np.argsort(instrument.detector_id[inside])]
    columns = DetectorColumns.of(instrument.detector_id[inside], group=group[inside])
    return FileContent(columns, groups.names)
