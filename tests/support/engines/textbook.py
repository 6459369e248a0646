"""What an event is worth in each unit, by textbook formulas and CODATA's constants.

Nothing here comes from `reduction.parameters.units`, so that a wrong constant, formula or flag
there makes tests fail. Who adds a unit writes its formula here a second time, from its source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units

# Mohr, Taylor and Newell, CODATA recommended values 2006, Rev. Mod. Phys. 80 (2008) 633.
PLANCK = 6.62606896e-34  # J s
NEUTRON_MASS = 1.674927211e-27  # kg
ELEMENTARY_CHARGE = 1.602176487e-19  # C


def value(
    units: Units,
    tof_us: NDArray[np.float64],
    path_m: NDArray[np.float64],
    two_theta_rad: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The value of events, (n,) float64, with their flight path and scattering angle, (n,) each."""
    velocity: NDArray[np.float64] = path_m / (tof_us * 1e-6)  # m/s
    wavelength: NDArray[np.float64] = 1e10 * PLANCK / (NEUTRON_MASS * velocity)  # de Broglie, in Å
    d: NDArray[np.float64] = wavelength / (2 * np.sin(two_theta_rad / 2))  # Bragg
    match str(units):
        case "TOF":
            return tof_us
        case "Wavelength":
            return wavelength
        case "dSpacing":
            return d
        case "MomentumTransfer":
            return 2 * np.pi / d
        case "Energy":
            return 1e3 * NEUTRON_MASS * velocity**2 / 2 / ELEMENTARY_CHARGE  # meV
    raise AssertionError(
        f"{units}: write its textbook formula in tests/support/engines/textbook.py"
    )


def calibrated_d(
    tof_us: NDArray[np.float64],
    difc: NDArray[np.float64],
    difa: NDArray[np.float64],
    tzero: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The root d of DIFA·d² + DIFC·d + TZERO = TOF that goes over into the line's, (n,) each.

    A quadratic a·x² + b·x + c has the roots 2c/(-b ± √(b² - 4ac)); with b > 0 the minus sign gives
    the one near -c/b. NaN where no root is real.
    """
    c = tzero - tof_us
    with np.errstate(invalid="ignore"):
        root: NDArray[np.float64] = 2 * c / (-difc - np.sqrt(difc**2 - 4 * difa * c))
    return root


def calibrated_value(
    units: Units,
    tof_us: NDArray[np.float64],
    difc: NDArray[np.float64],
    difa: NDArray[np.float64],
    tzero: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The value, (n,), of events in a unit that follows from the d-spacing; (n,) each."""
    d = calibrated_d(tof_us, difc, difa, tzero)
    match str(units):
        case "dSpacing":
            return d
        case "MomentumTransfer":
            return 2 * np.pi / d
    raise AssertionError(f"{units} does not follow from the d-spacing")


def value_of_pixels(
    units: Units, tof_us: NDArray[np.float64], instrument: Instrument, row: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The value of events, (n,), in the detectors of an instrument at places ``row``, (n,)."""
    x, y, z = instrument.position_m[row].T
    path = instrument.l1_m + np.sqrt(x**2 + y**2 + z**2)
    return value(units, tof_us, path, np.arctan2(np.hypot(x, y), z))
