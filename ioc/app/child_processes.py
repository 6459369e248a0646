"""The simulator and the ranks as child processes of the IOC."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ioc.app.child import Child
from ioc.app.idle_watch import IDLE_S, IdleWatch, processor_seconds
from ioc.app.live_server import LiveServer
from ioc.app.python_command import PYTHON
from ioc.app.replay_progress import ReplayWatch
from ioc.app.report_watch import ReportWatch
from ioc.app.server_start import ProcessControl
from ioc.model.paths import Part
from ioc.options.commands import (
    IocOptions,
    RanksOptions,
    ReplayOptions,
    RunOptions,
    SimulateOptions,
)
from ioc.options.host_checks import mpi_launcher
from reduction.control.order_sender import OrderSender

MPIEXEC_FLAGS = (
    *("--allow-run-as-root", "--oversubscribe", "--bind-to", "none"),
    *("--mca", "btl", "self,sm"),
)
"""Ranks share the cores with other processes. So no rank is bound to a core, and all ranks
start even on fewer cores. Ranks talk through shared memory alone, because Open MPI's TCP would
listen on all interfaces.
"""

SHARED_BYTES = 20 << 20
"""Files that Open MPI keeps in memory for each rank: one of 16 MiB, and small ones."""

FIRST_REPORT_S = 20.0
"""The shortest time that a process is given from its start to its first report, in seconds."""

FIRST_REPORT_PATIENCES = 2
"""That time is also at least this many times `ReportWatch.patience_s`."""


WORK_LOOK_S = 2.0
"""How often it is looked whether ranks that start or work on an order take processor time."""

RANKS_LOOK_S = 0.1
"""How often it is looked whether the ranks have reported, before a recording is played."""


@dataclass(frozen=True)
class ProcessOptions:
    """The options of each process of a run, with ZeroMQ endpoints in ``folder``."""

    ioc: IocOptions
    ranks: RanksOptions
    simulate: SimulateOptions
    replay: ReplayOptions
    folder: Path

    @classmethod
    def of(cls, run: RunOptions, folder: Path) -> ProcessOptions:
        """The options of the processes of a run; a recording takes the place of the simulator."""
        meet = {
            "events": "",  # ranks on this host read the event log in its folder
            "control": f"ipc://{folder}/ranks",
            "sim_control": f"ipc://{folder}/simulator" if run.has_simulator else "none",
        }
        partitions = run.stream_partitions
        return cls(
            ioc=run.options_for(IocOptions, **meet),
            ranks=run.options_for(
                RanksOptions,
                partitions=partitions,
                recording=run.replay if run.reads_recording else "",
                **meet,
            ),
            # The simulator gets its settings by orders.
            simulate=run.options_for(SimulateOptions, partitions=partitions, set=(), **meet),
            replay=run.options_for(
                ReplayOptions,
                source=run.replay,
                stay=True,
                progress=str(folder / "replay.json"),
                **meet,
            ),
            folder=folder,
        )

    @property
    def mpi_folder(self) -> Path:
        """Where MPI and Mantid keep temporary files; emptied at every start of the ranks."""
        return self.folder / "mpi"


class ChildProcesses:
    """The ranks and the simulator; a server may kill them, and `Supervision` keeps them running."""

    def __init__(self, options: ProcessOptions) -> None:
        self.simulator = Child("simulator")
        self.replay = Child("replay")
        folder = {"TMPDIR": str(options.mpi_folder)}
        if not Path(os.environ.get("HOME", "/nonexistent")).is_dir():
            folder["HOME"] = str(options.mpi_folder)  # MPI does not start without one
        self.ranks = Child("ranks", folder, offline=not options.ranks.stream)

    @property
    def control(self) -> ProcessControl:
        """What a server may do to the processes."""
        return ProcessControl(self._lost, self._restart)

    def _lost(self, part: Part, reason: str) -> None:
        """Kill a process that has fallen silent; `Supervision` starts it again."""
        (self.ranks if part is Part.RANKS else self.simulator).kill(reason)

    def _restart(self) -> None:
        for child in (self.simulator, self.ranks):
            child.kill("was told to restart")


class Supervision:
    """Keeps both processes of a server running, and tells the server when one has ended."""

    def __init__(
        self, children: ChildProcesses, options: ProcessOptions, server: LiveServer
    ) -> None:
        self._children, self._options, self._server = children, options, server
        self._restarts = 0

    async def run_simulator(self) -> None:
        """Keep the simulator running until cancelled."""

        async def ended(reason: str) -> None:
            await self._ended(Part.SIMULATOR, self._server.connections.simulator, reason)

        watch = self._server.simulator_watch
        await self._children.simulator.run(self._simulate, ended, lambda: watch.heard)

    async def run_replay(self) -> None:
        """Play the recording once, until cancelled; it begins when the ranks have reported.

        It is not started again, for the ranks would count its first pulses twice. If it dies, that
        is told until the end.
        """
        publisher = self._server.publisher
        watch = ReplayWatch(Path(self._options.replay.progress), publisher)
        await watch.begin()
        showing = asyncio.create_task(watch.run())

        async def ended(reason: str) -> None:
            showing.cancel()
            why = ": ".join(filter(None, (reason, watch.why_failed)))
            words = f"{why}; it is not played again, what was played stays"
            await publisher.disconnected(Part.SIMULATOR, words)

        while self._server.ranks_watch.latest is None:
            await asyncio.sleep(RANKS_LOOK_S)
        program = (*PYTHON, "-m", "ioc", *self._options.replay.arguments())
        try:
            await self._children.replay.run_once(program, ended)
        finally:
            showing.cancel()

    async def run_ranks(self) -> None:
        """Keep the ranks running until cancelled."""

        async def ended(reason: str) -> None:
            await self._ended(Part.RANKS, self._server.connections.ranks, reason)

        watch = self._server.ranks_watch
        await self._children.ranks.run(self._reduce, ended, lambda: watch.heard)

    async def watch_work(self) -> None:
        """Kill ranks that hang in their start or in an order, until cancelled."""
        idle = IdleWatch()
        while True:
            await asyncio.sleep(WORK_LOOK_S)
            if not self._server.ranks_watch.works:
                idle.forget()
            elif idle.idle(processor_seconds(self._children.ranks.family)):
                self._children.ranks.kill(f"took no processor time for {IDLE_S:g} s")
                idle.forget()

    def _reduce(self) -> Sequence[str]:
        """The command line that starts the ranks."""
        _expect(self._server.ranks_watch)
        # MPI and Mantid leave files here when they are killed.
        folder = self._options.mpi_folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        shared = ("--mca", "btl_sm_backing_directory", str(folder))
        ranks = self._options.ranks
        program = (*PYTHON, "-m", "ioc", *ranks.arguments())
        return (mpi_launcher(), *MPIEXEC_FLAGS, *shared, "-n", str(ranks.ranks), *program)

    def _simulate(self) -> Sequence[str]:
        """The command line that starts the simulator."""
        _expect(self._server.simulator_watch)
        options = replace(self._options.simulate, first_pulse=self._next_pulse())
        return (*PYTHON, "-m", "ioc", *options.arguments())

    def _next_pulse(self) -> int:
        """The number of the pulse that a restarted simulator begins with.

        It skips the pulses that fell into the time without a simulator. So they are missing, as
        with a real source, and no number is used twice.
        """
        watch = self._server.simulator_watch
        if watch.latest is None:
            return self._options.simulate.first_pulse
        settings = self._server.orders.simulator.accepted.settings
        silent_s = 0.0 if settings.pause else watch.silent_s
        return watch.latest.status.pulse + 2 + math.ceil(silent_s * settings.pulse_rate)

    async def _ended(self, part: Part, end: OrderSender[Any, Any], reason: str) -> None:
        end.forget()
        self._restarts += 1
        await self._server.publisher.disconnected(part, reason)
        await self._server.publisher.restarted(part, self._restarts)


def _expect(watch: ReportWatch[Any]) -> None:
    watch.process_starts(max(FIRST_REPORT_S, FIRST_REPORT_PATIENCES * watch.patience_s))
