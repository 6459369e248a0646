"""Readings of the overall state, and the setting of the limit above which the lag is in alarm."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.specs import Choice, Float, Guidance, Integer, Text


class DetectorState(enum.StrEnum):
    """All states of areaDetector, in its order, so that the enum indices agree."""

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


class OverallStatus(enum.StrEnum):
    """The values of ``Status_RBV``."""

    OK = "OK"
    WARNING = "Warning"
    ERROR = "Error"


LONGEST_MESSAGE = 1000
"""Most characters of a message; a refusal names what was put, where, why, and by whom."""


@dataclass(frozen=True)
class IocStatus:
    """State of the live reduction, prefix ``$(P)``."""

    state: str = reading(
        Choice(
            pv="DetectorState_RBV",
            description="What the live reduction is doing",
            details="Acquire: accumulating. Waiting: paused. Initializing: the ranks have not"
            " taken the settings yet. Readout: the ranks have started again and read the event log"
            " again, see CatchUp_RBV. Idle: stopped. Disconnected: no ranks. Error: given up."
            " Others: unused.",
            options=DetectorState,
        ),
        DetectorState.DISCONNECTED,
    )
    status: str = reading(
        Choice(
            pv="Status_RBV",
            description="Overall status; see StatusMessage_RBV",
            details="Its alarm is the worst of these. INVALID: no ranks. MAJOR: events that are not"
            " accounted for. MINOR: results older than LagLimit; missing pulses or a restart in the"
            " last minute; no simulator; a problem with a log or an order.",
            options=OverallStatus,
            guidance=Guidance("StatusMessage_RBV says what is wrong (caget -S)."),
        ),
        OverallStatus.ERROR,
    )
    message: str = reading(
        Text(
            pv="StatusMessage_RBV",
            description="What is wrong; empty if all is well",
            max_length=LONGEST_MESSAGE,
        ),
        "",
    )
    refusal: str = reading(
        Text(
            pv="Refusal_RBV",
            description="The last put that was refused, and why",
            details="For operators at screens, which do not show why a put was refused.",
            max_length=LONGEST_MESSAGE,
        ),
        "",
    )
    pending: str = reading(
        Text(
            pv="Pending_RBV",
            description="Settings that wait for others, and why",
            details="Settings that only make sense together (Min, Step and Max of a filter, BinMin,"
            " BinStep and BinMax, the crystal of the simulator) can be put in any order. While they"
            " do not fit each other, those in force before stay in force.",
            max_length=1000,
        ),
        "",
    )
    array_counter: int = reading(
        Integer(pv="ArrayCounter_RBV", description="Results posted since the IOC started")
    )
    restarts: int = reading(
        Integer(pv="Restarts_RBV", description="Times ranks or simulator restarted")
    )


@dataclass(frozen=True)
class SimulatorIocStatus:
    """State of the simulator's process, prefix ``$(P)Sim:``."""

    message: str = reading(
        Text(pv="StatusMessage_RBV", description="State of the simulator, in words"), ""
    )


@dataclass(frozen=True)
class WatchSettings(Settings):
    """When the IOC raises an alarm, prefix ``$(P)``."""

    lag_limit: float = parameter(
        Float(
            pv="LagLimit",
            description="Lag_RBV above this is a MINOR alarm",
            details="It takes effect with the next result.",
            units="s",
            minimum=0.1,
            maximum=1e6,
        ),
        2.0,
    )
