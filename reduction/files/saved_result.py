"""A result in the form in which it is saved: all that the files hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.units import AxisLabels, Units

INT64 = range(-(2**63), 2**63)


class SavedSeries(NamedTuple):
    """A closed series: ``counts`` (n,) float64 over slices and groups, its pulses and charge.

    ``collection_time_s`` is the time measured, 0 if the file does not have it.
    """

    counts: NDArray[np.float64]
    first_pulse: int
    last_pulse: int
    proton_charge_uc: float
    collection_time_s: float = 0.0


class SavedRun(NamedTuple):
    """The run of the facility in which a result was measured: the newest one at its end.

    ``name`` and ``title`` are empty if there is none. ``start_time_ns`` is in ns since the Unix
    epoch, 0 if it is not known.
    """

    name: str = ""
    title: str = ""
    start_time_ns: int = 0


NO_RUN = SavedRun()

RUN_GROUP = "run"
"""The name of its group in files."""

SERIES = (
    "series_first_pulse",
    "series_last_pulse",
    "series_proton_charge_uc",
    "series_collection_time_s",
)
"""Fields of series in files, in the order that `SavedSeries` has them after its counts."""


class CountsAndVariances(NamedTuple):
    """Counts and their variances, float64, of one shape."""

    counts: NDArray[np.float64]
    variances: NDArray[np.float64]


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

    def per_unit(
        self, spectrum: CountsAndVariances
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Intensity and its standard error, counts per unit of the axis, shape (..., n)."""
        widths = np.diff(self.edges)
        return spectrum.counts / widths, np.sqrt(spectrum.variances) / widths


def iso_time(time_ns: int) -> str:
    """A time in ns since the Unix epoch as ISO 8601, UTC, with all nine decimals."""
    return f"{np.datetime_as_string(np.datetime64(time_ns, 'ns'))}Z"


def time_ns(iso: str) -> int:
    """The time in ns whose `iso_time` is ``iso``; raises ValueError for any other text."""
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
