"""A result in the form in which it is saved: all that the files hold."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.files.saved_parts import (
    NO_RUN,
    CountsAndVariances,
    SavedIntensity,
    SavedPicture,
    SavedRun,
    SavedSeries,
    SavedWindow,
    SliceTotals,
    ValuesAndErrors,
    unit_per,
)
from reduction.parameters.units import AxisLabels, Units

INT64 = range(-(2**63), 2**63)


RUN_GROUP = "run"
"""The name of its group in files."""

SERIES = (
    "series_first_pulse",
    "series_last_pulse",
    "series_proton_charge_uc",
    "series_collection_time_s",
    "series_monitor_counts",
)
"""Fields of series in files, in the order that `SavedSeries` has them after its counts."""

SLICE_TOTALS = ("slice_proton_charge_uc", "slice_monitor_counts", "slice_collection_time_s")
"""Fields of slices in files, in the order that `SliceTotals` has them."""


@dataclass(frozen=True, eq=False)
class SavedResult:
    """The histograms of one reduction, with the settings and pulses that they were made from.

    - ``edges``: (n + 1,), ascending, in ``units``
    - ``counts``, ``variances``: (slices, groups, n); NaN where there is no value
    - ``slice_bounds``: for each slice its lower and upper value of ``slice_log``; empty, with one
      slice, if the result is not sliced
    - ``start_time_ns``, ``end_time_ns``: ns since the Unix epoch
    - ``collection_time_s``: time measured in the pulses of all slices, without pauses; 0: not known
    - ``accounting``: numbers of events by where they were counted
    - ``parameters``: settings by the names of their process variables
    - ``series``: the series closed before, in the same bins
    - ``run``: the run of the facility
    - ``intensity``: intensities, if they are not just counts per unit of the axis
    - ``slice_totals``: charge, monitor counts and time of each slice; empty: not known
    - ``slice_log_units``: the unit of the log; empty: not known
    - ``outside``: the bounds of the one slice are those of what is left out
    - ``peaks``, ``regions``: what was found in the windows that are set
    - ``pictures``: detector image and map, if they were made

    Arrays are float64 and read-only. Raises ValueError if shapes or values do not fit together.
    """

    title: str
    units: Units
    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    variances: NDArray[np.float64]
    slice_log: str
    slice_bounds: tuple[tuple[float, float], ...]
    group_names: tuple[str, ...]
    first_pulse: int
    last_pulse: int
    start_time_ns: int
    end_time_ns: int
    proton_charge_uc: float
    monitor_counts: float
    accounting: dict[str, int]
    parameters: dict[str, str | float | int | bool]
    program: str
    series: tuple[SavedSeries, ...] = ()
    collection_time_s: float = 0.0
    run: SavedRun = NO_RUN
    intensity: SavedIntensity | None = None
    slice_totals: tuple[SliceTotals, ...] = ()
    slice_log_units: str = ""
    outside: bool = False
    peaks: tuple[SavedWindow, ...] = ()
    regions: tuple[SavedWindow, ...] = ()
    pictures: tuple[SavedPicture, ...] = ()

    def __post_init__(self) -> None:
        for name in ("edges", "counts", "variances"):
            object.__setattr__(self, name, _frozen(name, getattr(self, name)))
        _check_edges(self.edges)
        shape = (len(self.slice_bounds) or 1, len(self.group_names), self.edges.size - 1)
        for name in ("counts", "variances"):
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"{name} has shape {found}; slices, groups and bins are {shape}")
        if any(each.counts.shape != shape[2:] for each in self.series):
            raise ValueError(f"a series has not {shape[2]} bins")
        if np.any(self.variances < 0):
            raise ValueError("a variance is negative")
        if any(math.isnan(low) or not low <= high for low, high in self.slice_bounds):
            raise ValueError("a slice has bounds that do not rise")
        for name, value in (self.accounting | self.parameters).items():
            _check_value(name, value)
        if len(self.slice_totals) not in (0, shape[0]):
            raise ValueError(f"there are {len(self.slice_totals)} totals of {shape[0]} slices")
        self._check_intensity()

    def _check_intensity(self) -> None:
        if self.intensity is None:
            return
        slices, groups, bins = self.counts.shape
        shapes = {"summed": (), "by_slice": (slices,), "by_group": (groups,)}
        shapes |= {"of_series": (len(self.series),)}
        for name, shape in shapes.items():
            found = {each.shape for each in getattr(self.intensity, name)}
            if found != {(*shape, bins)}:
                raise ValueError(f"the intensity {name} has shapes {found}, not {(*shape, bins)}")

    @property
    def axis(self) -> AxisLabels:
        """The names of the histogram axis."""
        return self.units.labels

    @property
    def centres(self) -> NDArray[np.float64]:
        """Bin centres, shape (n,), float64, in ``units``."""
        return 0.5 * (self.edges[:-1] + self.edges[1:])

    @property
    def summed(self) -> CountsAndVariances:
        """The sum over slices and groups, shape (n,)."""
        return CountsAndVariances(self.counts.sum(axis=(0, 1)), self.variances.sum(axis=(0, 1)))

    @property
    def by_slice(self) -> CountsAndVariances:
        """The sum over groups, shape (slices, n)."""
        return CountsAndVariances(self.counts.sum(axis=1), self.variances.sum(axis=1))

    @property
    def by_group(self) -> CountsAndVariances:
        """The sum over slices, shape (groups, n)."""
        return CountsAndVariances(self.counts.sum(axis=0), self.variances.sum(axis=0))

    @property
    def intensity_units(self) -> str:
        """The unit of what is `shown`, as UDUNITS spells it."""
        plain = unit_per("counts", self.axis.units)
        return plain if self.intensity is None else self.intensity.units

    @property
    def shown(self) -> SavedIntensity:
        """What text and pictures show: the intensity, or else counts per unit of the axis."""
        if self.intensity is not None:
            return self.intensity
        series = np.array([each.counts for each in self.series]).reshape(-1, self.edges.size - 1)
        unit = self.units.symbol
        return SavedIntensity(
            f"counts per {unit}",
            self.intensity_units,
            True,
            self._per_unit(self.summed),
            self._per_unit(self.by_slice),
            self._per_unit(self.by_group),
            self._per_unit(CountsAndVariances(series, series)),
        )

    def _per_unit(self, spectrum: CountsAndVariances) -> ValuesAndErrors:
        """Counts per unit of the axis and their standard errors, shape (..., n)."""
        widths = np.diff(self.edges)
        return ValuesAndErrors(spectrum.counts / widths, np.sqrt(spectrum.variances) / widths)


def iso_time(time_ns: int) -> str:
    """A time in ns since the Unix epoch as ISO 8601, UTC, with all nine decimals."""
    return f"{np.datetime_as_string(np.datetime64(time_ns, 'ns'))}Z"


def time_ns(iso: str) -> int:
    """The time in ns whose `iso_time` is ``iso``; raises ValueError for any other text."""
    if not re.fullmatch(r"\d+-\d\d-\d\dT[\d:.]+Z?", iso, re.ASCII):
        raise ValueError(f"{iso[:40]!r} is no time")
    return int(np.datetime64(iso.removesuffix("Z"), "ns").astype(np.int64))


def _frozen(name: str, values: Any) -> NDArray[np.float64]:
    """``values`` as a read-only float64 array; a view if they are float64 already."""
    try:
        array = np.asarray(values, np.float64).view()
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds what is not a number") from None
    array.setflags(write=False)
    return array


def _check_edges(edges: NDArray[np.float64]) -> None:
    if edges.ndim != 1 or edges.size < 2:
        raise ValueError(f"edges has shape {edges.shape}; it takes one axis of at least 2")
    if not np.all(np.isfinite(edges)) or not np.all(np.diff(edges) > 0):
        raise ValueError("edges do not rise from one finite number to the next")


def _check_value(name: str, value: object) -> None:
    if not isinstance(value, str | float | int):
        raise ValueError(f"{name} is {type(value).__name__}; it takes a text, number or switch")
    if isinstance(value, int) and value not in INT64:
        raise ValueError(f"{name} does not fit 64 bits")
