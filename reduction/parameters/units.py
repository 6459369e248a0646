"""Units of the histogram axis, and how a time of flight turns into each of them.

Constants are Mantid's (CODATA 2006), so that values agree with Mantid's to rounding.
"""

from __future__ import annotations

import enum
import math

import numpy as np
from numpy.typing import NDArray

PLANCK_J_S = 6.62606896e-34
NEUTRON_MASS_KG = 1.674927211e-27
MILLI_ELECTRONVOLT_J = 1.602176487e-22


class Units(enum.StrEnum):
    """Units under Mantid's names."""

    TOF = "TOF"
    WAVELENGTH = "Wavelength"
    D_SPACING = "dSpacing"
    MOMENTUM_TRANSFER = "MomentumTransfer"
    ENERGY = "Energy"

    @property
    def symbol(self) -> str:
        """The unit as EPICS shows it (at most 7 characters of ASCII)."""
        return {
            Units.TOF: "us",
            Units.WAVELENGTH: "Ang",
            Units.D_SPACING: "Ang",
            Units.MOMENTUM_TRANSFER: "1/Ang",
            Units.ENERGY: "meV",
        }[self]

    @property
    def default_bins(self) -> str:
        """Rebin parameters that suit a powder diffractometer."""
        return {
            Units.TOF: "1000,20,60000",
            Units.WAVELENGTH: "0.2,0.002,9",
            Units.D_SPACING: "0.4,0.001,5",
            Units.MOMENTUM_TRANSFER: "1.2,0.005,16",
            Units.ENERGY: "1,-0.002,2000",
        }[self]

    @property
    def tof_exponent(self) -> int:
        """The power of the time of flight that the unit is proportional to: 1, -1 or -2."""
        return {Units.MOMENTUM_TRANSFER: -1, Units.ENERGY: -2}.get(self, 1)


def difc(
    l1_m: float, l2_m: NDArray[np.float64], two_theta_rad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """DIFC in µs/Å, same shape as ``l2_m``: tof = DIFC·d, from λ = h·t/(m·L) and λ = 2d·sin θ."""
    path = l1_m + l2_m
    return 2e-4 * NEUTRON_MASS_KG / PLANCK_J_S * path * np.sin(0.5 * two_theta_rad)


def coefficients(
    units: Units, path_m: NDArray[np.float64], difc_us_per_angstrom: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Per detector the c of the unit, float64: value = t/c, c/t or c/t² by `Units.tof_exponent`.

    t is the time of flight in µs, ``path_m`` the whole flight path L1 + L2. NaN where the unit
    has no meaning (d-spacing of a monitor).
    """
    match units:
        case Units.TOF:
            return np.ones_like(path_m)
        case Units.WAVELENGTH:
            return 1e-4 * NEUTRON_MASS_KG / PLANCK_J_S * path_m
        case Units.D_SPACING:
            return difc_us_per_angstrom.copy()
        case Units.MOMENTUM_TRANSFER:
            return 2 * math.pi * difc_us_per_angstrom
        case Units.ENERGY:
            return 0.5e12 * NEUTRON_MASS_KG / MILLI_ELECTRONVOLT_J * path_m**2
