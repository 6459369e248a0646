"""DIFC, DIFA and TZERO of detectors, from calibration files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.detector_file import DetectorFile, DetectorFileKind, file_of
from reduction.instrument.geometry import Instrument
from reduction.parameters.detectors import DetectorSettings


class DetectorCalibration(Protocol):
    """A calibration of the detectors of an instrument."""

    @property
    def key(self) -> bytes:
        """Bytes that are equal for equal calibrations alone."""

    @property
    def constants(self) -> Calibration:
        """Its constants, which take 24 bytes a detector: they may be made anew each time."""


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
        """The calibration with this DIFC, and with DIFA and TZERO of 0, which take no memory."""
        nothing = np.broadcast_to(0.0, difc_us_per_angstrom.shape)
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
        """All numbers, in bytes."""
        return b"".join(each.tobytes() for each in vars(self).values())

    @property
    def constants(self) -> Calibration:
        """Itself."""
        return self


@dataclass(frozen=True, eq=False)
class FileCalibration:
    """The calibration that a file gives the detectors of an instrument.

    A detector that the file does not have keeps the DIFC of its position.
    """

    file: DetectorFile
    instrument: Instrument

    @property
    def key(self) -> bytes:
        """The SHA-256 of the file; an engine has but one instrument."""
        return self.file.digest.encode()

    @property
    def constants(self) -> Calibration:
        """The constants, made of the file; engines keep what they need of them."""
        columns = self.file.columns
        rows, detectors = columns.place(self.instrument)
        known = np.isfinite(columns.difc[rows])
        rows, detectors = rows[known], detectors[known]
        difc = self.instrument.difc_us_per_angstrom
        difc[detectors] = columns.difc[rows]
        straight = Calibration.of_difc(difc)
        difa, tzero = straight.difa_us_per_angstrom2, straight.tzero_us
        if columns.difa.size:
            difa = np.zeros(difc.size)
            difa[detectors] = columns.difa[rows]
        if columns.tzero.size:
            tzero = np.zeros(difc.size)
            tzero[detectors] = columns.tzero[rows]
        return Calibration(difc, difa, tzero)


def calibration(
    settings: DetectorSettings, instrument: Instrument, files: Iterable[DetectorFile] = ()
) -> FileCalibration | None:
    """The calibration that a file gives an instrument; None if no file is set.

    ``files`` are those that the settings name, as they were read. Raises `Refused` if the file is
    not among them.
    """
    if not settings.calibration:
        return None
    kind = DetectorFileKind.CALIBRATION
    return FileCalibration(
        file_of(files, kind, settings.calibration, settings.read.calibration), instrument
    )
