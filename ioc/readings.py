"""Readings of the IOC itself: how the whole is, whatever becomes of the processes behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from reduction.specs import Choice, Command, Integer, Settings, Text, parameter, reading


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


@dataclass(frozen=True)
class FileSettings(Settings):
    """What files are called, prefix ``$(P)File:``."""

    path: str = parameter(
        Text(
            pv="Path",
            description="Folder for files, on the IOC's host",
            details="Made if the folder it is in is there.",
            max_length=500,
        ),
        ".",
    )
    name: str = parameter(
        Text(
            pv="Name",
            description="Name of files, without ending",
            details="An earlier file of the name is replaced, as a whole.",
            max_length=200,
        ),
        "live",
    )


@dataclass(frozen=True)
class FileCommands:
    """Momentary commands, prefix ``$(P)File:``."""

    write: bool = parameter(
        Command(
            pv="Write",
            description="Write the posted result to disk",
            details="NeXus (.nxs) and text (.xye); completes when they are on disk.",
            on="Write",
        ),
        False,
    )


@dataclass(frozen=True)
class FileStatus:
    """The last write, prefix ``$(P)File:``."""

    full_name: str = reading(
        Text(pv="FullName_RBV", description="NeXus file written last", max_length=800), ""
    )
    message: str = reading(
        Text(pv="Message_RBV", description="How the last write went", max_length=500), ""
    )
