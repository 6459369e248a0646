"""The parts of a saved result: closed series, the run, intensities, peaks and regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.windows import PeakStatus, RegionStatus


class SavedSeries(NamedTuple):
    """A closed series: ``counts`` (n,) float64 over slices and groups, its pulses and charge.

    ``collection_time_s`` is the time measured, 0 if the file does not have it. ``monitor_counts``
    are NaN if the file does not have them.
    """

    counts: NDArray[np.float64]
    first_pulse: int
    last_pulse: int
    proton_charge_uc: float
    collection_time_s: float = 0.0
    monitor_counts: float = 0.0


class SavedRun(NamedTuple):
    """The run of the facility in which a result was measured: the newest one at its end.

    ``name`` and ``title`` are empty if there is none. ``start_time_ns`` is in ns since the Unix
    epoch, 0 if it is not known.
    """

    name: str = ""
    title: str = ""
    start_time_ns: int = 0


NO_RUN = SavedRun()


class CountsAndVariances(NamedTuple):
    """Counts and their variances, float64, of one shape."""

    counts: NDArray[np.float64]
    variances: NDArray[np.float64]


class ValuesAndErrors(NamedTuple):
    """Intensities and their standard errors, float64, of one shape; NaN where there is none."""

    values: NDArray[np.float64]
    errors: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SavedIntensity:
    """Intensities, as Y and E show them: normalised, less a background, over a vanadium.

    - ``name``: what they are, in words
    - ``units``: their unit, as UDUNITS spells it
    - ``per_axis_unit``: whether they are per unit of the axis; a ratio to vanadium is not
    - ``summed``: (n,), over slices and groups
    - ``by_slice``, ``by_group``, ``of_series``: (slices, n), (groups, n) and (series, n)
    """

    name: str
    units: str
    per_axis_unit: bool
    summed: ValuesAndErrors
    by_slice: ValuesAndErrors
    by_group: ValuesAndErrors
    of_series: ValuesAndErrors


def unit_per(unit: str, axis_units: str) -> str:
    """The unit of a density, as UDUNITS spells it: ``unit`` per unit of the axis.

    So counts per 1/angstrom are counts*angstrom.
    """
    inverse = axis_units.removeprefix("1/")
    return f"{unit}/{axis_units}" if inverse == axis_units else f"{unit}*{inverse}"


class SliceTotals(NamedTuple):
    """What was measured in the pulses of a slice: charge in µC, monitor counts and seconds."""

    proton_charge_uc: float
    monitor_counts: float
    collection_time_s: float


@dataclass(frozen=True, eq=False)
class PictureAxis:
    """The boundaries of columns from the left or of rows from the top, (n + 1,) float64.

    They rise or descend. ``name`` says what they are; ``units`` is empty if they have none.
    """

    name: str
    units: str
    edges: NDArray[np.float64]

    @property
    def label(self) -> str:
        """The name with the unit, for people."""
        return f"{self.name} ({self.units})" if self.units else self.name

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each column or row, (n,) float64."""
        return 0.5 * (self.edges[:-1] + self.edges[1:])


@dataclass(frozen=True, eq=False)
class SavedPicture:
    """A detector image or a map: ``values`` (rows, columns) float64.

    The first row is at the top of an image, and at the bottom of a map. Values are NaN where there
    is no detector. ``kind`` is ``image`` or ``map``; ``quantity`` says what the values are, and
    ``last_pulse`` is the last pulse that they have. Raises ValueError if values and edges do not
    fit together.
    """

    kind: str
    quantity: str
    values: NDArray[np.float64]
    x: PictureAxis
    y: PictureAxis
    last_pulse: int

    def __post_init__(self) -> None:
        shape = self.y.edges.size - 1, self.x.edges.size - 1
        if self.x.edges.ndim != 1 or self.y.edges.ndim != 1 or self.values.shape != shape:
            raise ValueError(f"the {self.kind} has shape {self.values.shape}, and edges of {shape}")


WindowReadings = Mapping[str, tuple[PeakStatus, ...] | tuple[RegionStatus, ...]]
"""What was found in a window of spectra: of the sum, and of each slice, group and series."""


@dataclass(frozen=True)
class SavedWindow:
    """The window of a region or peak, by its number from 1, and what was found in spectra.

    ``readings`` are by the name of the spectra: ``sum``, ``slices``, ``groups`` or ``series``. What
    was not computed is not there.
    """

    number: int
    minimum: float
    maximum: float
    readings: WindowReadings = field(default_factory=lambda: MappingProxyType({}))
