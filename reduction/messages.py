"""What the IOC and the processes it commands say to each other.

State, not deltas: an order holds everything its receiver is to obey, under a revision that counts
up, so it can be sent again at any time, to a process that has just started as to one that runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reduction.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.analysis import PeakStatus, RegionStatus
from reduction.corrections import References
from reduction.parameters import BackendStatus, RunControl, StreamStatus
from reduction.readings import ReductionStatus
from reduction.series import SeriesStatus
from reduction.settings import ReductionSettings


@dataclass(frozen=True)
class ReductionOrder:
    """A reduction as it is to be, under its generation."""

    generation: int = 0
    settings: ReductionSettings = field(default_factory=ReductionSettings)


@dataclass(frozen=True)
class RanksOrder:
    """What the ranks obey.

    They accumulate while ``acquiring``, until the preset is reached that ``acquisition`` had when
    ``starts`` changed. They drop what is accumulated whenever ``resets`` has changed, and close it
    as a series whenever ``closes`` has; but not for a 0: an IOC that starts beside ranks at work
    asks for neither.
    """

    revision: int = 0
    resets: int = 0
    control: RunControl = field(default_factory=RunControl)
    reductions: tuple[ReductionOrder, ...] = (ReductionOrder(),)
    acquisition: AcquisitionSettings = field(default_factory=AcquisitionSettings)
    acquiring: bool = True
    starts: int = 0
    closes: int = 0


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
