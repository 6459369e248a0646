"""Readings of the IOC itself: how the whole is, whatever becomes of the processes behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.specs import Choice, Integer, Text, reading


class DetectorState(enum.StrEnum):
    """areaDetector's states: all of them, so that the numbers agree with its, too."""

    IDLE = "Idle"
    ACQUIRE = "Acquire"
    READOUT = "Readout"
    CORRECT = "Correct"
    SAVING = "Saving"
    ABORTING = "Aborting"
    ERROR = "Error"
    WAITING = "Waiting"
    INITIALIZING = "Initializing"
    DISCONNECTED = "Disconnected"
    ABORTED = "Aborted"


@dataclass(frozen=True)
class IocStatus:
    """How the live reduction is as a whole, prefix ``$(P)``."""

    state: str = reading(
        Choice(
            pv="DetectorState_RBV",
            description="What the live reduction is doing",
            details="Acquire: accumulating. Waiting: paused. Initializing: the ranks have not"
            " taken the settings yet. Disconnected: no ranks. Error: given up. Others: unused.",
            options=DetectorState,
        ),
        DetectorState.DISCONNECTED,
    )
    message: str = reading(
        Text(pv="StatusMessage_RBV", description="How the back end is, in words"), ""
    )
    restarts: int = reading(
        Integer(pv="Restarts_RBV", description="Times ranks or simulator restarted")
    )


@dataclass(frozen=True)
class SimulatorIocStatus:
    """How the simulator's process is, prefix ``$(P)Sim:``."""

    message: str = reading(
        Text(pv="StatusMessage_RBV", description="How the simulator is, in words"), ""
    )
