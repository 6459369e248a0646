"""Turns reports into PV values, so that values which clients read together are of one result.

A report of the ranks or the simulator comes in; `reduction.results.views.reduction_view` computes
the values that clients see, and `ioc.ca.database.Database.show` puts them on the channels.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.channel import PvChannel
from ioc.ca.channels.alarms import DISCONNECTED_ALARM, NO_ALARM, NOT_IN_FORCE_ALARM, Alarm
from ioc.ca.database import Database, ReadingValues
from ioc.model.addresses import FACILITY_RUN, IOC_REMARKS, RANKS, SIMULATOR, reduction_at
from ioc.model.ioc_parameters import DetectorState
from ioc.model.paths import Part
from ioc.model.run_parameters import FacilityRunStatus
from ioc.posting.family_analysis import FamilyAnalysis
from ioc.posting.health import LAGGING, MINOR, UNACCOUNTED, Health
from ioc.puts.order_puts import OrderPuts
from reduction.control.reports import RanksReport
from reduction.results.intensity_labels import intensity_egu
from reduction.results.views import PostedReduction, reduction_view
from simulator.orders import SimulatorReport

BINS_UNDEFINED = Alarm(AlarmStatus.CALC, AlarmSeverity.MINOR_ALARM)
"""Some bins of a normalised spectrum have no value."""

NO_SIMULATOR = "no simulator was started: events come from elsewhere"


class Publisher:
    """Posts reports on the channels of ``database``, and completes puts that the ranks have obeyed.

    All values of a report are posted together, at most ``array_rate`` times a second. So readings
    and arrays are of the same pulses. The first result of a new revision is posted at once, and so
    is the first one that has a pulse.
    Results of an order before the accepted one are never posted.
    """

    def __init__(
        self,
        database: Database,
        orders: OrderPuts,
        array_rate: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        health: Health | None = None,
    ) -> None:
        self._database, self._orders, self._health = database, orders, health or Health()
        self._period_s, self._clock = 1 / array_rate, clock
        self._due_s = 0.0
        self._posted_revision = -1
        self._results_posted = self._draft_changes_posted = 0
        self._held: RanksReport | None = None
        self.families = FamilyAnalysis(database)
        """Posts regions and peaks of families while `FamilyAnalysis.run` runs."""
        self.latest: RanksReport | None = None
        """The report whose results were posted last; None before the first."""
        self.posted: dict[int, PostedReduction] = {}
        """The posted result of each reduction, by the index of the reduction."""

    async def start(self, *, simulator: bool = True) -> None:
        """Post the accepted settings, and that no process has reported yet.

        ``simulator`` is whether one is to report.
        """
        for part in (Part.RANKS, Part.SIMULATOR):
            await self._post_settings(part)
            awaited = simulator or part is Part.RANKS
            await self.disconnected(
                part, f"waiting for the {part} to report" if awaited else NO_SIMULATOR
            )
        for counter in ("restarts", "array_counter"):
            await self._remarks_on(Part.RANKS)[counter].publish_value(0, alarm=NO_ALARM)
        for text in ("refusal", "pending"):
            await self._remarks_on(Part.RANKS)[text].publish_value("", alarm=NO_ALARM)

    async def ranks(self, report: RanksReport) -> None:
        """Post a report of the ranks, or hold it until the next one if it comes too soon."""
        self._orders.ranks.set_present(True)
        current = self._orders.ranks.may_show(report.revision)
        first = current and bool(report.results) and self._is_first(report)
        if not first and not self._is_due():
            if report.results or self._held is None:
                self._held = report
            return
        now_s, period_s = self._clock(), self._period_s
        self._due_s = min(max(self._due_s, now_s) + period_s, now_s + 1.5 * period_s)
        held, self._held = self._held, None
        if held is not None and held.results and not report.results:
            # Post the held counts with the readings of their own report.
            report, current = held, self._orders.ranks.may_show(held.revision)
        await self._post(report, current)

    def _is_first(self, report: RanksReport) -> bool:
        """Whether these are the first results of a revision, or the first ones of any pulse."""
        begun = self.latest is not None and not self.latest.pulse_time_ns and report.pulse_time_ns
        return report.revision > self._posted_revision or bool(begun)

    def _is_due(self) -> bool:
        # A report may come half a period early; the next period is then longer. So jitter does not
        # halve the rate of reports that come exactly as often as they may be posted.
        return self._clock() >= self._due_s - self._period_s / 2

    async def _post(self, report: RanksReport, current: bool) -> None:
        """Post a report. Never suspends, so clients see all values change together.

        If its results may not be shown, only the state of the ranks is posted.
        """
        self._health.reported(report, current)
        if current:
            await self._post_stream(report)
            await self._database.show(RANKS / "acquisition", ReadingValues(report.acquisition))
        await self._database.show(RANKS / "event_log", ReadingValues(report.event_log))
        run = FacilityRunStatus.of(report.run.facility_run)
        await self._database.show(FACILITY_RUN, ReadingValues(run))
        await self._database.show(RANKS / "backend", ReadingValues(report.backend))
        if current and report.results:
            await self._post_results(report)
            self._posted_revision, self.latest = report.revision, report
        if current:
            self._orders.ranks_report_posted(report)
            await self._post_settings(Part.RANKS)
            await self.families.posted(report, self._orders.ranks.accepted.resets)
        await self._post_state(report, current)

    async def _post_stream(self, report: RanksReport) -> None:
        limit_s = self._health.lag_limit_s
        total = UNACCOUNTED if report.unaccounted else NO_ALARM
        lag = LAGGING if report.stream.lag > limit_s else NO_ALARM
        stream = ReadingValues(report.stream, alarms={"event_total": total, "lag": lag})
        await self._database.channels_at(RANKS / "stream")["lag"].publish_high(limit_s)
        await self._database.show(RANKS / "stream", stream)

    async def _post_results(self, report: RanksReport) -> None:
        """Post the result of each reduction, with the time of its last pulse."""
        time_ns = report.pulse_time_ns or time.time_ns()
        count = len(self._orders.ranks.accepted.reductions)
        for number, result in enumerate(report.results[:count]):
            former = self.posted.get(number)
            view = reduction_view(result, former.view if former else None)
            if view is not None:
                self.posted[number] = PostedReduction(
                    view, result.order, report.stream, report.run.facility_run
                )
                undefined = BINS_UNDEFINED if view.status.bins_undefined else NO_ALARM
                alarms = {"bins_undefined": undefined}
                showing = ReadingValues(
                    view,
                    time_ns,
                    view.axis.units.symbol,
                    alarms=alarms,
                    intensity_units=intensity_egu(
                        result.order.settings.units, result.order.settings.corrections
                    ),
                )
                await self._database.show(reduction_at(number), showing)
        self._results_posted += 1
        counter = self._remarks_on(Part.RANKS)["array_counter"]
        await counter.publish_value(self._results_posted)

    async def _post_state(self, report: RanksReport, current: bool) -> None:
        if not current:
            state = DetectorState.INITIALIZING
        elif report.catching_up:
            state = DetectorState.READOUT
        elif not report.acquisition.acquiring:
            state = DetectorState.IDLE
        elif self._orders.ranks.accepted.control.pause:
            state = DetectorState.WAITING
        else:
            state = DetectorState.ACQUIRE
        await self._remarks_on(Part.RANKS)["state"].publish_value(state, alarm=NO_ALARM)
        await self._post_health()

    async def _post_health(self) -> None:
        summary, channels = self._health.summary, self._remarks_on(Part.RANKS)
        await channels["status"].publish_value(summary.status, alarm=summary.alarm)
        await channels["message"].publish_value(summary.message, alarm=summary.alarm)

    async def simulator(self, report: SimulatorReport) -> None:
        """Post a report of the simulator."""
        self._orders.simulator.set_present(True)
        self._health.simulator_reported(report.status.log_message)
        await self._database.show(SIMULATOR / "status", ReadingValues(report.status))
        if self._orders.simulator.may_show(report.revision):
            self._orders.simulator_report_posted(report)
            await self._post_settings(Part.SIMULATOR)
        alarm = MINOR if report.message else NO_ALARM
        message = self._remarks_on(Part.SIMULATOR)["message"]
        await message.publish_value(report.message or report.remark, alarm=alarm)
        await self._post_health()

    async def disconnected(self, part: Part, reason: str) -> None:
        """Mark the values of a process that does not report as invalid, until it reports again."""
        await self._database.mark_disconnected(part)
        self._health.gone(part, reason)
        await self._post_health()
        if part is Part.SIMULATOR:
            self._orders.simulator.set_present(False)
            await self._remarks_on(part)["message"].publish_value(reason, alarm=DISCONNECTED_ALARM)
            return
        self._orders.ranks.set_present(False)
        self._held, self._posted_revision = None, -1
        self.families.forget()
        state = self._remarks_on(part)["state"]
        await state.publish_value(DetectorState.DISCONNECTED, alarm=DISCONNECTED_ALARM)

    async def post_drafts(self) -> None:
        """Post the settings that do not fit each other yet, if these have changed."""
        drafts = self._orders.drafts
        if drafts.changes == self._draft_changes_posted:
            return
        self._draft_changes_posted = drafts.changes
        for part in (Part.RANKS, Part.SIMULATOR):
            await self._post_settings(part)
        alarm = NOT_IN_FORCE_ALARM if drafts.message else NO_ALARM
        await self._remarks_on(Part.RANKS)["pending"].publish_value(drafts.message, alarm=alarm)
        await self._post_health()

    async def restarted(self, part: Part, count: int) -> None:
        """Post that ``part`` was started again; ``count`` is the number of all restarts."""
        self._health.restarted(part)
        (self._orders.ranks if part is Part.RANKS else self._orders.simulator).ended()
        await self._remarks_on(Part.RANKS)["restarts"].publish_value(count)

    async def _post_settings(self, part: Part) -> None:
        drafts = self._orders.drafts.values(part)
        await self._database.show_settings(part, self._orders.accepted(part), drafts)

    def _remarks_on(self, part: Part) -> dict[str, PvChannel]:
        """The channels, by field, of the readings that the IOC makes about a process."""
        return self._database.channels_at(
            (RANKS if part is Part.RANKS else SIMULATOR) / IOC_REMARKS
        )
