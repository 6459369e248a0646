"""Starts the IOC with simulator and ranks as its child processes: first these, then the IOC.

The modules of the server are imported when the other processes have been started, since they take
as long to import as those take to start.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ioc.app.greeting import USUAL_PORTS
from ioc.app.processes.child_processes import SHARED_BYTES, ChildProcesses, ProcessOptions
from ioc.options.commands import RunOptions
from ioc.options.event_log import with_event_log
from ioc.options.host_checks import check_engine, mpi_launcher
from ioc.options.program import StartError
from ioc.options.tables.stream_table import kafka_stream
from reduction.event_log.folder import check_log, delete_log
from reduction.event_log.protocol import LogTaken
from reduction.host.file_system.runtime_folder import own_folder
from reduction.host.stop import StopSignals
from reduction.instrument.geometry import Instrument

log = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""How long a simulator of a run that was killed may take to end."""


async def run_all(given: RunOptions, instrument: Instrument, signals: StopSignals) -> None:
    """Run simulator, ranks and IOC until stopped; leaves no process behind."""
    run = with_event_log(_with_recording(given))
    check_engine(run)
    _check_ports(run, os.environ)
    mpi_launcher()
    if not np.isfinite(instrument.difc_us_per_angstrom).any():
        raise StartError(f"instrument = {run.instrument!r}: no detector is outside the beam")
    kafka = kafka_stream(run.stream, run.dialect)
    for path in kafka.server.open_secrets if kafka else ():
        log.warning("every user of this host can read the secret in %s: chmod o-r %s", path, path)
    if run.plays_recording and not given.log_folder:
        delete_log(Path(run.log_folder))  # so that no value of a log of another recording is left
    if not (run.stream or run.reads_recording):
        _check_log(run)
    with own_folder(needed_bytes=run.ranks * SHARED_BYTES) as folder:
        options = ProcessOptions.of(run, folder)
        children = ChildProcesses(options)
        with children.begun(signals, simulator=run.has_simulator and not run.plays_recording):
            # An exception while an extension module is loaded would abort this process.
            with signals.held():
                from ioc.app.run_server import serve_run

            await serve_run(run, options, children, instrument, signals)


def _check_ports(run: RunOptions, environment: Mapping[str, str]) -> None:
    """Raise `StartError` if the web page is to have the port of Channel Access."""
    name = "EPICS_CA_SERVER_PORT"
    port = run.port or int(environment.get(name) or USUAL_PORTS[name])
    if run.web_port == port and not run.no_web:
        raise StartError(f"web_port = {port}: Channel Access has this port; give another")


def _check_log(run: RunOptions) -> None:
    """Raise OSError if the simulator cannot write to the event log."""
    try:
        check_log(Path(run.log_folder), run.stream_partitions, int(run.log_limit), PATIENCE_S)
    except LogTaken as taken:
        hint = f"does a run with the prefix {run.prefix} go on? A second one needs another --prefix"
        raise StartError(f"{taken.strerror}; {hint}, and --port") from None


def _with_recording(given: RunOptions) -> RunOptions:
    """The options with what follows from the recording that is played, if one is."""
    if not given.replay:
        return given
    from ioc.app.recording_commands import check_differ, with_recording  # it reads NeXus

    run = with_recording(given)
    if run.plays_recording:
        folder = with_event_log(run).log_folder
        check_differ(Path(run.replay).expanduser(), folder)
    return run
