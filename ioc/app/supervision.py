"""Keeps the processes of a run running, and tells the server when one has ended."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ioc.app.processes.child_processes import ChildProcesses, ProcessOptions
from ioc.app.processes.idle_watch import IDLE_S, IdleWatch, processor_seconds
from ioc.app.replay_progress import ReplayWatch
from ioc.app.server.live_server import LiveServer
from ioc.app.server.report_watch import ReportWatch
from ioc.model.paths import Part
from ioc.process.python_command import PYTHON
from reduction.control.order_sender import OrderSender

FIRST_REPORT_S = 20.0
"""The shortest time that a process is given from its start to its first report, in seconds."""

FIRST_REPORT_PATIENCES = 2
"""That time is also at least this many times `ReportWatch.patience_s`."""

WORK_LOOK_S = 2.0
"""How often it is looked whether ranks that start or work on an order take processor time."""

RANKS_LOOK_S = 0.1
"""How often it is looked whether the ranks have reported, before a recording is played."""


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
            self._options.empty_mpi_folder()
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
        return self._options.ranks_command()

    def _simulate(self) -> Sequence[str]:
        """The command line that starts the simulator."""
        _expect(self._server.simulator_watch)
        return self._options.simulate_command(self._next_pulse())

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
