"""What `live-reduction run` starts its children with."""

from __future__ import annotations

from pathlib import Path

from ioc.app.child_processes import ProcessOptions
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
