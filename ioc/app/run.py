"""Starts the IOC with simulator and ranks as its child processes: first these, then the IOC.

The modules of the server are imported when the other processes have been started, since they take
as long to import as those take to start.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ioc.app.processes.child_processes import SHARED_BYTES, ChildProcesses, ProcessOptions
from ioc.options.commands import RunOptions
from ioc.options.event_log import with_event_log
from ioc.options.host_checks import check_engine, mpi_launcher
from ioc.options.program import StartError
from ioc.options.tables.stream_table import kafka_stream
from reduction.event_log.folder import check_log, delete_log
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
    mpi_launcher()
    if not np.isfinite(instrument.difc_us_per_angstrom).any():
        raise StartError(f"instrument = {run.instrument!r}: no detector is outside the beam")
    kafka = kafka_stream(run.stream, run.dialect)
    for path in kafka.server.open_secrets if kafka else ():
        log.warning("every user of this host can read the secret in %s: chmod o-r %s", path, path)
    if run.plays_recording and not given.log_folder:
        delete_log(Path(run.log_folder))  # so that no value of a log of another recording is left
    if not (run.stream or run.reads_recording):
        check_log(Path(run.log_folder), run.stream_partitions, int(run.log_limit), PATIENCE_S)
    with own_folder(needed_bytes=run.ranks * SHARED_BYTES) as folder:
        options = ProcessOptions.of(run, folder)
        children = ChildProcesses(options)
        with children.begun(signals, simulator=run.has_simulator and not run.plays_recording):
            # An exception while an extension module is loaded would abort this process.
            with signals.held():
                from ioc.app.run_server import serve_run

            await serve_run(run, options, children, instrument, signals)


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
