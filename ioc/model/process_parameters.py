"""Readings and commands of the IOC's own process."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import parameter, reading
from reduction.parameters.specs import LONGEST_STRING, Command, Float, Guidance, Integer, Text


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
    clients_refused: int = reading(
        Integer(
            pv="ClientsRefused_RBV",
            description="Clients for which no file was left",
            details="Each client takes a file of the IOC; some are kept for other things.",
            guidance=Guidance("Counts up: close clients, or start with a higher ulimit -n."),
        )
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
    most_files: int = reading(
        Float(
            pv="FD_MAX",
            description="Most files that the IOC may have open",
            details="It is raised at the start as far as the system allows (ulimit -Hn).",
            precision=0,
        )
    )
    reports_ignored: int = reading(
        Integer(
            pv="ReportsIgnored_RBV",
            description="Messages to the IOC that were no report",
            details="Of processes without the key, of a second ranks job, or not understood.",
            guidance=Guidance("Counts up: StatusMessage_RBV says who sends them."),
        )
    )
    loop_delay: float = reading(
        Float(
            pv="EventLoopDelay_RBV",
            description="Worst delay of the IOC's event loop",
            details="The longest time by which something was done late, in the last five seconds.",
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
            " again. What is accumulated is read again. Only with `live-reduction run`.",
            on="Restart",
        ),
        False,
    )
