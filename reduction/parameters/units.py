"""Units of the histogram axis; each is declared once, with all its properties.

The value of a time of flight in a unit follows from the wave of a neutron, λ = h/(m·v), its
velocity v = L/t, Bragg's law λ = 2d·sin θ, the momentum transfer Q = 2π/d and the energy
E = m·v²/2. Constants are those of Mantid (CODATA 2006: Mohr, Taylor and Newell, Rev. Mod. Phys. 80,
633), so that values agree with Mantid's to rounding.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

PLANCK_J_S = 6.62606896e-34
NEUTRON_MASS_KG = 1.674927211e-27
MILLI_ELECTRONVOLT_J = 1.602176487e-22


class AxisLabels(NamedTuple):
    """The names of an axis in files and figures."""

    name: str
    """Name of the field in a NeXus file."""

    units: str
    """The unit as UDUNITS spells it, for the attribute ``units`` in a NeXus file."""

    quantity: str
    """The physical quantity in words."""

    symbol: str
    """The unit as a figure shows it."""


@dataclass(frozen=True)
class UnitDeclaration:
    """The properties of a unit.

    ``name`` is that on process variables and in Mantid. ``symbol`` is the unit as EPICS shows it,
    at most 7 characters of ASCII. ``default_bins`` are Rebin parameters that suit a powder
    diffractometer. The value of an event at t µs is t/c, c/t or c/t², as ``tof_exponent`` is 1, -1
    or -2, where ``coefficient`` gives c of each detector from its flight path L1 + L2 in m and its
    DIFC in µs/Å, (detectors,) float64 each; c is NaN where the unit has no meaning. A unit that is
    ``calibrated`` follows from the d-spacing, so that a calibration of DIFC changes it.
    """

    name: str
    symbol: str
    default_bins: str
    tof_exponent: Literal[1, -1, -2]
    coefficient: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
    labels: AxisLabels
    calibrated: bool = False


class Units(enum.StrEnum):
    """The units of the histogram axis. To add one, declare it here."""

    TOF = UnitDeclaration(
        name="TOF",
        symbol="us",
        default_bins="1000,20,60000",
        tof_exponent=1,
        coefficient=lambda path_m, _difc: np.ones_like(path_m),
        labels=AxisLabels("time_of_flight", "us", "time of flight", "µs"),
    )
    # λ = h·t/(m·L), so c = m·L/h
    WAVELENGTH = UnitDeclaration(
        name="Wavelength",
        symbol="Ang",
        default_bins="0.2,0.002,9",
        tof_exponent=1,
        coefficient=lambda path_m, _difc: 1e-4 * NEUTRON_MASS_KG / PLANCK_J_S * path_m,
        labels=AxisLabels("wavelength", "angstrom", "wavelength", "Å"),
    )
    # d = t/DIFC
    D_SPACING = UnitDeclaration(
        name="dSpacing",
        symbol="Ang",
        default_bins="0.4,0.001,5",
        tof_exponent=1,
        coefficient=lambda _path_m, difc: difc.copy(),
        labels=AxisLabels("d_spacing", "angstrom", "d-spacing", "Å"),
        calibrated=True,
    )
    # Q = 2π/d = 2π·DIFC/t
    MOMENTUM_TRANSFER = UnitDeclaration(
        name="MomentumTransfer",
        symbol="1/Ang",
        default_bins="1.2,0.005,16",
        tof_exponent=-1,
        coefficient=lambda _path_m, difc: 2 * math.pi * difc,
        labels=AxisLabels("momentum_transfer", "1/angstrom", "momentum transfer", "Å⁻¹"),
        calibrated=True,
    )
    # E = m·L²/(2·t²)
    ENERGY = UnitDeclaration(
        name="Energy",
        symbol="meV",
        default_bins="1,-0.002,2000",
        tof_exponent=-2,
        coefficient=lambda path_m, _difc: (
            0.5e12 * NEUTRON_MASS_KG / MILLI_ELECTRONVOLT_J * path_m**2
        ),
        labels=AxisLabels("energy", "meV", "energy", "meV"),
    )

    # Any: type checkers take the look-up of a unit by its name, ``Units("TOF")``, for this call.
    def __new__(cls, declared: Any) -> Self:
        member = str.__new__(cls, declared.name)
        member._value_ = declared.name
        return member

    def __init__(self, declared: Any) -> None:
        assert isinstance(declared, UnitDeclaration)
        self.symbol = declared.symbol
        self.default_bins = declared.default_bins
        self.tof_exponent = declared.tof_exponent
        self.labels = declared.labels
        self.calibrated = declared.calibrated
        self._coefficient = declared.coefficient

    def coefficients(
        self, path_m: NDArray[np.float64], difc_us_per_angstrom: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The c of each detector, (detectors,) float64; see `UnitDeclaration`.

        ``path_m`` are the flight paths L1 + L2, ``difc_us_per_angstrom`` the DIFC, (detectors,)
        float64 each. c is NaN where the unit has no meaning: the d-spacing of a monitor.
        """
        return self._coefficient(path_m, difc_us_per_angstrom)


def difc(
    l1_m: float, l2_m: NDArray[np.float64], two_theta_rad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """DIFC of detectors in µs/Å, same shape as ``l2_m``, float64; time of flight = DIFC·d.

    From λ = h·t/(m·L) and λ = 2d·sin θ; ``l1_m`` is the distance from source to sample, ``l2_m``
    from the sample to each detector, ``two_theta_rad`` the scattering angle of each.
    """
    path = l1_m + l2_m
    return 2e-4 * NEUTRON_MASS_KG / PLANCK_J_S * path * np.sin(0.5 * two_theta_rad)
