"""Readings of the IOC itself: how the whole is, whatever becomes of the processes behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.file_names import check_name
from reduction.parameters.specs import (
    LONGEST_STRING,
    Choice,
    Command,
    Float,
    Guidance,
    Integer,
    Refused,
    Text,
)


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


class OverallStatus(enum.StrEnum):
    """How all is, in one word."""

    OK = "OK"
    WARNING = "Warning"
    ERROR = "Error"


@dataclass(frozen=True)
class IocStatus:
    """State of the live reduction, prefix ``$(P)``."""

    state: str = reading(
        Choice(
            pv="DetectorState_RBV",
            description="What the live reduction is doing",
            details="Acquire: accumulating. Waiting: paused. Initializing: the ranks have not"
            " taken the settings yet. Idle: stopped. Disconnected: no ranks. Error: given up."
            " Others: unused.",
            options=DetectorState,
        ),
        DetectorState.DISCONNECTED,
    )
    status: str = reading(
        Choice(
            pv="Status_RBV",
            description="How all is; why: StatusMessage_RBV",
            details="Its alarm is the worst of what follows. INVALID: no ranks. MAJOR: events in no"
            " count. MINOR: results older than LagLimit; pulses missing or a restart in the last"
            " minute; the simulator gone; a log or an order in trouble.",
            options=OverallStatus,
            guidance=Guidance("StatusMessage_RBV says what is wrong (caget -S)."),
        ),
        OverallStatus.ERROR,
    )
    message: str = reading(
        Text(pv="StatusMessage_RBV", description="What is wrong; empty if nothing is"), ""
    )
    refusal: str = reading(
        Text(
            pv="Refusal_RBV",
            description="The last put that was refused, and why",
            details="For screens, whose operators see no message of the client's.",
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
        Text(pv="StatusMessage_RBV", description="How the simulator is, in words"), ""
    )


@dataclass(frozen=True)
class WatchSettings(Settings):
    """When the IOC raises an alarm, prefix ``$(P)``."""

    lag_limit: float = parameter(
        Float(
            pv="LagLimit",
            description="Lag_RBV above it is a MINOR alarm",
            details="In force from the next result on.",
            units="s",
            minimum=0.1,
            maximum=1e6,
        ),
        2.0,
    )


@dataclass(frozen=True)
class IocProcessStatus:
    """Process of the IOC, named as in iocStats, prefix ``$(P)``."""

    heartbeat: int = reading(
        Integer(
            pv="HEARTBEAT",
            description="Counts up once a second",
            guidance=Guidance("Disconnected: the IOC does not run, or the network is cut."),
        )
    )
    uptime: str = reading(
        Text(pv="UPTIME", description="Time since the IOC started", max_length=LONGEST_STRING), ""
    )
    started: str = reading(
        Text(
            pv="STARTTOD",
            description="When the IOC started, local time",
            max_length=LONGEST_STRING,
        ),
        "",
    )
    version: str = reading(
        Text(pv="APP_VERSION", description="Version of the program", max_length=LONGEST_STRING), ""
    )
    epics_version: str = reading(
        Text(pv="EPICS_VERS", description="What serves the PVs", max_length=LONGEST_STRING), ""
    )
    host: str = reading(
        Text(pv="HOSTNAME", description="Host of the IOC", max_length=LONGEST_STRING), ""
    )
    process_id: int = reading(Integer(pv="PROCESS_ID", description="Process id of the IOC"))
    clients: int = reading(Integer(pv="CA_CLNT_CNT", description="Channel Access clients"))
    connections: int = reading(
        Integer(pv="CA_CONN_CNT", description="Channels that clients are connected to")
    )
    cpu_load: float = reading(
        Float(
            pv="IOC_CPU_LOAD",
            description="CPU of the IOC's process",
            details="100 is one core; ranks and simulator are other processes.",
            units="%",
            precision=1,
        )
    )
    memory: int = reading(
        Float(
            pv="MEM_USED",
            description="Resident memory of the IOC's process",
            units="B",
            precision=0,
        )
    )
    open_files: int = reading(
        Integer(pv="FD_CNT", description="Files and sockets that the IOC has open")
    )
    loop_delay: float = reading(
        Float(
            pv="EventLoopDelay_RBV",
            description="Worst delay of the IOC's event loop",
            details="How late the IOC came to what was due, at the worst in the last five seconds.",
            units="s",
            precision=3,
        )
    )
    loop_delay_p99: float = reading(
        Float(
            pv="EventLoopDelayP99_RBV",
            description="Delay of the IOC's event loop",
            details="99 of 100 measurements of the last minute were less; there are 20 a second.",
            units="s",
            precision=4,
        )
    )


@dataclass(frozen=True)
class IocProcessCommands:
    """Commands to the IOC, prefix ``$(P)``."""

    restart: bool = parameter(
        Command(
            pv="SYSRESET",
            description="Restart ranks and simulator, put twice",
            details="The first put is refused; a second within 10 s ends both, and they are started"
            " again. What is accumulated is lost. Only with `live-reduction run`.",
            on="Restart",
        ),
        False,
    )


@dataclass(frozen=True)
class FileSettings(Settings):
    """Names of files, prefix ``$(P)File:``."""

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

    def check(self) -> None:
        try:
            check_name(self.name)
        except Refused as refused:
            raise Refused("Name", self.name, refused.why) from None


@dataclass(frozen=True)
class LockSettings(Settings):
    """How long the scan lock lasts, prefix ``$(P)Lock:``."""

    expiry: float = parameter(
        Float(
            pv="Expiry",
            description="Time the lock lasts after a put",
            details="Of its owner: each renews it. Longer than the longest time between two puts.",
            units="s",
            precision=0,
            minimum=1,
            maximum=86400,
        ),
        60.0,
    )


@dataclass(frozen=True)
class LockCommands:
    """Commands of the scan lock, prefix ``$(P)Lock:``."""

    owner: str = parameter(
        Text(
            pv="Owner",
            description="Take the lock under a name; empty: free",
            details="The owner is the user at the address that it puts from, on any connection.",
            max_length=LONGEST_STRING,
        ),
        "",
    )
    acquire: bool = parameter(
        Command(
            pv="Acquire",
            description="Take the lock, or renew it",
            details="Refused while another one holds it, as all other puts then are.",
            on="Acquire",
        ),
        False,
    )
    release: bool = parameter(
        Command(pv="Release", description="Give the lock back", on="Release"), False
    )
    break_lock: bool = parameter(
        Command(
            pv="Break",
            description="Free the lock, whoever holds it",
            details="For who may operate, if a scan was left behind; it is logged.",
            on="Break",
        ),
        False,
    )


@dataclass(frozen=True)
class LockStatus:
    """Who holds the scan lock, prefix ``$(P)Lock:``."""

    owner: str = reading(
        Text(
            pv="Owner_RBV",
            description="Who holds the lock; empty: nobody",
            details="As user@address: name.",
        ),
        "",
    )
    remaining: float = reading(
        Float(pv="Remaining_RBV", description="Time until it expires", units="s", precision=0)
    )


@dataclass(frozen=True)
class IocOrder:
    """What the IOC obeys itself."""

    files: FileSettings = field(default_factory=FileSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    lock: LockSettings = field(default_factory=LockSettings)


@dataclass(frozen=True)
class FileCommands:
    """Commands to write files, prefix ``$(P)File:``."""

    write: bool = parameter(
        Command(
            pv="Write",
            description="Write the posted result to disk",
            details="NeXus (.nxs) and text (.xye); completes when they are on disk.",
            on="Write",
            guidance=Guidance(
                "The last write failed: File:Message_RBV says why. Correct it and write again.",
                delay_s=0,
            ),
        ),
        False,
    )


@dataclass(frozen=True)
class FileStatus:
    """The last file written, prefix ``$(P)File:``."""

    full_name: str = reading(
        Text(pv="FullName_RBV", description="NeXus file written last", max_length=800), ""
    )
    message: str = reading(
        Text(pv="Message_RBV", description="How the last write went", max_length=500), ""
    )
