"""Posts what the processes report on the channels, so that all that is read together agrees."""

from __future__ import annotations

import time
from collections.abc import Callable

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.channel import NO_ALARM, Alarm, PvChannel
from ioc.ca.database import GONE, Database, ReadingValues
from ioc.model.ioc_parameters import DetectorState
from ioc.model.paths import Part
from ioc.model.pvs import IOC_REMARKS, RANKS, SIMULATOR
from ioc.posting.family_analysis import FamilyAnalysis
from ioc.posting.health import LAGGING, UNACCOUNTED, Health
from ioc.puts.order_puts import OrderPuts
from reduction.control.reports import RanksReport
from reduction.results.views import PostedReduction, reduction_view
from simulator.orders import SimulatorReport

UNDEFINED: Alarm = (AlarmStatus.CALC, AlarmSeverity.MINOR_ALARM)


class Publisher:
    """Writes the channels of ``database``; the puts that wait at ``desk`` complete by it.

    What comes from the ranks is posted a whole report at a time, ``array_rate`` times a second at
    most, so readings and arrays are always of the same pulses. The first result of a new revision
    is posted at once, and none of an older revision than the accepted one ever. ``health`` judges
    at every report how all is.
    """

    def __init__(
        self,
        database: Database,
        desk: OrderPuts,
        array_rate: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        health: Health | None = None,
    ) -> None:
        self._database, self._desk, self._health = database, desk, health or Health()
        self._period_s, self._clock = 1 / array_rate, clock
        self._due_s = 0.0
        self._posted = -1
        self._results_posted = 0
        self._held: RanksReport | None = None
        self.families = FamilyAnalysis(database)
        """What is found in each slice, group and series; follows while it is run."""
        self.latest: RanksReport | None = None
        """The report whose results are posted."""
        self.posted: dict[int, PostedReduction] = {}
        """What is posted of each reduction."""

    async def start(self) -> None:
        """Show the settings that the desk has, and that nobody has reported yet."""
        for part in (Part.RANKS, Part.SIMULATOR):
            await self._settings(part)
            await self.disconnected(part, f"waiting for the {part} to report")
        for counter in ("restarts", "array_counter"):
            await self._own(Part.RANKS)[counter].publish_value(0, alarm=NO_ALARM)
        await self._own(Part.RANKS)["refusal"].publish_value("", alarm=NO_ALARM)

    async def ranks(self, report: RanksReport) -> None:
        """Post ``report``, or hold it until the next if it comes too soon."""
        self._desk.ranks.set_present(True)
        fresh = self._desk.ranks.may_show(report.revision)
        news = fresh and bool(report.results) and report.revision > self._posted
        if not news and not self._due():
            if report.results or self._held is None:
                self._held = report
            return
        now_s, period_s = self._clock(), self._period_s
        self._due_s = min(max(self._due_s, now_s) + period_s, now_s + 1.5 * period_s)
        held, self._held = self._held, None
        if held is not None and held.results and not report.results:
            # The counts that were held go with the readings that they were reported with.
            report, fresh = held, self._desk.ranks.may_show(held.revision)
        await self._post(report, fresh)

    def _due(self) -> bool:
        # Half a period of grace, which the next one waits longer for: so reports as frequent as the
        # limit do not miss it by jitter.
        return self._clock() >= self._due_s - self._period_s / 2

    async def _post(self, report: RanksReport, fresh: bool) -> None:
        """Post a report: nothing here suspends, so all of it appears together."""
        self._health.reported(report, fresh)
        if fresh:
            await self._stream(report)
            await self._database.show(RANKS / "acquisition", ReadingValues(report.acquisition))
        await self._database.show(RANKS / "backend", ReadingValues(report.backend))
        if fresh and report.results:
            await self._results(report)
            self._posted, self.latest = report.revision, report
        if fresh:
            self._desk.ranks_report_posted(report)
            await self._settings(Part.RANKS)
            await self.families.posted(report, self._desk.ranks.accepted.resets)
        await self._state(report, fresh)

    async def _stream(self, report: RanksReport) -> None:
        limit_s = self._health.lag_limit_s
        total = UNACCOUNTED if report.unaccounted else NO_ALARM
        lag = LAGGING if report.stream.lag > limit_s else NO_ALARM
        stream = ReadingValues(report.stream, alarms={"event_total": total, "lag": lag})
        await self._database.of(RANKS / "stream")["lag"].publish_high(limit_s)
        await self._database.show(RANKS / "stream", stream)

    async def _results(self, report: RanksReport) -> None:
        time_ns = report.pulse_time_ns or time.time_ns()
        for number, result in enumerate(report.results):
            former = self.posted.get(number)
            view = reduction_view(result, former.view if former else None)
            if view is not None:
                self.posted[number] = PostedReduction(view, result.order, report.stream)
                undefined = UNDEFINED if view.status.bins_undefined else NO_ALARM
                alarms = {"bins_undefined": undefined}
                showing = ReadingValues(view, time_ns, view.axis.units.symbol, alarms=alarms)
                await self._database.show(RANKS / "reductions" / number, showing)
        self._results_posted += 1
        await self._own(Part.RANKS)["array_counter"].publish_value(self._results_posted)

    async def _state(self, report: RanksReport, fresh: bool) -> None:
        if not fresh:
            state = DetectorState.INITIALIZING
        elif not report.acquisition.acquiring:
            state = DetectorState.IDLE
        elif self._desk.ranks.accepted.control.pause:
            state = DetectorState.WAITING
        else:
            state = DetectorState.ACQUIRE
        await self._own(Part.RANKS)["state"].publish_value(state, alarm=NO_ALARM)
        await self._judge()

    async def _judge(self) -> None:
        """Post how all is."""
        verdict, channels = self._health.verdict, self._own(Part.RANKS)
        await channels["status"].publish_value(verdict.status, alarm=verdict.alarm)
        await channels["message"].publish_value(verdict.words, alarm=verdict.alarm)

    async def simulator(self, report: SimulatorReport) -> None:
        """Post ``report``."""
        self._desk.simulator.set_present(True)
        self._health.back(Part.SIMULATOR)
        await self._database.show(SIMULATOR / "status", ReadingValues(report.status))
        if self._desk.simulator.may_show(report.revision):
            self._desk.simulator_report_posted(report)
            await self._settings(Part.SIMULATOR)
        await self._own(Part.SIMULATOR)["message"].publish_value("", alarm=NO_ALARM)
        await self._judge()

    async def disconnected(
        self, part: Part, reason: str, state: DetectorState = DetectorState.DISCONNECTED
    ) -> None:
        """Keep the last values of ``part``, as invalid, until it reports again; say why.

        ``state`` is `DetectorState.ERROR` if nobody is going to restart it.
        """
        await self._database.gone(part)
        self._health.gone(part, reason)
        await self._judge()
        if part is Part.SIMULATOR:
            self._desk.simulator.set_present(False)
            await self._own(part)["message"].publish_value(reason, alarm=GONE)
            return
        self._desk.ranks.set_present(False)
        self._held, self._posted = None, -1
        self.families.forget()
        await self._own(part)["state"].publish_value(state, alarm=GONE)

    async def restarted(self, part: Part, count: int) -> None:
        """Post how many times ranks or simulator were restarted, now ``part``."""
        self._health.restarted(part)
        await self._own(Part.RANKS)["restarts"].publish_value(count)

    async def _settings(self, part: Part) -> None:
        await self._database.show_settings(part, self._desk.accepted(part))

    def _own(self, part: Part) -> dict[str, PvChannel]:
        """What the IOC itself says of a part."""
        return self._database.of((RANKS if part is Part.RANKS else SIMULATOR) / IOC_REMARKS)
