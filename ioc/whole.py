"""The parts put together: the IOC alone, or with the simulator and the ranks under its wing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from ioc.first import first_orders
from ioc.publisher import Part
from ioc.server import LiveServer, ServerStart
from ioc.startup import Startup
from ioc.supervisor import Child
from simulator.messages import SimulatorReport
from simulator.parameters import SimulatorSettings

MPIEXEC = ("mpiexec", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none")
"""Ranks share the cores with the other processes: none may be bound to one, and all must start."""

STARTING_S = 20.0
"""Time a process has from its start to its first report."""


def server_start(start: Startup) -> ServerStart:
    """How to serve; raises `ioc.startup.BadStart` for settings that are refused.

    Revisions count on from the clock, so that ranks and a simulator that have outlived an IOC never
    take its orders for those of the next.
    """
    ranks, simulator = first_orders(start.set, start.max_bins)
    revision = time.time_ns() // 1_000_000
    return ServerStart(
        prefix=start.prefix,
        interfaces=tuple(word.strip() for word in start.interfaces.split(",")),
        port=start.port or None,
        ranks_endpoint=start.control,
        simulator_endpoint=start.sim_control,
        ranks=replace(ranks, revision=revision),
        simulator=replace(simulator, revision=revision),
        array_rate=start.array_rate,
        silence_s=start.silence,
    )


async def serve_alone(start: Startup) -> None:
    """The IOC alone: ranks and simulator are started by someone else and come when they come."""
    server = LiveServer(server_start(start), on_lost=lambda _: None)
    await _until_stopped([server.run])


async def run_all(start: Startup, greeting: str) -> None:
    """Everything: starts simulator, ranks and IOC, and leaves no process behind."""
    with tempfile.TemporaryDirectory(prefix="live-reduction-") as folder:
        here = replace(
            start,
            partitions=start.stream_partitions,
            events=f"ipc://{folder}/events",
            control=f"ipc://{folder}/ranks",
            sim_control=f"ipc://{folder}/simulator",
        )
        wing = Wing(here)
        server = LiveServer(server_start(here), wing.lost)
        wing.server = server
        print(greeting, flush=True)
        await _until_stopped([server.run, *(child.run for child in wing.children.values())])


class Wing:
    """The processes that the IOC keeps running; ``server`` is given before they start."""

    server: LiveServer

    def __init__(self, start: Startup) -> None:
        self._start = start
        self._restarts = 0
        self.children = {
            Part.SIMULATOR: Child("simulator", self._simulate, self._simulator_ended),
            Part.RANKS: Child("ranks", self._ranks, self._ranks_ended),
        }

    def lost(self, part: Part) -> None:
        """A process has fallen silent: it is killed, and so started again."""
        self.children[part].kill(f"gave no sign for {self._start.silence:g} s")

    def _ranks(self) -> Sequence[str]:
        self.server.lines[Part.RANKS].expect(STARTING_S)
        program = (sys.executable, "-m", "ioc", "ranks", *self._start.arguments("ranks"))
        return (*MPIEXEC, "-n", str(self._start.ranks), *program)

    def _simulate(self) -> Sequence[str]:
        self.server.lines[Part.SIMULATOR].expect(STARTING_S)
        begin = replace(self._start, set=(), first_pulse=self._next_pulse())
        return (sys.executable, "-m", "ioc", "simulate", *begin.arguments("simulate"))

    def _next_pulse(self) -> int:
        """The number to go on with.

        As with a real source, whose pulses go on whoever records them, those that a dead simulator
        did not make are missing, and no number is used twice.
        """
        line = self.server.lines[Part.SIMULATOR]
        if line.latest is None:
            return self._start.first_pulse
        settings: SimulatorSettings = self.server.desk.accepted(SimulatorSettings)
        silent_s = 0.0 if settings.pause else line.silent_s
        report: SimulatorReport = line.latest
        return report.status.pulse + 2 + math.ceil(silent_s * settings.pulse_rate)

    async def _ranks_ended(self, reason: str) -> None:
        self._restarts += 1
        await self.server.publisher.disconnected(Part.RANKS, reason)
        await self.server.publisher.restarted(self._restarts)

    async def _simulator_ended(self, reason: str) -> None:
        await self.server.publisher.disconnected(Part.SIMULATOR, reason)


async def _until_stopped(works: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Run coroutines until SIGINT, SIGTERM or SIGHUP, or until one fails; then end all."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
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
            task.result()
