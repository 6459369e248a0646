"""DIFC of detectors from calibration files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.reduction import DetectorSettings
from reduction.parameters.specs import Refused

LARGEST_CALIBRATION_BYTES = 256 << 20


class CalibrationTable(NamedTuple):
    """The columns of a calibration file, (rows,) float64 each, as they were read."""

    detector_id: NDArray[np.float64]
    difc_us_per_angstrom: NDArray[np.float64]


def calibrated_difc(
    settings: DetectorSettings, instrument: Instrument
) -> NDArray[np.float64] | None:
    """DIFC of each detector, (detectors,) float64 in µs/Å; None if no calibration file is set.

    A detector that the file does not have keeps the DIFC of its position. Raises `Refused` for a
    file that cannot be read, that has no detector of the instrument, or a DIFC that is not a number
    above 0.
    """
    if not settings.calibration:
        return None
    try:
        table = _read_table(Path(settings.calibration))
        _check_table(table)
        return _calibrated(table, instrument)
    except (EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused("Calibration", settings.calibration, str(error) or "no table") from None


def _calibrated(table: CalibrationTable, instrument: Instrument) -> NDArray[np.float64]:
    """DIFC of each detector, (detectors,): that of the table, else that of its position."""
    _, rows, detectors = np.intersect1d(
        table.detector_id, instrument.detector_id, assume_unique=True, return_indices=True
    )
    if not rows.size:
        raise ValueError(f"no detector of {instrument.name}")
    calibrated = instrument.difc_us_per_angstrom.copy()
    calibrated[detectors] = table.difc_us_per_angstrom[rows]
    return calibrated


def _check_table(table: CalibrationTable) -> None:
    ids, difc = table
    integers = np.isfinite(ids) & (ids == np.rint(ids))
    if ids.shape != difc.shape or ids.ndim != 1 or not integers.all():
        raise ValueError("a detector id and a DIFC in each row")
    if np.unique(ids).size < ids.size:
        raise ValueError("each detector id once")
    if not np.all(np.isfinite(difc) & (difc > 0)):
        raise ValueError("every DIFC is a number above 0")


def _read_table(path: Path) -> CalibrationTable:
    """The columns of a text file or an ``.npz``; raises ValueError and the errors of numpy."""
    if not path.is_file() or path.stat().st_size > LARGEST_CALIBRATION_BYTES:
        raise ValueError(f"no file of at most {LARGEST_CALIBRATION_BYTES >> 20} MiB")
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as columns:
            read = (np.asarray(columns[name], np.float64) for name in CalibrationTable._fields)
            return CalibrationTable(*read)
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] != 2:
        raise ValueError("two columns: detector id, DIFC in us/Ang")
    return CalibrationTable(table[:, 0], table[:, 1])
