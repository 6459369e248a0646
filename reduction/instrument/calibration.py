"""DIFC of detectors from calibration files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.reduction import DetectorSettings
from reduction.parameters.specs import Refused

LARGEST_CALIBRATION_BYTES = 256 << 20


def calibrated_difc(
    settings: DetectorSettings, instrument: Instrument
) -> NDArray[np.float64] | None:
    """DIFC of each detector, (detectors,) float64 in µs/Å, with the file's in place of its own.

    None without a file. Raises `Refused` for a file that cannot be read, that holds no detector of
    the instrument, or a DIFC that is none.
    """
    if not settings.calibration:
        return None
    try:
        ids, difc = _table(Path(settings.calibration))
    except (EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused("Calibration", settings.calibration, str(error) or "no table") from None
    if ids.shape != difc.shape or ids.ndim != 1 or not np.all(_whole(ids)):
        raise Refused("Calibration", settings.calibration, "a detector id and a DIFC in each row")
    if np.unique(ids).size < ids.size:
        raise Refused("Calibration", settings.calibration, "each detector id once")
    if not np.all(np.isfinite(difc) & (difc > 0)):
        raise Refused("Calibration", settings.calibration, "every DIFC is a number above 0")
    place = {int(identifier): row for row, identifier in enumerate(instrument.detector_id)}
    rows = [
        (place[int(each)], value)
        for each, value in zip(ids, difc, strict=True)
        if int(each) in place
    ]
    if not rows:
        raise Refused("Calibration", settings.calibration, f"no detector of {instrument.name}")
    calibrated = instrument.difc_us_per_angstrom.copy()
    for row, value in rows:
        calibrated[row] = value
    return calibrated


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(numbers) & (numbers == np.rint(numbers)))


def _table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not path.is_file() or path.stat().st_size > LARGEST_CALIBRATION_BYTES:
        raise ValueError(f"no file of at most {LARGEST_CALIBRATION_BYTES >> 20} MiB")
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as columns:
            names = ("detector_id", "difc_us_per_angstrom")
            ids, difc = (np.asarray(columns[name], np.float64) for name in names)
            return ids, difc
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] != 2:
        raise ValueError("two columns: detector id, DIFC in us/Ang")
    return table[:, 0], table[:, 1]
