"""The parts put together: the IOC alone, or with the simulator and the ranks under its wing."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
import math
import shutil
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ioc.app.live_server import LiveServer, ServerStart
from ioc.app.supervisor import Child
from ioc.model.paths import Part
from ioc.options import StartError, Startup, check_engine, check_interfaces, pva_served
from ioc.pva.addresses import Addresses
from ioc.security import acf
from ioc.security.rules import EVERYBODY, NOBODY, Rules
from ioc.settings.autosave import ForeignFile, read, set_aside
from ioc.settings.initial import AllOrders, Fits, first_orders, restored
from reduction.engines.recipe import recipe
from reduction.host.runtime_folder import own_folder
from reduction.instrument.geometry import Instrument
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.references import LoadedReferences
from simulator.orders import SimulatorReport

log = logging.getLogger(__name__)

MPIEXEC = (
    "mpiexec",
    *("--allow-run-as-root", "--oversubscribe", "--bind-to", "none"),
    *("--mca", "btl", "self,sm"),
)
"""Ranks share the cores with the other processes: none may be bound to one, and all must start.

They talk through shared memory alone: Open MPI's TCP would listen on all interfaces.
"""

STARTING_S, PATIENCES = 20.0, 2
"""Time a process has from its start to its first report, and how often it has at least what it has
from one report to the next."""


def server_start(start: Startup, instrument: Instrument) -> ServerStart:
    """How to serve; raises `ioc.options.StartError` for settings that are refused.

    Revisions count on from the clock, so that ranks and a simulator that have outlived an IOC never
    take its orders for those of the next.
    """
    check_interfaces(start)
    ranks, simulator, ioc = _first_orders(start, instrument)
    revision = time.time_ns() // 1_000_000
    interfaces = tuple(word.strip() for word in start.interfaces.split(","))
    return ServerStart(
        prefix=start.prefix,
        interfaces=interfaces,
        port=start.port or None,
        pva=Addresses(interfaces, start.pva_port or None) if pva_served(start) else None,
        ranks_endpoint=start.control,
        simulator_endpoint=start.sim_control,
        ranks=replace(ranks, revision=revision),
        simulator=replace(simulator, revision=revision),
        ioc=ioc,
        rules=_rules(start),
        autosave=Path(start.autosave).resolve() if start.autosave else None,
        instrument=instrument,
        array_rate=start.array_rate,
        ranks_silence_s=start.ranks_silence,
        simulator_silence_s=start.silence,
    )


def _rules(start: Startup) -> Rules:
    if start.read_only:
        return NOBODY
    return acf.read(Path(start.access)) if start.access else EVERYBODY


def _first_orders(start: Startup, instrument: Instrument) -> AllOrders:
    orders, fits = first_orders(start, instrument.bank_names), _fits(instrument)
    try:
        fits(orders)
    except Refused as refused:
        raise StartError(str(refused)) from None
    return _restored(start, Path(start.autosave), fits, orders) if start.autosave else orders


def _fits(instrument: Instrument) -> Fits:
    @functools.cache  # a calibration of a million detectors takes seconds to read
    def fit(counted: ReductionSettings) -> None:
        recipe(counted, instrument)

    def fits(orders: AllOrders) -> None:
        for each in orders.ranks.reductions:
            fit(each.settings.counted)
            LoadedReferences.for_settings(each.settings)

    return fits


def _restored(start: Startup, path: Path, fits: Fits, first: AllOrders) -> AllOrders:
    """The first orders with what is kept at ``path``; says what that is, and what it is not."""
    try:
        saved = read(path, start.prefix)
    except ForeignFile as foreign:
        log.warning("%s is set aside as %s, all is default: %s", path, set_aside(path), foreign)
        return first
    result = restored(start, saved, fits, first.ranks.reductions[0].settings.detectors.banks)
    if result.skipped:
        log.warning("%s has what is not restored; it is kept as %s", path, set_aside(path))
    for skipped in result.skipped:
        log.warning("not restored: %s", skipped)
    print(f"{len(result.names)} settings are restored from {path}", flush=True)
    for name, value in result.changed.items():
        print(f"{name} = {value}", flush=True)
    return result.orders


async def serve_alone(start: Startup, instrument: Instrument) -> None:
    """The IOC alone: ranks and simulator are started by someone else and come when they come."""
    server = LiveServer(server_start(start, instrument), on_lost=lambda _: None)
    await _until_stopped([server.run])


async def run_all(start: Startup, instrument: Instrument, greeting: str) -> None:
    """Everything: starts simulator, ranks and IOC, and leaves no process behind."""
    start.check_run()
    check_engine(start)
    if not np.isfinite(instrument.difc_us_per_angstrom).any():
        raise StartError(f"instrument = {start.instrument!r}: no detectors beside the beam")
    with own_folder() as folder:
        here = replace(
            start,
            partitions=start.stream_partitions,
            events=f"ipc://{folder}/events",
            control=f"ipc://{folder}/ranks",
            sim_control=f"ipc://{folder}/simulator",
        )
        wing = ChildProcesses(here, folder)
        server = LiveServer(server_start(here, instrument), wing.lost, wing.restart)
        wing.server = server
        print(greeting, flush=True)
        await _until_stopped([server.run, *(child.run for child in wing.children.values())])


class ChildProcesses:
    """The processes that the IOC keeps running; ``server`` is given before they start."""

    server: LiveServer

    def __init__(self, start: Startup, folder: Path) -> None:
        self._start = start
        self._restarts = 0
        self._ranks_folder = folder / "mpi"
        self.children = {
            Part.SIMULATOR: Child("simulator", self._simulate, self._simulator_ended, {}),
            Part.RANKS: Child(
                "ranks", self._ranks, self._ranks_ended, {"TMPDIR": str(self._ranks_folder)}
            ),
        }

    def lost(self, part: Part) -> None:
        """A process has fallen silent: it is killed, and so started again."""
        self.children[part].kill(f"gave no sign for {self.server.lines[part].patience_s:g} s")

    def restart(self) -> None:
        """End both processes, which are then started again."""
        for child in self.children.values():
            child.kill("was told to restart")

    def _ranks(self) -> Sequence[str]:
        self._expect(Part.RANKS)
        # What MPI and Mantid leave behind when they are killed goes with this folder.
        shutil.rmtree(self._ranks_folder, ignore_errors=True)
        self._ranks_folder.mkdir(exist_ok=True)
        shared = ("--mca", "btl_sm_backing_directory", str(self._ranks_folder))
        program = (sys.executable, "-m", "ioc", "ranks", *self._start.arguments("ranks"))
        return (*MPIEXEC, *shared, "-n", str(self._start.ranks), *program)

    def _simulate(self) -> Sequence[str]:
        self._expect(Part.SIMULATOR)
        begin = replace(self._start, set=(), first_pulse=self._next_pulse())
        return (sys.executable, "-m", "ioc", "simulate", *begin.arguments("simulate"))

    def _expect(self, part: Part) -> None:
        line = self.server.lines[part]
        line.expect(max(STARTING_S, PATIENCES * line.patience_s))

    def _next_pulse(self) -> int:
        """The number to go on with.

        As with a real source, whose pulses go on whoever records them, those that a dead simulator
        did not make are missing, and no number is used twice.
        """
        line = self.server.lines[Part.SIMULATOR]
        if line.latest is None:
            return self._start.first_pulse
        settings = self.server.desk.simulator.accepted.settings
        silent_s = 0.0 if settings.pause else line.silent_s
        report: SimulatorReport = line.latest
        return report.status.pulse + 2 + math.ceil(silent_s * settings.pulse_rate)

    async def _ranks_ended(self, reason: str) -> None:
        self.server.ranks_end.forget()
        await self._ended(Part.RANKS, reason)

    async def _simulator_ended(self, reason: str) -> None:
        self.server.simulator_end.forget()
        await self._ended(Part.SIMULATOR, reason)

    async def _ended(self, part: Part, reason: str) -> None:
        self._restarts += 1
        await self.server.publisher.disconnected(part, reason)
        await self.server.publisher.restarted(part, self._restarts)


def _result(task: asyncio.Task[Any]) -> None:
    """Raise what ended a task; of a group the first, which brought the others down."""
    try:
        task.result()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _until_stopped(works: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Run coroutines until SIGINT, SIGTERM or SIGHUP, or until one fails; then end all."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    gc.freeze()  # what is here stays; to look through it for garbage would take 0.1 s, now and then
    tasks = [asyncio.create_task(work()) for work in works]
    waiter = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiter, *tasks):
            task.cancel()
        await asyncio.gather(waiter, *tasks, return_exceptions=True)
    for task in done:
        with contextlib.suppress(asyncio.CancelledError):
            _result(task)
