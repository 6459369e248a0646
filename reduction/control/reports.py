"""What the ranks report to the IOC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder
from reduction.parameters.acquisition import AcquisitionStatus
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.run_readings import BackendStatus, StreamStatus
from reduction.parameters.series import SeriesStatus
from reduction.parameters.windows import PeakStatus, RegionStatus


class Values(NamedTuple):
    """Values (n,) float64 and their variances (n,) float64."""

    values: NDArray[np.float64]
    variances: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class References:
    """Background and vanadium of a reduction, empty if there is none.

    Each is ready for `reduction.results.normalisation.intensity`: the first is that of the sum, the
    others are of the groups, if there are groups and the file has the same. ``message`` says where
    they have no values.
    """

    background: tuple[Values, ...] = ()
    vanadium: tuple[Values, ...] = ()
    message: str = ""

    def of_all(self) -> tuple[Values | None, Values | None]:
        """Background and vanadium of the sum over groups."""
        return _at(self.background, 0), _at(self.vanadium, 0)

    def of_group(self, number: int) -> tuple[Values | None, Values | None]:
        """Those of a group; NaN if there is none of that group."""
        return _at(self.background, number + 1), _at(self.vanadium, number + 1)


def _at(references: tuple[Values, ...], number: int) -> Values | None:
    if not references:
        return None
    if number < len(references):
        return references[number]
    nothing = np.full(references[0].values.size, np.nan)
    return Values(nothing, nothing)


@dataclass(frozen=True)
class SeriesResult:
    """One closed series: ``counts`` (bins,) int64 over all slices and groups, and its charge."""

    status: SeriesStatus
    counts: NDArray[np.int64]
    charge_uc: float
    monitor_counts: float


@dataclass(frozen=True)
class ReductionResult:
    """One reduction's histogram.

    ``counts`` has shape (slices, groups, bins), int64; ``edges`` (bins + 1,), float64, in the unit
    of ``order.settings``. Both are None in a report that only says how things are.
    ``faded`` (2, slices, groups, bins) float64 has, of events that fade, the sums of weights and
    of their squares. ``charges_uc`` is the proton charge of each slice's pulses, ``monitor_counts``
    what the monitors counted in them, faded as well; with these and the ``references`` Y is made.
    All are of the running series; ``series`` are the closed ones.
    """

    order: ReductionOrder
    status: ReductionStatus
    edges: NDArray[np.float64] | None = None
    counts: NDArray[np.int64] | None = None
    faded: NDArray[np.float64] | None = None
    charges_uc: tuple[float, ...] = ()
    series: tuple[SeriesResult, ...] = ()
    regions: tuple[RegionStatus, ...] = ()
    peaks: tuple[PeakStatus, ...] = ()
    monitor_counts: tuple[float, ...] = ()
    references: References = field(default_factory=References)


@dataclass(frozen=True)
class RanksReport:
    """What rank 0 says several times a second.

    ``revision`` is the order that its latest results obey.

    ``pulse_time_ns`` is the time of the last pulse in the results (ns since the Unix epoch, 0 if
    there is none). ``unaccounted`` is how many events received are in no count or in one too many,
    added up over ranks, which check it at every tick: 0, or an error.
    ``logs`` are those that slices can be of.
    """

    revision: int
    pulse_time_ns: int
    stream: StreamStatus
    backend: BackendStatus
    results: tuple[ReductionResult, ...] = ()
    unaccounted: int = 0
    logs: tuple[str, ...] = ()
    message: str = ""
    acquisition: AcquisitionStatus = field(default_factory=AcquisitionStatus)
