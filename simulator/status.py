"""The readings of the simulated source, prefix ``$(P)Sim:``."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import reading
from reduction.parameters.specs import Float, Guidance, Integer, Text


@dataclass(frozen=True)
class SimulatorStatus:
    """State of the simulated source."""

    pulse: int = reading(
        Float(
            pv="Pulse_RBV",
            description="Last pulse generated",
            precision=0,
            guidance=Guidance("INVALID: the simulator is gone, and no events come."),
        ),
        -1,
    )
    events_sent: int = reading(
        Float(pv="EventsSent_RBV", description="Events written to the event log", precision=0)
    )
    chunks_dropped: int = reading(
        Integer(
            pv="ChunksDropped_RBV",
            description="Chunks that could not be written",
            details="Whole chunks, as long as the disk of the event log is full.",
        )
    )
    events_dropped: int = reading(
        Float(pv="EventsDropped_RBV", description="Events in dropped chunks", precision=0)
    )
    log_size: int = reading(
        Float(
            pv="LogSize_RBV",
            description="Space that the event log takes",
            units="B",
            precision=0,
        )
    )
    log_reach: float = reading(
        Float(
            pv="LogReach_RBV",
            description="How far back the event log goes",
            details="Of older pulses, ranks that start anew find nothing.",
            units="s",
            precision=0,
        )
    )
    log_message: str = reading(
        Text(
            pv="LogMessage_RBV",
            description="What is wrong with the event log",
            details="Why it cannot be written; for a minute also that its files were deleted.",
        ),
        "",
    )
    lattice_parameter: float = reading(
        Float(
            pv="LatticeParameter_RBV",
            description="Cell edge a at this pressure",
            units="Ang",
            precision=5,
        )
    )
    reflections: int = reading(
        Integer(pv="Reflections_RBV", description="Bragg lines between DMin and DMax")
    )
    seed: int = reading(Integer(pv="Seed_RBV", description="Seed of all events"))
