"""What each command does; reads flags and files before.

Each command imports its modules when it starts, so that a rank does not load the servers.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ioc.app.compiled_code import compiled_code_kept
from ioc.options.command_line import parse
from ioc.options.commands import (
    InstrumentTableOptions,
    IocOptions,
    PlotOptions,
    PvsOptions,
    RanksOptions,
    RecordOptions,
    ReplayOptions,
    RunOptions,
    ScreensOptions,
    SimulateOptions,
    TopOptions,
    WebOptions,
)
from ioc.options.flags import Options
from ioc.options.host_checks import check_epics_variables
from ioc.options.program import StartError
from ioc.options.shared_options import InstrumentOptions
from ioc.process.output import LogOutput
from ioc.process.python_command import PYTHON, python_environment
from ioc.process.start import failures_told, prepare, prepare_server
from reduction.host.memory.garbage import unsearched_start
from reduction.host.stop import StopSignals

if TYPE_CHECKING:
    from reduction.instrument.geometry import Instrument
    from simulator.parameters import SimulatorSettings

SERVING = RunOptions | IocOptions | RanksOptions | SimulateOptions | RecordOptions | ReplayOptions
"""The options of commands that run until they are stopped."""


def execute(arguments: Sequence[str] | None) -> None:
    """Do what a command says, None: that of this process.

    Exits with 2 and one clear line if what is asked cannot be done.
    """
    with failures_told():
        options = parse(sys.argv[1:] if arguments is None else arguments)
        match options:
            case WebOptions():
                _become_page(options)
            case _ if arguments is not None:
                prepare(options, None)
            case _ if isinstance(options, SERVING):
                prepare_server(options)
            case _:
                prepare(options, LogOutput())
        with compiled_code_kept():
            _start(options)


def _become_page(options: WebOptions) -> NoReturn:
    """Go on as the process of the page, a client that nothing of the IOC is loaded in."""
    command = (*PYTHON, "-m", "web", *options.arguments())
    os.execve(sys.executable, command, python_environment(os.environ))


def _start(options: Options) -> None:
    match options:
        case RunOptions():
            _run(options)
        case IocOptions():
            _serve(options)
        case RanksOptions():
            _reduce(options)
        case SimulateOptions():
            _simulate(options)
        case RecordOptions():
            _record(options)
        case ReplayOptions():
            _replay(options)
        case TopOptions():
            _top(options)
        case PvsOptions():
            _print_pvs(options)
        case ScreensOptions():
            _write_screens(options)
        case PlotOptions():
            _plot(options)
        case InstrumentTableOptions():
            _show_instrument(options)


@unsearched_start()
def _run(options: RunOptions) -> None:
    import asyncio

    from ioc.ca.caproto_loading import import_caproto

    import_caproto()
    from ioc.app.run import run_all

    check_epics_variables(os.environ)
    signals = StopSignals()
    with signals.heeded():
        asyncio.run(run_all(options, _instrument(options), signals))


@unsearched_start()
def _serve(options: IocOptions) -> None:
    import asyncio

    from ioc.ca.caproto_loading import import_caproto

    import_caproto()
    from ioc.app.run_server import serve_alone

    check_epics_variables(os.environ)
    signals = StopSignals()
    with signals.heeded():
        asyncio.run(serve_alone(options, _instrument(options), signals))


@unsearched_start()
def _reduce(options: RanksOptions) -> None:
    from ioc.options.host_checks import launched_ranks
    from ioc.options.keys import key_of
    from ioc.options.tables.stream_table import kafka_stream
    from reduction.host.kernel_loading import import_numba
    from reduction.host.mpi_leftovers import single_rank_folder
    from reduction.host.stop import keep_sighup_from_ucx

    import_numba()
    from reduction.ranks.process import RanksStart, reduce
    from reduction.stream.dialect import Dialect, StreamFormat

    kafka = kafka_stream(options.stream, options.dialect)
    dialect = kafka.dialect if kafka else Dialect(options.dialect)
    recording = None
    if options.recording:
        from reduction.recordings.open_recording import open_recording  # it imports h5py

        given = options.stream_partitions, options.monitor_ids
        recording = open_recording(Path(options.recording).expanduser(), *given)
    start = RanksStart(
        events=options.events,
        partitions=recording.partitions if recording else options.stream_partitions,
        control=options.control,
        log_folder=options.log_folder,
        engine=options.engine,
        instrument=_instrument(options),
        tick_rate_hz=options.tick_rate,
        publish_rate_hz=options.array_rate,
        stream_format=StreamFormat(dialect, options.monitor_ids),
        kafka=kafka,
        recording=recording,
        launched=launched_ranks(),
        key=key_of(options, options.control, options.events),
    )
    keep_sighup_from_ucx(os.environ)
    with single_rank_folder(os.environ):
        reduce(start)


@unsearched_start()
def _simulate(given: SimulateOptions) -> None:
    from ioc.options.event_log import with_event_log
    from ioc.options.keys import key_of
    from ioc.options.tables.stream_table import kafka_stream
    from reduction.host.kernel_loading import import_numba
    from reduction.stream.dialect import Dialect

    import_numba()
    from simulator.output.event_output import EventLogStart
    from simulator.output.habits import habits_of
    from simulator.stream import SimulateStart, simulate

    kafka = kafka_stream(given.stream, given.dialect)
    dialect = kafka.dialect if kafka else Dialect(given.dialect)
    if given.habits and dialect is not Dialect.PLAIN:
        raise StartError(f"habits = {given.habits!r}: only with dialect = plain")
    options = with_event_log(given)
    alone = options.sim_control == "none"
    key = key_of(options, "" if alone else options.sim_control, options.events)
    log = Path(options.log_folder), int(options.log_limit)
    simulate(
        SimulateStart(
            log=EventLogStart(*log, options.events, key=key),
            partitions=options.stream_partitions,
            control=None if alone else options.sim_control,
            seed=options.seed,
            first_pulse=options.first_pulse,
            dialect=dialect,
            habits=habits_of(options.habits),
            kafka=kafka,
            key=key,
            settings=_simulator_settings(options),
            instrument=_instrument(options),
        )
    )
    gc.freeze()  # so that the end of the interpreter does not search numba's objects


def _simulator_settings(options: SimulateOptions) -> SimulatorSettings:
    """The first settings, changed by ``--set``; a simulator of an IOC gets later ones by orders."""
    from simulator.parameters import SimulatorSettings

    if not options.set:
        return SimulatorSettings()
    from ioc.settings.initial import first_orders  # it makes a table of all process variables

    return first_orders(options).simulator.settings


def _record(options: RecordOptions) -> None:
    from ioc.app.recording_commands import record_stream

    record_stream(options)


def _replay(options: ReplayOptions) -> None:
    from ioc.app.recording_commands import replay_recording

    replay_recording(options)


def _top(options: TopOptions) -> None:
    try:
        from ioc.top.display import TopStart, top
    except ImportError:
        raise StartError("top needs rich: pip install 'epics-live-reduction[top]'") from None

    seen = top(
        TopStart(
            options.prefix,
            options.reductions,
            options.interval,
            options.once,
            options.log,
            options.image,
        )
    )
    if options.once and not seen:
        raise SystemExit(1)


def _print_pvs(options: PvsOptions) -> None:
    from ioc.generated.exports import FORMATS

    print(FORMATS[options.format](options.prefix, options.reductions), end="")


def _write_screens(options: ScreensOptions) -> None:
    from ioc.generated.screens import write_screens

    write_screens(Path(options.folder))


def _plot(options: PlotOptions) -> None:
    try:
        from reduction.files.plot import plot
    except ImportError:
        raise StartError(
            "plot needs matplotlib: pip install 'epics-live-reduction[plot]'"
        ) from None
    from reduction.files.nexus_reader import read_nexus

    picture = Path(options.png) if options.png else Path(options.file).with_suffix(".png")
    try:
        plot(read_nexus(Path(options.file)), picture)
    except FileExistsError:
        raise StartError(
            f"{picture} is there already, and plot has not drawn it: choose another --png"
        ) from None
    except ValueError as error:
        raise StartError(str(error)) from None
    print(picture)


def _show_instrument(options: InstrumentTableOptions) -> None:
    from reduction.definitions.sources import log_values, read_any_instrument, summary

    if (options.action == "export") != options.table.endswith(".npz"):
        raise StartError("instrument show SOURCE, or instrument export SOURCE TABLE.npz")
    try:
        found = read_any_instrument(options.source, log_values(options.logs))
    except ValueError as error:
        raise StartError(str(error)) from None
    if not options.table:
        print(summary(found))
        return
    try:
        found.save(Path(options.table))
    except OSError as error:
        raise StartError(f"{options.table}: {error.strerror}") from None
    print(options.table)


def _instrument(options: InstrumentOptions) -> Instrument:
    from reduction.definitions.sources import read_instrument

    try:
        return read_instrument(options.instrument)
    except ValueError as error:
        raise StartError(str(error)) from None
