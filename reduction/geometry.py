"""Instruments: where the detectors are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.units import difc

COLUMNS = ("detector_id", "position_m", "is_monitor", "l1_m")


@dataclass(frozen=True, eq=False)
class Instrument:
    """The detectors of an instrument, n of them; the sample is the origin, z along the beam.

    ``detector_id`` (n,) int32, each once; ``position_m`` (n, 3) float64 with y up; ``is_monitor``
    (n,) bool; ``l1_m`` the distance from source to sample.
    """

    name: str
    detector_id: NDArray[np.int32]
    position_m: NDArray[np.float64]
    is_monitor: NDArray[np.bool_]
    l1_m: float

    @property
    def l2_m(self) -> NDArray[np.float64]:
        """Distances from the sample, (n,) float64."""
        distances: NDArray[np.float64] = np.linalg.norm(self.position_m, axis=1)
        return distances

    @property
    def two_theta_rad(self) -> NDArray[np.float64]:
        """Scattering angles, (n,) float64; NaN for monitors."""
        x, y, z = self.position_m.T
        return np.where(self.is_monitor, np.nan, np.arctan2(np.hypot(x, y), z))

    @property
    def difc_us_per_angstrom(self) -> NDArray[np.float64]:
        """DIFC, (n,) float64; NaN for monitors."""
        return difc(self.l1_m, self.l2_m, self.two_theta_rad)

    @property
    def path_m(self) -> NDArray[np.float64]:
        """Flight paths from the source, (n,) float64; that to a monitor is not by the sample."""
        from_source = self.position_m + np.array([0.0, 0.0, self.l1_m])
        straight = np.linalg.norm(from_source, axis=1)
        return np.where(self.is_monitor, straight, self.l1_m + self.l2_m)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an ``.npz`` with the columns `detector_id`, `position_m`, `is_monitor`, `l1_m`.

        Raises ValueError naming the file and what it lacks.
        """
        try:
            with np.load(path) as table:
                columns = {name: table[name] for name in COLUMNS}
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is no instrument table: {error}") from error
        identifier, position = columns["detector_id"], columns["position_m"]
        if position.shape != (identifier.size, 3) or np.unique(identifier).size != identifier.size:
            raise ValueError(f"{path}: one position for each detector id, and each id once")
        return cls(
            path.stem,
            identifier.astype(np.int32),
            position.astype(np.float64),
            columns["is_monitor"].astype(np.bool_),
            float(columns["l1_m"]),
        )


def instrument(path: str) -> Instrument:
    """The instrument of a table file; without a path the simulated one."""
    return Instrument.load(Path(path)) if path else powder_arc()


def powder_arc() -> Instrument:
    """The simulated diffractometer: 1000 pixels, L1 20 m, L2 2 m, two-theta 3° to 160°.

    Pixel ids are 0 to 999; 1000 is a monitor in the beam, 1 m before the sample.
    """
    two_theta = np.radians(np.linspace(3.0, 160.0, 1000))
    position = 2.0 * np.stack(
        [np.sin(two_theta), np.zeros_like(two_theta), np.cos(two_theta)], axis=1
    )
    return Instrument(
        "powder_arc",
        np.arange(1001, dtype=np.int32),
        np.append(position, [[0.0, 0.0, -1.0]], axis=0),
        np.arange(1001) == 1000,
        20.0,
    )
