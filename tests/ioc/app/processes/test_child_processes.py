"""What `live-reduction run` starts its children with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ioc.app.processes.child_processes import ChildProcesses, ProcessOptions, mpi_folders
from ioc.app.server.live_server import LiveServer
from ioc.app.supervision import Supervision
from ioc.options.command_line import parse
from ioc.options.commands import RanksOptions, RunOptions, SimulateOptions

RUN = RunOptions(
    prefix="X:",
    ranks=3,
    engine="mantid",
    instrument="arc.npz",
    seed=7,
    log_folder="/log",
    log_limit="64M",
    tick_rate=7.0,
    array_rate=2.0,
    verbose=True,
    set=(("Sim:Pressure", "2"),),
)


def test_the_processes_of_a_run_meet_in_its_folder() -> None:
    options = ProcessOptions.of(RUN, Path("/run"))
    assert options.ioc.control == options.ranks.control == "ipc:///run/ranks"
    assert options.ioc.sim_control == options.simulate.sim_control == "ipc:///run/simulator"
    assert options.ranks.log_folder == options.simulate.log_folder == "/log"
    assert options.simulate.events == "", "the log is not served"
    assert options.mpi_folder == Path("/run/mpi")


def test_the_children_are_started_with_what_the_run_was() -> None:
    options = ProcessOptions.of(RUN, Path("/run"))
    ranks, simulate = parse(options.ranks.arguments()), parse(options.simulate.arguments())
    assert isinstance(ranks, RanksOptions)
    assert isinstance(simulate, SimulateOptions)
    assert (ranks.engine, ranks.tick_rate, ranks.array_rate) == ("mantid", 7, 2)
    assert (simulate.seed, simulate.log_limit) == (7, "64M")
    assert ranks.instrument == simulate.instrument == "arc.npz"
    assert ranks.stream_partitions == simulate.stream_partitions == 3
    assert ranks.verbose
    assert simulate.verbose
    assert options.ioc.set == RUN.set
    assert simulate.set == (), "the simulator gets its settings by orders"


async def test_ranks_are_killed_if_they_do_nothing_while_they_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ioc.app.supervision.WORK_LOOK_S", 0.02)
    monkeypatch.setattr("ioc.app.processes.idle_watch.IDLE_S", 0.5)
    ends: asyncio.Queue[str] = asyncio.Queue()
    options = ProcessOptions.of(RUN, Path("/run"))
    children, watch = ChildProcesses(options), SimpleNamespace(works=False)
    server = cast(LiveServer, SimpleNamespace(ranks_watch=watch))
    supervision = Supervision(children, options, server)
    running = asyncio.create_task(children.ranks.run(lambda: ["sleep", "1000"], ends.put))
    watching = asyncio.create_task(supervision.watch_work())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends.get(), 1.5)
    watch.works = True
    why = await asyncio.wait_for(ends.get(), 60)
    assert why.startswith("ranks took no processor time for ")
    for task in (running, watching):
        task.cancel()
    await asyncio.gather(running, watching, return_exceptions=True)


def test_ranks_have_a_home_even_if_the_user_has_none(tmp_path: Path) -> None:
    assert "HOME" not in mpi_folders(Path("/run/mpi"), str(tmp_path))
    for home in ("", str(tmp_path / "gone"), "/dev/null"):
        assert mpi_folders(Path("/run/mpi"), home)["HOME"] == "/run/mpi"
