"""What the ranks report to the IOC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.control.encoding import OrderCount
from reduction.control.orders import ReductionOrder
from reduction.control.run_state import RunState
from reduction.messages.run_messages import RunMessage
from reduction.parameters.acquisition import AcquisitionStatus
from reduction.parameters.all_reductions.readings import BackendStatus, EventLogStatus, StreamStatus
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.windows import PeakStatus, RegionStatus
from reduction.stream.pulses import NO_PULSE, PulseTimeNs


class Values(NamedTuple):
    """Values (n,) float64 and their variances (n,) float64."""

    values: NDArray[np.float64]
    variances: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class References:
    """Background and vanadium of a reduction, each empty if none is set.

    Both have the form that `reduction.results.normalisation.intensity` takes. The first item of
    each is for the sum over groups. The other items are for the groups, if the file has the same
    groups as the reduction. ``message`` says which bins or groups have no values.
    """

    background: tuple[Values, ...] = ()
    vanadium: tuple[Values, ...] = ()
    message: str = ""

    def for_sum(self) -> tuple[Values | None, Values | None]:
        """Background and vanadium of the sum over groups."""
        return _reference(self.background, 0), _reference(self.vanadium, 0)

    def for_group(self, number: int) -> tuple[Values | None, Values | None]:
        """Background and vanadium of a group; all NaN if the file does not have the group."""
        return _reference(self.background, number + 1), _reference(self.vanadium, number + 1)


def _reference(references: tuple[Values, ...], number: int) -> Values | None:
    if not references:
        return None
    if number < len(references):
        return references[number]
    nothing = np.full(references[0].values.size, np.nan)
    return Values(nothing, nothing)


@dataclass(frozen=True)
class SeriesResult:
    """One closed series: ``counts`` (bins,) int64 over all slices and groups, and charge in µC.

    ``seconds`` is the time measured in the pulses of all its slices.
    """

    status: SeriesStatus
    counts: NDArray[np.int64]
    charge_uc: float
    monitor_counts: float
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class MapCounts:
    """A map: ``counts`` (rows, bins) int64, the first row being the one with the lowest values.

    ``edges`` (bins + 1,) float64 are in the unit of the reduction; ``row_edges`` (rows + 1,)
    float64 are boundaries of the quantity that the rows are of.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    row_edges: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError, also for what was received."""
        rows, bins = self.counts.shape if self.counts.ndim == 2 else (0, 0)
        if (self.edges.shape, self.row_edges.shape) != ((bins + 1,), (rows + 1,)):
            raise ValueError("counts and edges of a map do not fit together")


@dataclass(frozen=True, eq=False)
class OutliersFound:
    """Ids of dead and of hot detectors, (n,) int32 each, ascending, and how many were tested."""

    dead: NDArray[np.int32]
    hot: NDArray[np.int32]
    tested: int

    def __post_init__(self) -> None:
        """Check the shapes; raises ValueError, also for what was received."""
        if self.dead.ndim != 1 or self.hot.ndim != 1:
            raise ValueError("lists of detectors that are no lists")


@dataclass(frozen=True, eq=False)
class ViewsResult:
    """The image, the map and the picked spectrum of a reduction; each is None if it is not made.

    They are of the pulses of the report that they come with.

    - ``image``: counts of the detectors in each cell, (rows, columns) int64, laid out as
      `reduction.instrument.layout.detector_layout` does for the settings
    - ``image_missing``: folded events that the image lacks, since its settings were changed later
    - ``map``: see `MapCounts`
    - ``picked``: counts of the picked cells, (bins,) int64, in the bins of the spectrum
    - ``outliers``: dead and hot detectors, in the counts of the image
    """

    image: NDArray[np.int64] | None = None
    image_missing: OrderCount = 0
    map: MapCounts | None = None
    picked: NDArray[np.int64] | None = None
    outliers: OutliersFound | None = None


@dataclass(frozen=True)
class ReductionResult:
    """The histogram of one reduction, of the running series.

    - ``counts``: (slices, groups, bins) int64, or int16 or int32 if they are many and none is
      larger; None in a report without results
    - ``edges``: (bins + 1,) float64, in the unit of ``order.settings``; None without results
    - ``faded``: (2, slices, groups, bins) float64: if events fade, the sums of their weights and of
      the squares of the weights
    - ``charges_uc``, ``monitor_counts``, ``seconds``: charge, monitor counts and time measured of
      the pulses of each slice; weighted if events fade
    - ``references``: background and vanadium, for intensities
    - ``series``: the closed series
    - ``regions``, ``peaks``: one for each window of the settings
    - ``views``: image, map and picked spectrum, which come more rarely; None: not this time
    - ``views_generation``: the generation that the last of these obey; -1: there are none
    """

    order: ReductionOrder
    status: ReductionStatus
    edges: NDArray[np.float64] | None = None
    counts: NDArray[np.signedinteger[Any]] | None = None
    faded: NDArray[np.float64] | None = None
    charges_uc: tuple[float, ...] = ()
    series: tuple[SeriesResult, ...] = ()
    regions: tuple[RegionStatus, ...] = ()
    peaks: tuple[PeakStatus, ...] = ()
    monitor_counts: tuple[float, ...] = ()
    references: References = field(default_factory=References)
    seconds: tuple[float, ...] = ()
    views: ViewsResult | None = None
    views_generation: OrderCount = -1

    def __post_init__(self) -> None:
        """Check that all is of one shape; raises ValueError, also for what was received."""
        if self.counts is not None:
            slices, _, bins = self.counts.shape if self.counts.ndim == 3 else (0, 0, 0)
            if not (bins and self.edges is not None and self.edges.shape == (bins + 1,)):
                raise ValueError("counts and edges of a result do not fit together")
            if self.faded is not None and self.faded.shape != (2, *self.counts.shape):
                raise ValueError("counts and faded counts of a result do not fit together")
            for each in (self.charges_uc, self.monitor_counts, self.seconds):
                if len(each) not in (0, slices):
                    raise ValueError(f"a result of {slices} slices has {len(each)} of their sums")
            if any(each.counts.shape != (bins,) for each in self.series):
                raise ValueError("a closed series of a result has other bins")


@dataclass(frozen=True)
class RanksReport:
    """What rank 0 reports several times a second.

    - ``revision``: the order that the latest results obey
    - ``pulse_time_ns``: time of the last pulse in the results, ns since the Unix epoch; 0 if none
    - ``unaccounted``: received events that are not counted, or counted twice, added up over ranks.
      Every rank checks its own at every tick. Anything but 0 is an error.
    - ``logs``: names of the logs that slices can be of
    - ``newest_pulse_ns``: time of the newest pulse of which any rank has received anything, ns
      since the Unix epoch; `reduction.stream.pulses.NO_PULSE` if there is none
    - ``run``: which pulses count; the IOC keeps it for ranks that start later
    - ``run_messages``: the last messages about runs of the facility, each in many reports
    - ``catching_up``: whether the ranks have started and read the event log again, so that the
      results do not have all pulses yet
    """

    revision: OrderCount
    pulse_time_ns: PulseTimeNs
    stream: StreamStatus
    backend: BackendStatus
    results: tuple[ReductionResult, ...] = ()
    unaccounted: OrderCount = 0
    logs: tuple[str, ...] = ()
    message: str = ""
    acquisition: AcquisitionStatus = field(default_factory=AcquisitionStatus)
    event_log: EventLogStatus = field(default_factory=EventLogStatus)
    newest_pulse_ns: PulseTimeNs = NO_PULSE
    run: RunState = field(default_factory=RunState)
    catching_up: bool = False
    run_messages: tuple[RunMessage, ...] = ()
