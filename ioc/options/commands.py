"""The commands of ``live-reduction``: a frozen dataclass for each, whose fields are its options.

Options of several commands are declared once, in `ioc.options.shared_options`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ioc.options.flags import Options, flag
from ioc.options.page_options import PageOptions
from ioc.options.program import StartError
from ioc.options.shared_options import (
    EndpointOptions,
    EngineOptions,
    EventLogOptions,
    LogFolderOptions,
    PlayOptions,
    PvOptions,
    ServerOptions,
    SettingOptions,
    SimulatorOptions,
    StreamOptions,
)


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

    recording: str = flag(
        "", "recording to reduce in place of a stream: the folder of an event log, or a NeXus file"
    )


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
class ReplayOptions(PlayOptions, EndpointOptions, EventLogOptions, StreamOptions, PvOptions):
    """Playing a recording in place of a source."""

    command = "replay"
    summary = "play a recording into an event log or to Kafka, in place of a source"
    file_only = frozenset(
        {"ranks", "instrument", "control", "sim_control", "reductions", "max_bins"}
    )

    source: str = flag("", "recording: folder of an event log, or NeXus file", positional=True)
    stay: bool = flag(False, "at the end, stay until stopped; so it is if the log is served")
    progress: str = flag(
        "", "file in which it is told several times a second how far it is; run shows that on PVs"
    )


@dataclass(frozen=True, kw_only=True)
class RecordOptions(EndpointOptions, EventLogOptions, StreamOptions):
    """Recording a stream."""

    command = "record"
    summary = "record a stream: --log-folder or --stream, or else what is served at --events"
    file_only = frozenset({"ranks", "instrument", "control", "sim_control", "dialect", "monitor"})

    folder: str = flag("", "folder of the event log to write", positional=True)
    begin: str = flag("now", "where to begin in the stream", choices=("now", "start"))
    seconds: float = flag(0.0, "seconds after which recording ends; 0: when stopped", least=0)
    pulses: int = flag(0, "pulses after which recording ends; 0: when stopped", least=0)


@dataclass(frozen=True, kw_only=True)
class RunOptions(
    PlayOptions, SimulatorOptions, EventLogOptions, StreamOptions, ServerOptions, PageOptions
):
    """Simulator, ranks and IOC in one."""

    command = "run"
    summary = "simulator, ranks and IOC in one, supervised"

    replay: str = flag(
        "", "recording to play in place of the simulator: folder of an event log, or NeXus file"
    )

    simulated: bool = flag(
        False,
        "with --stream: simulate events and send them there, which a real stream would not want",
    )

    no_web: bool = flag(False, "no web page")

    @property
    def has_simulator(self) -> bool:
        """Whether events are simulated: with a stream only if that is asked for."""
        return self.simulated or not (self.stream or self.replay)

    @property
    def reads_recording(self) -> bool:
        """Whether ranks read a recording themselves, as fast as they can."""
        return bool(self.replay) and self.plays_fastest

    @property
    def plays_recording(self) -> bool:
        """Whether a recording is played into the event log."""
        return bool(self.replay) and not self.plays_fastest

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.replay and (self.stream or self.simulated):
            other = "stream" if self.stream else "simulated"
            raise StartError(f"replay and {other}: only one of them")
        if not self.stream and self.stream_partitions < self.ranks:
            raise StartError(
                f"partitions = {self.partitions}: {self.ranks} ranks need as many, or 0"
            )


@dataclass(frozen=True, kw_only=True)
class WebOptions(PageOptions, PvOptions):
    """The web page of a running IOC."""

    command = "web"
    summary = "the web page of a running IOC, for browsers"
    file_only = frozenset({"max_bins"})


@dataclass(frozen=True, kw_only=True)
class TopOptions(PvOptions):
    """Watching a running IOC in the terminal."""

    command = "top"
    summary = "watch a running IOC in the terminal"
    file_only = frozenset({"max_bins", "verbose"})

    interval: float = flag(1.0, "seconds from one look to the next", least=0.1)
    once: bool = flag(False, "print one look and end")
    log: bool = flag(False, "logarithmic counts")
    image: bool = flag(False, "show the detector image, too, which is made meanwhile")


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
        "table (.npz), Mantid definition (.xml), or NeXus file or name that Mantid knows; without"
        " one: the simulated powder arc",
        positional=True,
        optional=True,
    )
    table: str = flag("", "table (.npz) that export writes", positional=True, optional=True)
    logs: str = flag("", "values of logs that parts of a definition follow, as 'arm=0.25,detz=3'")


COMMANDS: tuple[type[Options], ...] = (
    RunOptions,
    IocOptions,
    RanksOptions,
    SimulateOptions,
    RecordOptions,
    ReplayOptions,
    WebOptions,
    TopOptions,
    PvsOptions,
    ScreensOptions,
    PlotOptions,
    InstrumentTableOptions,
)
"""Every command, in the order of the help."""
