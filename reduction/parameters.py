"""The parameters and readings of stream, back end and reductions: the one source of truth.

Names, units, limits, defaults and words of every process variable outside ``Sim:`` stand here.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction import rebin
from reduction.specs import (
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Refused,
    Settings,
    Stage,
    Switch,
    Text,
    parameter,
    reading,
)
from reduction.units import Units

MAX_BINS = 200_000
"""Most bins of a spectrum, unless the site starts the program with another limit."""


@dataclass(frozen=True)
class RunControl(Settings):
    """What the whole reduction obeys, prefix ``$(P)``."""

    pause: bool = parameter(
        Switch(
            pv="Pause",
            description="Hold accumulating",
            details="Events that arrive meanwhile are counted as filtered and are not kept.",
            off="Run",
            on="Pause",
        ),
        False,
    )


@dataclass(frozen=True)
class RunCommands:
    """Momentary commands, prefix ``$(P)``."""

    reset: bool = parameter(
        Command(
            pv="Reset",
            description="Drop all that is accumulated",
            details="Completes when the first result without the dropped events is posted.",
            on="Reset",
        ),
        False,
    )


@dataclass(frozen=True)
class ReductionSettings(Settings):
    """How events become one histogram, prefix ``$(P)Red1:``."""

    units: Units = parameter(
        Choice(
            pv="Units",
            description="Unit of the histogram axis",
            details="Each unit keeps its own bins, so write Units before BinParams.",
            options=Units,
            stage=Stage.CONVERT,
        ),
        Units.D_SPACING,
    )
    bin_params: str = parameter(
        Text(
            pv="BinParams",
            description="Bins: x0,step,x1[,step,x2...]",
            details="Mantid's Rebin syntax; a negative step is logarithmic.",
            stage=Stage.HISTOGRAM,
        ),
        Units.D_SPACING.default_bins,
    )
    max_bins: int = MAX_BINS

    def check(self) -> None:
        try:
            _ = self.edges
        except ValueError as error:
            raise Refused("BinParams", self.bin_params, str(error)) from None

    @property
    def edges(self) -> NDArray[np.float64]:
        """Bin edges, shape (bins + 1,), float64, in `units`; read-only."""
        return _edges(self.bin_params, self.max_bins)

    def with_units(self, units: Units, bin_params: str) -> Self:
        """The same in another unit, with the bins that go with it."""
        return dataclasses.replace(self, units=units, bin_params=bin_params)


@functools.lru_cache(maxsize=32)
def _edges(bin_params: str, max_bins: int) -> NDArray[np.float64]:
    edges = rebin.edges(bin_params, max_bins)
    edges.setflags(write=False)
    return edges


@dataclass(frozen=True)
class Segment(Settings):
    """The bins of a reduction as one segment, prefix ``$(P)Red1:``: another face of BinParams.

    With several segments BinMin and BinMax are the ends of all of them and BinStep is the first
    step; writing any of the three makes one segment of them.
    """

    bin_min: float = parameter(
        Float(pv="BinMin", description="First bin edge", precision=4, stage=Stage.HISTOGRAM), 0.4
    )
    bin_step: float = parameter(
        Float(
            pv="BinStep",
            description="Bin width; negative: logarithmic",
            precision=5,
            stage=Stage.HISTOGRAM,
        ),
        0.001,
    )
    bin_max: float = parameter(
        Float(pv="BinMax", description="Last bin edge", precision=4, stage=Stage.HISTOGRAM), 5.0
    )

    @classmethod
    def of(cls, bin_params: str) -> Self:
        """The ends and the first step of ``bin_params``."""
        numbers = rebin.parsed(bin_params)
        return cls(numbers[0], numbers[1], numbers[-1])

    @property
    def bin_params(self) -> str:
        """The segment in Rebin's syntax; every number round-trips."""
        return ",".join(f"{x!r}".removesuffix(".0") for x in dataclasses.astuple(self))


