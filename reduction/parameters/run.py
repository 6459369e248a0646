"""The parameters and readings of stream and back end: the one source of truth for ``$(P)``."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.parameters.specs import (
    Choice,
    Command,
    Float,
    Guidance,
    Integer,
    Settings,
    Switch,
    Text,
    parameter,
    reading,
)


class AccumulationMode(enum.StrEnum):
    """Which pulses a result is of."""

    SINCE_RESET = "SinceReset"
    WINDOW = "Window"
    FADING = "Fading"


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
            details="At the limit the oldest events are folded into a fine histogram: counts stay,"
            " other bins are right to a tenth of the bins of then. With another unit, mask, group"
            " or slice they count as filtered until it is as it was. Auto: half the machine's"
            " memory divided by its ranks.",
            units="GB",
            minimum=0,
            maximum=1e6,
        ),
        0.0,
    )

    @property
    def fade_s(self) -> float:
        """The time in which weights fall by e; 0 if they do not."""
        return self.fading_time if self.accumulation is AccumulationMode.FADING else 0.0


@dataclass(frozen=True)
class RunCommands:
    """Momentary commands, prefix ``$(P)``."""

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
            " until Acquire or Reset; 16 at most. The preset counts from here. Completes when the"
            " first result of the new series is posted.",
            on="Next",
        ),
        False,
    )


@dataclass(frozen=True)
class StreamStatus:
    """What arrives, prefix ``$(P)``."""

    event_total: int = reading(
        Float(
            pv="EventTotal_RBV",
            description="Events received since the reset",
            precision=0,
            guidance=Guidance(
                "MAJOR: events received are in no count, so the spectra are not to be trusted."
                " Keep the result with File:Write, then Reset; report it.",
                latching=True,
                delay_s=0,
            ),
        )
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
            details="At the time when the result was made; it stays when no pulses come.",
            units="s",
            precision=3,
            guidance=Guidance(
                "Results are older than LagLimit: the ranks do not keep up with the events. Give"
                " them more cores, take fewer bins or slices, or start more ranks."
            ),
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
    ranks: int = reading(
        Integer(
            pv="Ranks_RBV",
            description="MPI ranks at work",
            guidance=Guidance(
                "INVALID: the ranks are gone. They are started again if the IOC started them; if"
                " not, start them where they ran."
            ),
        )
    )
    retained_events: int = reading(
        Float(
            pv="RetainedEvents_RBV",
            description="Events kept for changed settings",
            precision=0,
        )
    )
    folded_events: int = reading(
        Float(
            pv="FoldedEvents_RBV",
            description="Events kept as a fine histogram alone",
            precision=0,
        )
    )
    retained_fraction: float = reading(
        Float(
            pv="RetainedFraction_RBV",
            description="Share of events that re-cut exactly",
            precision=4,
        ),
        1.0,
    )
    memory_use: int = reading(
        Float(
            pv="MemoryUse_RBV",
            description="Resident memory of all ranks",
            units="B",
            precision=0,
        )
    )
