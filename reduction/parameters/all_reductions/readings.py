"""What the stream and the ranks report: readings, prefix ``$(P)``."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import reading
from reduction.parameters.specs import LONGEST_STRING, Float, Guidance, Integer, Text


@dataclass(frozen=True)
class EventLogStatus:
    """The event log as the ranks read it, prefix ``$(P)``."""

    log_behind: int = reading(
        Integer(
            pv="LogBehind_RBV",
            description="Messages in the event log, not yet read",
            details="It grows while the ranks do not keep up.",
        )
    )
    messages_dropped: int = reading(
        Integer(
            pv="MessagesDropped_RBV",
            description="Messages that left the event log unread",
            details="The oldest go when the log reaches its limit, whether they are read or not.",
        )
    )
    messages_late: int = reading(
        Integer(
            pv="MessagesLate_RBV",
            description="Chunks too late for a result; used later",
            details="In a stream without marks: a result of their pulses was made before they came."
            " The next one has them.",
        )
    )
    messages_unnumbered: int = reading(
        Integer(
            pv="MessagesUnnumbered_RBV",
            description="Chunks whose ids do not count up",
            details="In a stream without marks: how many messages of their sources are lost is not"
            " known.",
        )
    )
    catch_up: float = reading(
        Float(
            pv="CatchUp_RBV",
            description="Share of the event log read again",
            details="After ranks have started again they read the event log from the start of the"
            " accumulation on. Until this is 100, DetectorState_RBV is Readout, and results do not"
            " have all pulses: PulseLast_RBV is the last one. Presets, pauses, stops and new series"
            " wait; Reset drops what is not read yet.",
            units="%",
            precision=1,
        ),
        100.0,
    )
    pulses_lost: int = reading(
        Float(
            pv="PulsesLost_RBV",
            description="Pulses that left the log before reading",
            details="Of the present accumulation: when ranks read it again, the event log no longer"
            " held them. The first pulses of the accumulation are missing.",
            precision=0,
        )
    )


@dataclass(frozen=True)
class StreamStatus:
    """Messages and events received, prefix ``$(P)``."""

    event_total: int = reading(
        Float(
            pv="EventTotal_RBV",
            description="Events received since the reset",
            precision=0,
            guidance=Guidance(
                "MAJOR: events received are not accounted for, so the spectra cannot be trusted."
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
        Float(
            pv="PulseFirst_RBV",
            description="First pulse in the result",
            details="Pulse numbers have 64 bits; as a double they are exact up to 2^53.",
            precision=0,
        ),
        -1,
    )
    pulse_last: int = reading(
        Float(pv="PulseLast_RBV", description="Last pulse in the result", precision=0), -1
    )
    pulses_missing: int = reading(
        Float(
            pv="PulsesMissing_RBV",
            description="Pulses of which data never arrived",
            details="Between the first and the last pulse: gaps, and pulses with a chunk lost.",
            precision=0,
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
            description="Messages with a time that cannot be",
            details="Not after 1970, far ahead of the pulses or behind them, or of none; not used.",
        )
    )
    messages_bad_log: int = reading(
        Integer(
            pv="MessagesBadLog_RBV",
            description="Log values that are no number; not used",
            details="NaN, infinite, or an array: the last number before it holds on.",
        )
    )
    messages_ignored: int = reading(
        Integer(
            pv="MessagesIgnored_RBV",
            description="Chunks without pixel ids; not used",
            details="As some monitors send them. Their pulses are complete without them.",
        )
    )


@dataclass(frozen=True)
class BackendStatus:
    """The MPI ranks, prefix ``$(P)``."""

    engine: str = reading(
        Text(
            pv="Engine_RBV",
            description="Engine that reduces, and its version",
            max_length=LONGEST_STRING,
        ),
        "",
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