@dataclass(frozen=True)
class StreamStatus:
    """What arrives, prefix ``$(P)``."""

    event_total: int = reading(
        Float(pv="EventTotal_RBV", description="Events received since the reset", precision=0)
    )
    event_rate: float = reading(
        Float(
            pv="EventRate_RBV", description="Events received per second", units="1/s", precision=0
        )
    )
    pulse_rate: float = reading(
        Float(pv="PulseRate_RBV", description="Pulses per second", units="Hz", precision=2)
    )
    pulse_first: int = reading(
        Integer(pv="PulseFirst_RBV", description="First pulse in the result"), -1
    )
    pulse_last: int = reading(
        Integer(pv="PulseLast_RBV", description="Last pulse in the result"), -1
    )
    pulses_missing: int = reading(
        Integer(
            pv="PulsesMissing_RBV",
            description="Pulses of which data never arrived",
            details="Between the first and the last pulse: gaps, and pulses with a chunk lost.",
        )
    )
    lag: float = reading(
        Float(
            pv="Lag_RBV",
            description="Age of the last pulse in the result",
            units="s",
            precision=3,
        )
    )
    messages_corrupt: int = reading(
        Integer(pv="MessagesCorrupt_RBV", description="Messages that do not decode")
    )
    messages_unknown: int = reading(
        Integer(pv="MessagesUnknown_RBV", description="Messages of unknown schema")
    )
    messages_repeated: int = reading(
        Integer(pv="MessagesRepeated_RBV", description="Chunks received twice; used once")
    )
    messages_out_of_order: int = reading(
        Integer(pv="MessagesOutOfOrder_RBV", description="Chunks that came late; used")
    )
    messages_missing: int = reading(
        Integer(pv="MessagesMissing_RBV", description="Chunks sent that never arrived")
    )
    messages_bad_time: int = reading(
        Integer(
            pv="MessagesBadTime_RBV",
            description="Messages with an absurd pulse time",
            details="Not after 1970, or more than a minute ahead of the clock; not used.",
        )
    )


@dataclass(frozen=True)
class BackendStatus:
    """The MPI ranks, prefix ``$(P)``."""

    engine: str = reading(
        Text(pv="Engine_RBV", description="Engine that reduces, and its version", max_length=39), ""
    )
    ranks: int = reading(Integer(pv="Ranks_RBV", description="MPI ranks at work"))
    retained_events: int = reading(
        Float(
            pv="RetainedEvents_RBV",
            description="Events kept for changed settings",
            precision=0,
        )
    )
    memory_use: int = reading(
        Float(
            pv="MemoryUse_RBV",
            description="Resident memory of all ranks",
            units="B",
            precision=0,
        )
    )


@dataclass(frozen=True)
class ReductionStatus:
    """One reduction's figures, prefix ``$(P)Red1:``."""

    generation: int = reading(
        Integer(pv="Generation_RBV", description="Accepted changes of this reduction")
    )
    events_binned: int = reading(
        Float(pv="EventsBinned_RBV", description="Events in the histogram", precision=0)
    )
    events_out_of_range: int = reading(
        Float(pv="EventsOutOfRange_RBV", description="Events outside the bins", precision=0)
    )
    events_masked: int = reading(
        Float(
            pv="EventsMasked_RBV", description="Events of masked pixels and monitors", precision=0
        )
    )
    events_filtered: int = reading(
        Float(pv="EventsFiltered_RBV", description="Events left out by a filter", precision=0)
    )
    events_invalid: int = reading(
        Float(pv="EventsInvalid_RBV", description="Events of no pixel or time", precision=0)
    )
    events_bad_pixel: int = reading(
        Float(
            pv="EventsBadPixel_RBV",
            description="Invalid: pixel not in the instrument",
            precision=0,
        )
    )
    events_bad_time: int = reading(
        Float(
            pv="EventsBadTime_RBV",
            description="Invalid: time of flight out of bounds",
            precision=0,
        )
    )


@dataclass(frozen=True)
class Spectrum:
    """The histogram, prefix ``$(P)Red1:Spec:``."""

    x: None = reading(Array(pv="X", description="Bin centres"), None)
    xe: None = reading(Array(pv="XE", description="Bin edges, one more than bins"), None)
    y: None = reading(Array(pv="Y", description="Counts per unit of X"), None)
    yc: None = reading(Array(pv="YC", description="Counts", precision=0), None)
    e: None = reading(Array(pv="E", description="Standard error of Y"), None)
    total: float = reading(Float(pv="Total_RBV", description="Sum of the counts", precision=0))
