"""The simulator and the ranks as child processes of the IOC.

It is imported, and they are started, before what the server needs: its import takes as long as
theirs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ioc.app.processes.child import Child
from ioc.model.paths import Part
from ioc.options.commands import (
    IocOptions,
    RanksOptions,
    ReplayOptions,
    RunOptions,
    SimulateOptions,
)
from ioc.options.host_checks import mpi_launcher
from ioc.process.python_command import PYTHON
from reduction.host.stop import StopSignals

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

    def ranks_command(self) -> Sequence[str]:
        """The command line that starts the ranks."""
        shared = ("--mca", "btl_sm_backing_directory", str(self.mpi_folder))
        program = (*PYTHON, "-m", "ioc", *self.ranks.arguments())
        return (mpi_launcher(), *MPIEXEC_FLAGS, *shared, "-n", str(self.ranks.ranks), *program)

    def simulate_command(self, first_pulse: int) -> Sequence[str]:
        """The command line that starts the simulator, whose pulses count from ``first_pulse``."""
        options = replace(self.simulate, first_pulse=first_pulse)
        return (*PYTHON, "-m", "ioc", *options.arguments())

    def empty_mpi_folder(self) -> None:
        """Make `mpi_folder`, without what killed ranks have left there."""
        shutil.rmtree(self.mpi_folder, ignore_errors=True)
        self.mpi_folder.mkdir(exist_ok=True)


def mpi_folders(folder: Path, home: str) -> dict[str, str]:
    """The environment of ranks whose MPI keeps its files in ``folder``.

    MPI does not start without a home. A service may have no variable for it, or one without folder.
    """
    folders = {"TMPDIR": str(folder)}
    return folders if home and Path(home).is_dir() else {**folders, "HOME": str(folder)}


class ChildProcesses:
    """The ranks and the simulator; a server may kill them, and supervision keeps them running."""

    def __init__(self, options: ProcessOptions) -> None:
        self._options = options
        self.simulator = Child("simulator")
        self.replay = Child("replay")
        folders = mpi_folders(options.mpi_folder, os.environ.get("HOME", ""))
        self.ranks = Child("ranks", folders, offline=not options.ranks.stream)

    @contextmanager
    def begun(self, signals: StopSignals, *, simulator: bool) -> Iterator[None]:
        """A context in which the ranks, and the ``simulator`` if asked for, have been started.

        Whoever keeps them running takes them over; at the end they are killed if nobody has.
        ``signals`` that come while they are started take effect once they are known.
        """
        self._options.empty_mpi_folder()
        try:
            # The one that fails to start is started again later.
            with contextlib.suppress(OSError), signals.held():
                self.ranks.begin(self._options.ranks_command())
                if simulator:
                    first = self._options.simulate.first_pulse
                    self.simulator.begin(self._options.simulate_command(first))
            yield
        finally:
            for child in (self.ranks, self.simulator):
                child.drop()

    def lost(self, part: Part, reason: str) -> None:
        """Kill a process that has fallen silent; it is started again."""
        (self.ranks if part is Part.RANKS else self.simulator).kill(reason)

    def restart(self) -> None:
        """Kill both processes, which are then started again."""
        for child in (self.simulator, self.ranks):
            child.kill("ended, as a client asked for a restart")
