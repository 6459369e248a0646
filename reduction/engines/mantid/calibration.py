"""A calibration as Mantid takes it: a table, and the times of flight that have a d-spacing."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.mantid.framework import Workspace
from reduction.instrument.calibration import Calibration

IN_BEAM = 1e-290
"""DIFC in µs/Å of detectors that have none: the values of their events lie above all bins."""

NEAR_THE_TOP = 1e-9
"""Share of the range of a parabola, below its highest point, that is left out: there the root that
Mantid takes is of a difference of equal numbers, and may not be real."""

NO_D_SPACING = -1e300
"""d-spacing in Å given to events that have none: it lies below all bins, and so does 2π/d."""

NO_LIMIT_US = 1e300
"""End of a range of times of flight that has none."""


class TofRange(NamedTuple):
    """The times of flight in µs, ends included, that have a d-spacing in a spectrum with DIFA."""

    spectrum: int
    first_us: float
    last_us: float

    @classmethod
    def of(cls, spectrum: int, difc: float, difa: float, tzero_us: float) -> TofRange:
        """The range from TZERO on; with a negative DIFA up to the highest point of the parabola."""
        highest = tzero_us - (1 - NEAR_THE_TOP) * difc**2 / (4 * difa) if difa < 0 else NO_LIMIT_US
        return cls(spectrum, tzero_us, highest)

    def cuts(self, events: Any) -> bool:
        """Whether some of the ``events``, an event list of Mantid, are outside."""
        if not events.getNumberEvents():
            return False
        return bool(events.getTofMin() < self.first_us or events.getTofMax() > self.last_us)


class CalibrationInMantid(NamedTuple):
    """A calibration table of Mantid, and the range of each spectrum that has a DIFA."""

    table: Workspace
    ranges: list[TofRange]


def calibration_in_mantid(
    table: Workspace, ids: NDArray[np.int32], calibration: Calibration
) -> CalibrationInMantid:
    """The ``calibration`` of the detectors ``ids`` (n,), put into an empty table of Mantid.

    Spectrum i is of detector i. A detector in the beam, which has no DIFC, gets `IN_BEAM`.
    """
    known = calibration.difc_us_per_angstrom > 0
    difc = np.where(known, calibration.difc_us_per_angstrom, IN_BEAM)
    difa = np.where(known, calibration.difa_us_per_angstrom2, 0.0)
    tzero_us = np.where(known, calibration.tzero_us, 0.0)
    for kind, name in (("int", "detid"), ("double", "difc"), ("double", "difa")):
        table.addColumn(kind, name)
    table.addColumn("double", "tzero")
    for row in zip(*(each.tolist() for each in (ids, difc, difa, tzero_us)), strict=True):
        table.addRow(list(row))
    curved = np.flatnonzero(difa).tolist()
    ranges = [TofRange.of(each, difc[each], difa[each], tzero_us[each]) for each in curved]
    return CalibrationInMantid(table, ranges)
