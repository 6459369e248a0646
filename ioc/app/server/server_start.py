"""What a server is started with, made from the options of the command ``ioc``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ioc.app.server.starting_orders import KeptRun, kept_run, starting_orders
from ioc.ca.database import MAX_NAME
from ioc.model.ioc_order import IocOrder
from ioc.model.paths import Part
from ioc.options.commands import IocOptions
from ioc.options.event_log import autosave_path, run_state_path
from ioc.options.host_checks import check_interfaces, file_folders, pva_served
from ioc.options.keys import key_of
from ioc.options.program import StartError
from ioc.options.shared_options import ServerOptions, split_addresses
from ioc.options.tables.publish_table import result_topic
from ioc.pva.addresses import Addresses
from ioc.security import acf
from ioc.security.rules import EVERYBODY, NOBODY, Rules
from ioc.settings.initial import unprefixed_rows
from ioc.settings.run_state_file import RunStateOwner
from reduction.control.orders import RanksOrder
from reduction.control.run_state import RunState
from reduction.control.transitions import resumed
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.host.network.key_file import Key
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.kafka.servers import ResultTopic
from simulator.orders import SimulatorOrder

NO_SIMULATOR = "inproc://no-simulator"
"""The endpoint of the simulator for an IOC that runs without one: no process can reach it."""


@dataclass(frozen=True)
class ServerStart:
    """What a server is started with.

    ``port`` None is EPICS_CA_SERVER_PORT, or else 5064; ``pva`` None is no pvAccess. The orders
    hold the first settings; ``autosave`` is the file that keeps later ones, or None. ``run`` is the
    accumulation that goes on, or None, and ``run_state`` the file that keeps it, or None.
    ``publish`` is the Kafka topic that gets the results, or None. With ``recorded_times``, pulses
    are of the past, and results are no older for it. Ranks and simulator need the ``key`` if there
    is one. Results may be saved in the folders ``files``. ``changes`` are sentences about what is
    not as it was when settings were saved.
    """

    prefix: str = "LIVE:"
    interfaces: tuple[str, ...] = ("127.0.0.1",)
    port: int | None = None
    pva: Addresses | None = None
    run_state: Path | None = None
    run: RunState | None = None
    ranks_endpoint: str = "tcp://127.0.0.1:*"
    simulator_endpoint: str = "tcp://127.0.0.1:*"
    ranks: RanksOrder = field(default_factory=RanksOrder)
    simulator: SimulatorOrder = field(default_factory=SimulatorOrder)
    ioc: IocOrder = field(default_factory=IocOrder)
    autosave: Path | None = None
    rules: Rules = EVERYBODY
    instrument: Instrument = field(default_factory=powder_arc)
    array_rate: float = 5.0
    ranks_silence_s: float = 2.0
    simulator_silence_s: float = 2.0
    obey_timeout_s: float = 30.0
    publish: ResultTopic | None = None
    recorded_times: bool = False
    key: Key | None = None
    files: AllowedFolders = field(default_factory=lambda: AllowedFolders.of(()))
    changes: tuple[str, ...] = ()

    @property
    def max_bins(self) -> int:
        """Most bins of a spectrum."""
        return self.ranks.reductions[0].settings.max_bins

    @property
    def pv_logs(self) -> Path | None:
        """The file that keeps values of process variables that slice, next to the run state."""
        path = self.run_state
        return None if path is None else path.with_name(f"{path.name}.pv-logs")

    @property
    def has_simulator(self) -> bool:
        """Whether a simulator can connect; it cannot with the option ``sim_control = "none"``."""
        return self.simulator_endpoint != NO_SIMULATOR


def _let_be(_part: Part, _reason: str) -> None:
    """Does nothing: whoever started the silent process restarts it."""


@dataclass(frozen=True)
class ProcessControl:
    """What a server may do to ranks and simulator; by default nothing.

    ``lost`` is called with the reason when a process that reported stays silent; ``restart`` ends
    both processes, which are then started again, or is None if they cannot be restarted from here.
    """

    lost: Callable[[Part, str], None] = _let_be
    restart: Callable[[], None] | None = None


def server_start(options: IocOptions, instrument: Instrument, partitions: int = 0) -> ServerStart:
    """How to serve; raises `ioc.options.program.StartError` for settings that are refused.

    The stream has so many ``partitions``; 0: this is not known.

    The first revision is the time in ms. So orders of this IOC have higher revisions than those of
    an earlier IOC, which ranks and simulator may still obey.
    """
    check_interfaces(options)
    _check_names(options)
    files = file_folders(options)
    starting = starting_orders(options, instrument, files)
    orders = starting.orders
    run_state = run_state_path(options)
    owner = RunStateOwner.of(options.prefix, instrument, partitions)
    kept = kept_run(run_state, owner) if run_state else KeptRun(None)
    revision = time.time_ns() // 1_000_000
    return ServerStart(
        prefix=options.prefix,
        interfaces=split_addresses(options.interfaces),
        port=options.port or None,
        pva=_pva_addresses(options),
        ranks_endpoint=options.control,
        simulator_endpoint=NO_SIMULATOR if options.sim_control == "none" else options.sim_control,
        run_state=run_state,
        run=kept.run,
        ranks=replace(resumed(orders.ranks, kept.run), revision=revision, pulses_revision=revision),
        simulator=replace(orders.simulator, revision=revision),
        ioc=orders.ioc,
        files=files,
        changes=(*starting.changes, *kept.changes),
        rules=_rules(options),
        autosave=autosave.resolve() if (autosave := autosave_path(options)) else None,
        instrument=instrument,
        publish=result_topic(options.publish, options.publish_spectra),
        key=key_of(options, options.control, options.sim_control, makes=True),
        array_rate=options.array_rate,
        ranks_silence_s=options.ranks_silence,
        simulator_silence_s=options.silence,
    )


def _pva_addresses(options: IocOptions) -> Addresses | None:
    """Where to serve on pvAccess; None: nowhere."""
    if not pva_served(options):
        return None
    return Addresses(split_addresses(options.interfaces), options.pva_port or None)


def _check_names(options: IocOptions) -> None:
    """Raise `StartError` for a prefix with which a name would be too long for EPICS."""
    longest = max((row.name for row in unprefixed_rows(options.reductions)), key=len)
    most = MAX_NAME - len(longest)
    if len(options.prefix) > most:
        why = f"names are at most {MAX_NAME} characters, and one of them ends in {longest}"
        raise StartError(f"prefix = {options.prefix!r}: longer than {most} characters: {why}")


def _rules(options: ServerOptions) -> Rules:
    macros = options.access_macros
    if macros and not options.access:
        raise StartError(f"access_macros = {macros}: there is no access file, see --access")
    rules = acf.load_rules(Path(options.access), macros) if options.access else EVERYBODY
    return NOBODY if options.read_only else rules
