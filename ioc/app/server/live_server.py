"""The IOC's server: its channels, the handlers of puts, the publisher of reports."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from ioc.app.server.memory_lacks import MemoryLacks
from ioc.app.server.process_connections import ProcessConnections
from ioc.app.server.report_watch import ReportActions, ReportWatch
from ioc.app.server.server_start import ProcessControl, ServerStart
from ioc.app.server.starting_orders import kept_pv_logs
from ioc.ca.client.other_iocs import CaSearch, OtherIocs
from ioc.ca.client.pv_monitors import (
    PvText,
    PvUpdate,
    local_texts,
    local_updates,
    remote_texts,
    remote_updates,
)
from ioc.ca.database import Database
from ioc.ca.server import Server
from ioc.model.paths import Part
from ioc.model.pvs import PvRow
from ioc.model.run_parameters import FacilityRunSettings
from ioc.posting.file_write import FileWriter, SavingSources
from ioc.posting.health import Health
from ioc.posting.image_posting import ImagePosting
from ioc.posting.iocstats import IocStats
from ioc.posting.kafka_results import kafka_results
from ioc.posting.publisher import Publisher
from ioc.puts.file_reads import FileReads
from ioc.puts.handlers import PutHandlers
from ioc.puts.image_geometries import ImageGeometries
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_checks import OrderChecks
from ioc.puts.order_puts import OrderPuts, orders_to_ranks, orders_to_simulator
from ioc.puts.outlier_masks import OutlierMasks
from ioc.puts.picked_puts import PickedPuts
from ioc.puts.scan_lock import ScanLock
from ioc.pv_logs.log_units import LogUnits
from ioc.pv_logs.pv_logs import PvLogs
from ioc.pv_logs.recorder import PvLogRecorder
from ioc.pva.addresses import Addresses
from ioc.runs.run_watch import RunWatch
from ioc.security.rules import Client, Guard
from ioc.settings.autosave import Autosave
from ioc.settings.initial import AllOrders
from ioc.settings.run_state_file import RunStateFile, RunStateOwner
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.instrument.default_bins import default_bins
from reduction.instrument.load_files import load_file
from reduction.parameters.fields import specs_of
from reduction.parameters.specs import NumberSpec, Refused
from reduction.stream.pulses import NO_PULSE
from simulator.orders import SimulatorReport
from simulator.parameters import SimulatorSettings

log = logging.getLogger(__name__)

ServerTask = Callable[[], Coroutine[Any, Any, None]]
"""Runs until cancelled."""


class LiveServer:
    """Makes all parts of the IOC, gives each the parts that it needs, and runs them.

    Must be made inside a running event loop. A part gets the parts that it needs in its
    constructor. If a needed part is made later, it gets a method of this server instead.
    """

    def __init__(self, start: ServerStart, control: ProcessControl | None = None) -> None:
        control = control or ProcessControl()
        self._rules, self._has_simulator = start.rules, start.has_simulator
        owner = RunStateOwner.of(start.prefix, start.instrument)
        self._run_state = RunStateFile(start.run_state, owner, start.run)
        history = kept_pv_logs(start.pv_logs)
        self.connections = connections = ProcessConnections(start, history.logs, self._with_run)
        recorder = PvLogRecorder(history, connections.ranks.send_log)
        self._logs = PvLogs(self._updates_of, recorder, self._sliced_by)
        geometries = ImageGeometries(start.instrument)
        self.orders = self._order_puts(start, geometries)
        reductions = len(start.ranks.reductions)
        self.database = Database(start.prefix, self._put, reductions, start.max_bins, self._guard)
        self._settings = IocSettings(start.ioc, self.database, start.files)
        self._lock = ScanLock(self.database, self._settings, asyncio.get_running_loop().time)
        self._runs = RunWatch(self.orders, self._run_settings, self._texts_of, time.time_ns)
        self.publisher = self._publisher(start, history.news)
        self._images = ImagePosting(self.database, geometries, self.orders)
        self._files = self._file_writer()
        self._autosave = self._settings_kept(start)
        self._server = Server(self.database.channels, start.interfaces, start.port)
        self._others = OtherIocs(CaSearch(f"{start.prefix}HEARTBEAT"), lambda: self._server.place)
        self._process = self._stats(control.restart)
        self._handlers = self._put_handlers(geometries)
        begins = self.publisher.disconnected
        ranks = ReportActions(self._reported, self._missed, control.lost, begins)
        simulator = ReportActions(self._simulator_reported, self._missed, control.lost, begins)
        self.ranks_watch = ReportWatch(Part.RANKS, connections.ranks, start.ranks_silence_s, ranks)
        self.simulator_watch = ReportWatch(
            Part.SIMULATOR, connections.simulator, start.simulator_silence_s, simulator
        )
        self._results = kafka_results(start.publish, start.prefix)
        self._pva_problem: Callable[[], str] = str
        self._memory = MemoryLacks()
        self._services = list(self._all_tasks(start.pva))

    def _order_puts(self, start: ServerStart, geometries: ImageGeometries) -> OrderPuts:
        """The handler of puts that ranks or simulator obey."""
        instrument, timeout_s = start.instrument, start.obey_timeout_s
        reads = FileReads(functools.partial(load_file, instrument=instrument))
        return OrderPuts(
            orders_to_ranks(start.ranks, self.connections.ranks.command, timeout_s),
            orders_to_simulator(start.simulator, self.connections.simulator.command, timeout_s),
            OrderChecks(geometries, self._logs, self._run, reads).check,
            reads,
            default_bins(instrument),
        )

    def _put_handlers(self, geometries: ImageGeometries) -> PutHandlers:
        """The handlers of all puts."""
        return PutHandlers(
            self.orders,
            self._settings,
            self._lock,
            self._files,
            self._process,
            OutlierMasks(self.orders, self._settings, self._images.outliers),
            PickedPuts(self.orders, self._settings, geometries),
        )

    def _settings_kept(self, start: ServerStart) -> Autosave | None:
        """What keeps the settings in a file; None if nothing does."""
        if not start.autosave:
            return None
        return Autosave(start.autosave, start.prefix, lambda: self.accepted)

    def _all_tasks(self, pva: Addresses | None) -> Iterator[ServerTask]:
        """The coroutines that run as long as the server runs."""
        yield self._server.serve
        yield self._search_others
        yield self._process.run
        yield self._lock.run
        for service in self._with_arrays():
            yield functools.partial(self._memory.survived, service)
        if pva is not None:
            from ioc.pva.p4p_loading import import_p4p

            import_p4p()
            from ioc.pva.server import pv_access  # needs p4p, which may not be installed

            posted = self.publisher.posted
            served = pv_access(self.database, posted, self._images.picture, pva)
            self._pva_problem = served.problem
            yield served.serve

    def _with_arrays(self) -> Iterator[ServerTask]:
        """The coroutines that take much memory, or make files of all settings."""
        yield self.publisher.families.run
        yield self._images.run
        yield self._runs.run
        yield self.ranks_watch.run
        yield self.simulator_watch.run
        if self._autosave is not None:
            yield self._autosave.run
        if self._results is not None:
            yield self._results.run

    async def _search_others(self) -> None:
        """Search for other IOCs with the same names as soon as this one serves."""
        await self.until_serving()
        await self._others.run()

    async def run(self) -> None:
        """Serve until cancelled, then close all sockets."""
        try:
            await self.publisher.start(simulator=self._has_simulator)
            await self._settings.show()
            await self._files.start()
            async with asyncio.TaskGroup() as group:
                for service in self._services:
                    group.create_task(service())
        finally:
            await self._run_state.close()
            await self._logs.close()
            self.connections.close()

    async def until_serving(self) -> None:
        """Wait until clients can connect."""
        await self._server.serving.wait()

    def _guard(self, row: PvRow) -> Guard:
        return Guard(row.asg, self._rules, lambda client: self._lock.admit(row, client))

    async def _put(self, row: PvRow, value: Any, client: Client) -> Any:
        if row.place.part is Part.SIMULATOR and not self._has_simulator:
            raise Refused(row.spec.pv, value, "this IOC was started without a simulator")
        accepted = await self._handlers.of(row).put(row, value, client)
        await self.publisher.post_drafts()
        return accepted

    def _problems(self) -> str:
        """What is wrong with the IOC itself, for ``StatusMessage_RBV``; empty if nothing is."""
        autosave = self._autosave.problem if self._autosave else ""
        results = self._results.problem if self._results else ""
        run_state = self._run_state.problem
        pending = self.orders.drafts.message
        kept = autosave, run_state, results
        own = self._memory.problem, self._logs.problems, self._runs.problem, *kept, pending
        reports = self.ranks_watch.problem, self.simulator_watch.problem
        clients = self._server.connections.problem, self._pva_problem(), self._others.problem
        return "; ".join(filter(None, (*own, *reports, self.connections.problem, *clients)))

    def _stats(self, restart: Callable[[], None] | None) -> IocStats:
        """What posts the state of this process."""
        ignored = self._reports_ignored
        return IocStats(
            self.database, lambda: self._server.clients, restart, reports_ignored=ignored
        )

    def _reports_ignored(self) -> int:
        """How many messages that reached the IOC were no report of the part in force."""
        self.connections.note_strangers()
        bad = self.ranks_watch.bad_reports + self.simulator_watch.bad_reports
        return self.connections.ignored + bad

    @property
    def accepted(self) -> AllOrders:
        """The orders in force, of all parts."""
        orders = self.orders
        return AllOrders(orders.ranks.accepted, orders.simulator.accepted, self._settings.accepted)

    async def _simulator_reported(self, report: SimulatorReport) -> None:
        self.orders.simulator.reported_by(self.connections.simulator.peers.incarnation)
        await self.publisher.simulator(report)

    async def _reported(self, report: RanksReport) -> None:
        self.orders.ranks.reported_by(self.connections.ranks.peers.incarnation)
        self._logs.reported(report)
        self._runs.reported(report)
        if report.revision != NO_REVISION:
            if report.run.start_ns not in (NO_PULSE, self._run().start_ns):
                self._logs.forget_before(report.run.start_ns)
            await self._run_state.keep(report.run)
        await self._images.reported(report)
        await self.publisher.ranks(report)
        if self._results is not None and self.publisher.latest is not None:
            self._results.offer(self.publisher.posted, self.publisher.latest.pulse_time_ns)

    def _run(self) -> RunState:
        """The newest run state of the ranks."""
        return self._run_state.state or RunState()

    def _with_run(self, order: RanksOrder) -> RanksOrder:
        """The order, by which ranks that have just started go on with what was accumulated."""
        return replace(order, run=self._run_state.state)

    def _sliced_by(self) -> set[str]:
        """The logs that the newest order slices by."""
        reductions = self.orders.ranks.newest.reductions
        return {log for each in reductions for log in each.settings.logs}

    def _updates_of(self, name: str) -> AsyncGenerator[PvUpdate, None]:
        """The updates of a process variable: without the network if this IOC serves it."""
        here = name.removesuffix(".VAL")
        if self.database.has(here):
            return local_updates(self.database.channels[here])
        return remote_updates(name)

    def _publisher(self, start: ServerStart, news: str) -> Publisher:
        """What posts reports, and sums up all problems; ``news`` are told at first."""
        health = Health(
            lambda: self._settings.accepted.watch,
            self._problems,
            source_remark=self._source_remark,
            news=(*start.changes, *filter(None, [news])),
            recorded_times=start.recorded_times,
        )
        return Publisher(self.database, self.orders, start.array_rate, health=health)

    def _source_remark(self) -> str:
        """Why the source may be quiet, behind a sentence; empty if that is not known."""
        simulator = self.orders.simulator.accepted.settings
        paused = self._has_simulator and simulator.pause
        return ": Sim:Pause is Pause" if paused else ""

    def _file_writer(self) -> FileWriter:
        """The writer of files; logs of the simulator have the units of its settings."""
        specs = specs_of(SimulatorSettings) if self._has_simulator else ()
        known = {field: spec.units for field, spec in specs if isinstance(spec, NumberSpec)}
        units = LogUnits(self.database, self._logs.in_stream, known)
        sources = SavingSources(units.of, self._images.picture)
        return FileWriter(self.database, self.orders, self.publisher, self._settings, sources)

    def _run_settings(self) -> FacilityRunSettings:
        return self._settings.accepted.runs

    def _texts_of(self, name: str) -> AsyncGenerator[PvText | str, None]:
        """The values of a process variable as texts, in the same way."""
        here = name.removesuffix(".VAL")
        if self.database.has(here):
            return local_texts(self.database.channels[here])
        return remote_texts(name)

    async def _missed(self, part: Part, reason: str) -> None:
        log.warning("%s", reason)
        await self.publisher.disconnected(part, reason)
