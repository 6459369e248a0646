"""The commands of ``live-reduction``: a frozen dataclass for each, whose fields are its options.

Whatever can change while the program runs is no option but a process variable; ``set`` gives its
first value. Options of several commands are declared once, in a base class.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ioc.options.flags import Options, flag
from ioc.options.program import StartError
from ioc.options.sizes import check_size
from ioc.options.value_checks import check_habits, check_monitors, check_prefix
from simulator.habits import Habit

MANTIDS_SILENCE_S = 15.0
"""Longest time, in seconds, that a Mantid algorithm should take with very many detectors."""


def _check_interfaces(interfaces: str) -> None:
    for address in split_addresses(interfaces):
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise StartError(f"interfaces = {address!r}: no IP address") from None


def split_addresses(interfaces: str) -> tuple[str, ...]:
    """The addresses in a text that separates them by commas."""
    return tuple(word.strip() for word in interfaces.split(","))


@dataclass(frozen=True, kw_only=True)
class PvOptions(Options):
    """Which process variables there are."""

    prefix: str = flag("LIVE:", "start of every PV name", check=check_prefix)
    reductions: int = flag(1, "reductions of the same events: Red1:, Red2: ...", least=1, most=4)
    max_bins: int = flag(200_000, "most bins of a spectrum", least=1)


@dataclass(frozen=True, kw_only=True)
class SettingOptions(PvOptions):
    """The values that settings begin with."""

    set: tuple[tuple[str, str], ...] = flag((), "first value of a setting, e.g. Sim:Pressure=2")


@dataclass(frozen=True, kw_only=True)
class InstrumentOptions(Options):
    """Which detectors there are."""

    instrument: str = flag(
        "", "instrument table (.npz) or Mantid definition (.xml); empty: the simulated powder arc"
    )


@dataclass(frozen=True, kw_only=True)
class StreamOptions(InstrumentOptions):
    """How the event stream is divided."""

    stream: str = flag(
        "",
        "where events come from: kafka://host:9092/topic, or a TOML file with a table [stream];"
        " empty: the event log",
    )
    ranks: int = flag(2, "MPI ranks that reduce", least=1)
    partitions: int = flag(0, "partitions of the event stream; 0: as many as ranks", least=0)
    dialect: str = flag(
        "auto",
        "what ends a pulse in the event stream: a mark (marked), nothing (plain), or auto: ranks"
        " find out, and the simulator sends marks",
        choices=("auto", "marked", "plain"),
    )
    monitor: tuple[tuple[str, str], ...] = flag(
        (),
        "pixel id for events that have none, by the name of their source, e.g. monitor_1=100001",
        check=check_monitors,
    )

    @property
    def stream_partitions(self) -> int:
        """The number of partitions, as many as ranks unless given."""
        return self.partitions or self.ranks

    @property
    def monitor_ids(self) -> dict[str, int]:
        """The pixel ids for events that have none, by the name of their source."""
        return {source: int(pixel_id) for source, pixel_id in self.monitor}


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Options):
    """How events are reduced, and how often results come."""

    engine: str = flag("native", "what reduces", choices=("native", "mantid"))
    tick_rate: float = flag(14.0, "ticks of the ranks per second", least=1)
    array_rate: float = flag(5.0, "spectra posted per second at most", least=0.1)


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions(Options):
    """How events are simulated."""

    seed: int = flag(1, "seed of all simulated events", least=0, most=2**31 - 1)
    habits: str = flag(
        "",
        "habits of facilities that the simulator has in the plain dialect, by commas: "
        + ", ".join(Habit),
        check=check_habits,
    )


@dataclass(frozen=True, kw_only=True)
class LogFolderOptions(Options):
    """Where the event log is."""

    log_folder: str = flag(
        "",
        "folder of the event log; empty: one among the user's data, but ranks that are started"
        " alone then read it from --events",
    )


@dataclass(frozen=True, kw_only=True)
class EventLogOptions(LogFolderOptions):
    """Where events are kept that may be read again, and how many."""

    log_limit: str = flag(
        "",
        "most that the event log takes, like 500M or 8G; empty: a tenth of the free disk, 16G at"
        " most",
        check=check_size,
    )


@dataclass(frozen=True, kw_only=True)
class EndpointOptions(Options):
    """Where the processes meet: ZeroMQ endpoints."""

    events: str = flag(
        "tcp://127.0.0.1:5600", "endpoint where simulate serves the event log; empty: nowhere"
    )
    control: str = flag("tcp://127.0.0.1:5590", "endpoint where IOC and ranks meet")
    sim_control: str = flag(
        "tcp://127.0.0.1:5591", "endpoint where IOC and simulator meet; 'none': alone"
    )


@dataclass(frozen=True, kw_only=True)
class ServerOptions(EngineOptions, InstrumentOptions, SettingOptions):
    """How the process variables are served, to whom, and what becomes of settings."""

    interfaces: str = flag(
        "127.0.0.1", "addresses to serve PVs on, by commas", check=_check_interfaces
    )
    port: int = flag(0, "Channel Access port; 0: EPICS_CA_SERVER_PORT or 5064", least=0, most=65535)
    pva: str = flag(
        "auto",
        "serve on pvAccess too: on, off, or auto if p4p is installed",
        choices=("auto", "on", "off"),
    )
    pva_port: int = flag(
        0,
        "pvAccess port; 0: EPICS_PVAS_SERVER_PORT or 5075; any other if it is taken",
        least=0,
        most=65535,
    )
    silence: float = flag(
        2.0,
        "seconds without a report until a part counts as gone; twice that, and run starts it again;"
        f" at least {MANTIDS_SILENCE_S:g} for ranks that run starts with the mantid engine",
        least=0.5,
    )
    autosave: str = flag(
        "", "file that keeps the settings, restored from it at the start; empty: none"
    )
    run_state: str = flag(
        "",
        "file that keeps which pulses count, so that the accumulation goes on after a restart of"
        " the IOC; empty: one among the user's data; 'none': it begins afresh",
    )
    access: str = flag("", "EPICS access security file (.acf): who may write; empty: everybody")
    read_only: bool = flag(False, "nobody may write")

    @property
    def ranks_silence(self) -> float:
        """Seconds until reports of the ranks are missed; they come between algorithms."""
        return max(self.silence, MANTIDS_SILENCE_S) if self.engine == "mantid" else self.silence


@dataclass(frozen=True, kw_only=True)
class IocOptions(EndpointOptions, ServerOptions):
    """The IOC alone."""

    command = "ioc"
    summary = "the IOC alone"
    file_only = frozenset({"engine", "tick_rate", "events"})


@dataclass(frozen=True, kw_only=True)
class RanksOptions(EndpointOptions, EngineOptions, LogFolderOptions, StreamOptions):
    """The ranks alone, each of which is started with them."""

    command = "ranks"
    summary = "the ranks alone, under mpiexec or srun"
    file_only = frozenset({"ranks", "sim_control"})


@dataclass(frozen=True, kw_only=True)
class SimulateOptions(
    EndpointOptions, SimulatorOptions, EventLogOptions, StreamOptions, SettingOptions
):
    """The simulated detector alone."""

    command = "simulate"
    summary = "the simulated detector alone"
    file_only = frozenset({"ranks", "control", "prefix", "reductions", "max_bins"})

    first_pulse: int = flag(
        0,
        "number of the first simulated pulse, unless the event log holds later ones; then they are"
        " counted on",
        least=0,
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(SimulatorOptions, EventLogOptions, StreamOptions, ServerOptions):
    """Simulator, ranks and IOC in one."""

    command = "run"
    summary = "simulator, ranks and IOC in one, supervised"

    simulated: bool = flag(
        False,
        "with --stream: simulate events and send them there, which a real stream would not want",
    )

    @property
    def has_simulator(self) -> bool:
        """Whether events are simulated: with a stream only if that is asked for."""
        return self.simulated or not self.stream

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.stream and self.stream_partitions < self.ranks:
            raise StartError(
                f"partitions = {self.partitions}: {self.ranks} ranks need as many, or 0"
            )


@dataclass(frozen=True, kw_only=True)
class TopOptions(PvOptions):
    """Watching a running IOC in the terminal."""

    command = "top"
    summary = "watch a running IOC in the terminal"
    file_only = frozenset({"max_bins", "verbose"})

    interval: float = flag(1.0, "seconds from one look to the next", least=0.1)
    once: bool = flag(False, "print one look and end")
    log: bool = flag(False, "logarithmic counts")


@dataclass(frozen=True, kw_only=True)
class PvsOptions(PvOptions):
    """Printing the list of process variables."""

    command = "pvs"
    summary = "print the list of process variables"
    file_only = frozenset({"verbose"})

    format: str = flag(
        "md",
        "for people, spreadsheets, the Archiver Appliance or the Phoebus alarm server",
        choices=("md", "csv", "archiver", "alarm-server"),
    )


@dataclass(frozen=True, kw_only=True)
class ScreensOptions(Options):
    """Writing the operator screens."""

    command = "screens"
    summary = "write the operator screens that are generated"
    file_only = frozenset({"verbose"})

    folder: str = flag("opi", "folder of the operator screens")


@dataclass(frozen=True, kw_only=True)
class PlotOptions(Options):
    """Drawing a saved result."""

    command = "plot"
    summary = "draw a saved result"
    file_only = frozenset({"verbose"})

    file: str = flag("", "NeXus file of a saved result", positional=True)
    png: str = flag("", "picture to write; empty: next to the file")


@dataclass(frozen=True, kw_only=True)
class InstrumentTableOptions(Options):
    """Showing an instrument, or exporting its table."""

    command = "instrument"
    summary = "show what an instrument is, or export its table"
    file_only = frozenset({"verbose"})

    action: str = flag("show", "what to do", positional=True, choices=("show", "export"))
    source: str = flag(
        "",
        "table (.npz), Mantid definition (.xml), or NeXus file or name that Mantid knows",
        positional=True,
    )
    table: str = flag("", "table (.npz) that export writes", positional=True, optional=True)


COMMANDS: tuple[type[Options], ...] = (
    RunOptions,
    IocOptions,
    RanksOptions,
    SimulateOptions,
    TopOptions,
    PvsOptions,
    ScreensOptions,
    PlotOptions,
    InstrumentTableOptions,
)
"""Every command, in the order of the help."""
