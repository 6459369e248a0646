"""DIFC, DIFA and TZERO of detectors, from calibration files."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.reduction import DetectorSettings
from reduction.parameters.specs import Refused

LARGEST_CALIBRATION_BYTES = 256 << 20


@dataclass(frozen=True, eq=False)
class Calibration:
    """The calibration of the n detectors of an instrument, (n,) float64 each.

    The time of flight of a d-spacing is DIFA·d² + DIFC·d + TZERO. DIFC is in µs/Å, above 0, or NaN
    for detectors that have none, such as monitors; DIFA is in µs/Å²; TZERO is in µs.
    """

    difc_us_per_angstrom: NDArray[np.float64]
    difa_us_per_angstrom2: NDArray[np.float64]
    tzero_us: NDArray[np.float64]

    @classmethod
    def of_difc(cls, difc_us_per_angstrom: NDArray[np.float64]) -> Self:
        """The calibration with this DIFC, and with DIFA and TZERO of 0."""
        nothing = np.zeros(difc_us_per_angstrom.size)
        return cls(difc_us_per_angstrom, nothing, nothing)

    def of(self, where: NDArray[np.bool_]) -> Calibration:
        """The calibration of the detectors for which ``where`` (n,) is true."""
        return Calibration(*(each[where] for each in vars(self).values()))

    @property
    def straight(self) -> bool:
        """Whether DIFA and TZERO are 0 for all detectors."""
        return not self.difa_us_per_angstrom2.any() and not self.tzero_us.any()

    @property
    def key(self) -> bytes:
        """All numbers, in bytes that are equal for equal calibrations."""
        return b"".join(each.tobytes() for each in vars(self).values())

    def equals(self, other: Calibration) -> bool:
        """Whether all numbers are the same."""
        return all(
            np.array_equal(one, another, equal_nan=True)
            for one, another in zip(vars(self).values(), vars(other).values(), strict=True)
        )


class CalibrationTable(NamedTuple):
    """The columns of a calibration file, (rows,) float64 each, as they were read."""

    detector_id: NDArray[np.float64]
    difc_us_per_angstrom: NDArray[np.float64]


def calibration(settings: DetectorSettings, instrument: Instrument) -> Calibration | None:
    """The calibration that a file gives an instrument; None if no file is set.

    A detector that the file does not have keeps the DIFC of its position. Raises `Refused` for a
    file that cannot be read, that has no detector of the instrument, or a DIFC that is not a number
    above 0.
    """
    if not settings.calibration:
        return None
    try:
        table = _read_table(Path(settings.calibration))
        _check_table(table)
        return Calibration.of_difc(_calibrated(table, instrument))
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
