"""Serves the process variables, and keeps in touch with the processes behind them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import zmq.asyncio

from ioc.ca.database import Database
from ioc.ca.pv_monitors import PvUpdate, local_updates, remote_updates
from ioc.ca.server import Server
from ioc.model.ioc_parameters import IocOrder, LockCommands
from ioc.model.paths import Part
from ioc.model.pvs import IOC_PROCESS, Access, PvRow
from ioc.posting.file_write import FileWriter
from ioc.posting.health import Health
from ioc.posting.iocstats import IocStats
from ioc.posting.publisher import Publisher
from ioc.puts.ioc_puts import IocSettings
from ioc.puts.order_checks import OrderChecks
from ioc.puts.order_puts import OrderPuts
from ioc.puts.pv_logs import PvLogs
from ioc.puts.scan_lock import ScanLock
from ioc.pva.addresses import Addresses
from ioc.security.rules import EVERYBODY, Client, Guard, Rules
from ioc.settings.autosave import Autosave
from ioc.settings.initial import AllOrders
from reduction.control.channel import CommandingEnd
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.instrument.geometry import Instrument, powder_arc
from simulator.orders import SimulatorOrder, SimulatorReport

log = logging.getLogger(__name__)

ReportT = TypeVar("ReportT")

OVERSLEPT_S = 0.25
"""A deadline noticed later than this was missed by this process, stopped or starved."""


@dataclass(frozen=True)
class ServerStart:
    """What a server is started with.

    ``port`` None is EPICS_CA_SERVER_PORT, or else 5064; ``pva`` None is no pvAccess. The orders
    hold the settings to begin with; ``autosave`` is the file that keeps them from then on, if any.
    """

    prefix: str = "LIVE:"
    interfaces: tuple[str, ...] = ("127.0.0.1",)
    port: int | None = None
    pva: Addresses | None = None
    ranks_endpoint: str = "tcp://127.0.0.1:*"
    simulator_endpoint: str = "tcp://127.0.0.1:*"
    ranks: RanksOrder = field(default_factory=RanksOrder)
    simulator: SimulatorOrder = field(default_factory=SimulatorOrder)
    ioc: IocOrder = field(default_factory=IocOrder)
    autosave: Path | None = None
    rules: Rules = EVERYBODY
    instrument: Instrument = field(default_factory=powder_arc)
    array_rate: float = 5.0
    ranks_silence_s: float = 2.0
    simulator_silence_s: float = 2.0
    obey_timeout_s: float = 30.0


class ReportWatch(Generic[ReportT]):
    """The reports of one process: read, watched, and given to who publishes them.

    ``missed`` is told why, when no report has come for a time; ``lost`` if none comes as long
    again. A process that was only slow is back with its next report, and has all that it had.
    """

    def __init__(
        self,
        part: Part,
        end: CommandingEnd[Any, ReportT],
        publish: Callable[[ReportT], Awaitable[None]],
        missed: Callable[[Part, str], Awaitable[None]],
        lost: Callable[[Part], None],
        silence_s: float,
    ) -> None:
        self._part, self._end, self._publish = part, end, publish
        self._missed, self._lost = missed, lost
        self._missing = False
        self.silence_s = silence_s
        self._clock = asyncio.get_running_loop().time
        self._timeout: asyncio.Timeout | None = None
        self._deadline_s: float | None = None
        self.bad_reports = 0
        self.latest: ReportT | None = None
        self.heard_s = 0.0

    def expect(self, within_s: float) -> None:
        """A report is to come within a time, whatever was expected before: a process starts."""
        self._deadline_s, self._missing = self._clock() + within_s, False
        if self._timeout is not None:
            self._timeout.reschedule(self._deadline_s)

    def _overslept(self) -> bool:
        """Whether it was us that slept through the deadline; then it is set anew."""
        slept = self._deadline_s is not None and self._clock() - self._deadline_s > OVERSLEPT_S
        if slept:
            self.expect(self.silence_s)
        return slept

    @property
    def patience_s(self) -> float:
        """Seconds without a report until the process is lost."""
        return 2 * self.silence_s

    @property
    def silent_s(self) -> float:
        """Seconds since the latest report."""
        return self._clock() - self.heard_s

    async def run(self) -> None:
        """Take reports until cancelled. A process that was never expected is not missed."""
        while True:
            try:
                async with asyncio.timeout_at(self._deadline_s) as self._timeout:
                    report = await self._end.report()
                self._timeout = None
            except TimeoutError:
                self._timeout = None
                if not self._overslept():
                    await self._silent()
            except msgspec.DecodeError as error:
                self.bad_reports += 1
                if self.bad_reports.bit_count() == 1:  # the 1st, 2nd, 4th, 8th, …
                    log.warning("bad report %d of the %s: %s", self.bad_reports, self._part, error)
            else:
                self.latest, self.heard_s = report, self._clock()
                self._deadline_s, self._missing = self.heard_s + self.silence_s, False
                await self._publish(report)

    async def _silent(self) -> None:
        if self._missing:
            self._deadline_s, self._missing = None, False
            self._lost(self._part)
        else:
            left_s = self.patience_s - self.silence_s
            self._deadline_s, self._missing = self._clock() + left_s, True
            why = f"no report of the {self._part} for {self.silence_s:g} s"
            await self._missed(self._part, why)


class LiveServer:
    """Channels, desk, publisher and the ends of both processes, wired up.

    Made inside a running loop. ``on_lost`` is called when a process that reported stays silent;
    ``restart`` restarts both processes, if that is ours to do.
    """

    def __init__(
        self,
        start: ServerStart,
        on_lost: Callable[[Part], None],
        restart: Callable[[], None] | None = None,
    ) -> None:
        self._context = zmq.asyncio.Context()
        self.ranks_end: CommandingEnd[RanksOrder, RanksReport] = CommandingEnd(
            self._context, start.ranks_endpoint, RanksReport, start.ranks
        )
        self.simulator_end: CommandingEnd[SimulatorOrder, SimulatorReport] = CommandingEnd(
            self._context, start.simulator_endpoint, SimulatorReport, start.simulator
        )
        end = self.ranks_end
        self.logs = PvLogs(self._source, end.send_log, end.forget_log, self._filters)
        self.desk = OrderPuts(
            start.ranks,
            start.simulator,
            end.command,
            self.simulator_end.command,
            start.obey_timeout_s,
            OrderChecks(start.instrument, self.logs, self._series).allowed,
        )
        reductions = start.ranks.reductions
        max_bins = reductions[0].settings.max_bins
        self._rules = start.rules
        self.database = Database(start.prefix, self._put, len(reductions), max_bins, self._guard)
        self.own = IocSettings(start.ioc, self.database)
        self.lock = ScanLock(self.database, self.own, asyncio.get_running_loop().time)
        health = Health(lambda: self.own.accepted.watch, self._remark)
        self.publisher = Publisher(self.database, self.desk, start.array_rate, health=health)
        self.files = FileWriter(self.database, self.desk, self.publisher, self.own)
        self._autosave = (
            Autosave(start.autosave, start.prefix, self._accepted) if start.autosave else None
        )
        self._server = Server(self.database.channels, start.interfaces, start.port)
        self._program = IocStats(self.database, lambda: self._server.clients, restart)
        self._serving: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._server.serve,
            self.publisher.families.run,
            self._program.run,
            self.lock.run,
        ]
        if start.pva is not None:
            from ioc.pva.server import pv_access  # needs p4p, which may not be installed

            pva = pv_access(self.database, self.publisher.posted, start.pva)
            self._serving.append(pva.serve)
        self.lines: dict[Part, ReportWatch[Any]] = {
            part: ReportWatch(part, end, publish, self._missed, on_lost, silence_s)
            for part, end, publish, silence_s in (
                (Part.RANKS, end, self._reported, start.ranks_silence_s),
                (
                    Part.SIMULATOR,
                    self.simulator_end,
                    self.publisher.simulator,
                    start.simulator_silence_s,
                ),
            )
        }

    async def run(self) -> None:
        """Serve until cancelled, then close all sockets."""
        try:
            await self.publisher.start()
            await self.own.start()
            await self.files.start()
            async with asyncio.TaskGroup() as group:
                for serve in self._serving:
                    group.create_task(serve())
                for line in self.lines.values():
                    group.create_task(line.run())
                if self._autosave is not None:
                    group.create_task(self._autosave.run())
        finally:
            await self.logs.close()
            self.ranks_end.close()
            self.simulator_end.close()
            self._context.term()

    def _guard(self, row: PvRow) -> Guard:
        return Guard(row.asg, self._rules, lambda client: self.lock.admit(row, client))

    async def _put(self, row: PvRow, value: Any, client: Client) -> Any:
        if row.group.place == IOC_PROCESS:
            return await self._program.put(row, value)
        if row.place.part is not Part.IOC:
            return await self.desk.put(row, value)
        if row.group.of is LockCommands:
            return await self.lock.put(row, value, client)
        if row.access is Access.COMMAND:
            return await self.files.put(value)
        return await self.own.put(row, value)

    def _remark(self) -> str:
        """What the IOC has to say on ``StatusMessage_RBV``."""
        autosave = self._autosave.remark if self._autosave else ""
        return "; ".join(filter(None, (self.logs.remark, autosave)))

    def _accepted(self) -> AllOrders:
        desk = self.desk
        return AllOrders(desk.ranks.accepted, desk.simulator.accepted, self.own.accepted)

    async def _reported(self, report: RanksReport) -> None:
        self.logs.reported(report.logs)
        await self.publisher.ranks(report)

    def _series(self) -> int:
        """The number of the running series, as posted last."""
        report = self.publisher.latest
        return 1 if report is None else report.acquisition.series

    def _filters(self) -> set[str]:
        """The logs that the newest order slices by."""
        return {each.settings.filter.log for each in self.desk.ranks.newest.reductions}

    def _source(self, name: str) -> AsyncGenerator[PvUpdate, None]:
        """The news of a process variable: without the network if it is one of ours."""
        own = name.removesuffix(".VAL")
        if own in self.database.names:
            return local_updates(self.database.channels[own])
        return remote_updates(name)

    async def _missed(self, part: Part, reason: str) -> None:
        log.warning("%s", reason)
        await self.publisher.disconnected(part, reason)


async def serve(
    start: ServerStart,
    on_lost: Callable[[Part], None],
    on_ready: Callable[[LiveServer], None] = lambda _: None,
) -> None:
    """Serve until cancelled.

    ``on_ready`` is given the server once it has its endpoints: whoever starts the processes tells
    them ``ranks_end.endpoint`` and ``simulator_end.endpoint``, and tells ``publisher`` of restarts.
    """
    server = LiveServer(start, on_lost)
    on_ready(server)
    await server.run()
