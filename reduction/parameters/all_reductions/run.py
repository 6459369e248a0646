"""Settings and commands for the ranks that concern all reductions, prefix ``$(P)``."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.limits import MOST_SERIES
from reduction.parameters.specs import Choice, Command, Float, Switch


class AccumulationMode(enum.StrEnum):
    """Which pulses a result is of."""

    SINCE_RESET = "SinceReset"
    WINDOW = "Window"
    FADING = "Fading"


@dataclass(frozen=True)
class RunControl(Settings):
    """Accumulation and memory, prefix ``$(P)``."""

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
    accumulation: AccumulationMode = parameter(
        Choice(
            pv="AccumulationMode",
            description="Which pulses the spectra are of",
            details="SinceReset: all. Window: the last WindowTime seconds; earlier events count as"
            " filtered, and are back if the window grows, but for those that memory had no room"
            " for: a window too long for MemoryLimit is shorter. Fading: all, with weights that"
            " fall by e in FadingTime; Events and presets still count every event as one, but"
            " regions and presets of them by weight.",
            options=AccumulationMode,
        ),
        AccumulationMode.SINCE_RESET,
    )
    window_time: float = parameter(
        Float(
            pv="WindowTime",
            description="Length of the sliding window",
            units="s",
            minimum=0.1,
            maximum=1e8,
        ),
        60.0,
    )
    fading_time: float = parameter(
        Float(
            pv="FadingTime",
            description="Time in which old pulses fade by e",
            details="Another one weighs all retained events anew; what memory had no room for is"
            " then left out.",
            units="s",
            minimum=0.1,
            maximum=1e8,
        ),
        60.0,
    )
    memory_limit: float = parameter(
        Float(
            pv="MemoryLimit",
            description="Memory for events of a rank; 0: auto",
            details="Events that wait for their pulses are included: they take a quarter at most,"
            " but 67 MB are always allowed. At the limit the oldest events are folded into a fine"
            " histogram: counts stay, other bins are right to a tenth of the bins of then. With"
            " another unit, mask, group or slice they count as filtered until it is as it was."
            " Auto: half the machine's memory divided by its ranks.",
            units="GB",
            minimum=0,
            maximum=1e6,
        ),
        0.0,
    )

    grace_time: float = parameter(
        Float(
            pv="GraceTime",
            description="Longest wait for the rest of a pulse",
            details="In a stream without marks, where a partition that is silent may have nothing"
            " to send, or be late. What comes later counts too, in the next result.",
            units="s",
            minimum=0.05,
            maximum=60,
            precision=2,
        ),
        0.5,
    )

    @property
    def fade_s(self) -> float:
        """The time in which weights fall by e; 0 if they do not."""
        return self.fading_time if self.accumulation is AccumulationMode.FADING else 0.0


@dataclass(frozen=True)
class RunCommands:
    """Commands to the ranks, prefix ``$(P)``."""

    acquire: bool = parameter(
        Command(
            pv="Acquire",
            description="Start afresh, until the preset; 0 stops",
            details="Completes when the preset is reached and the final result is posted, or when"
            " it is stopped. The program starts acquiring without a preset.",
            on="Acquire",
            endless=True,
        ),
        False,
    )
    stop: bool = parameter(
        Command(
            pv="Stop",
            description="Stop acquiring, as Acquire 0 does",
            details="Completes when the final result is posted. What is accumulated stays.",
            on="Stop",
        ),
        False,
    )
    reset: bool = parameter(
        Command(
            pv="Reset",
            description="Drop all that is accumulated",
            details="Completes when the first result without the dropped events is posted.",
            on="Reset",
        ),
        False,
    )
    next_series: bool = parameter(
        Command(
            pv="NextSeries",
            description="Close the accumulation, go on afresh",
            details="What is accumulated stays as Red1:Series1: ff., cut anew with the running one,"
            f" until Acquire or Reset; {MOST_SERIES} at most. The preset counts from here."
            " Completes when the first result of the new series is posted.",
            on="Next",
        ),
        False,
    )
