"""Posts what the processes report on the channels, so that all that is read together agrees."""

from __future__ import annotations

import dataclasses
import enum
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from caproto import AlarmSeverity, AlarmStatus
from numpy.typing import NDArray

from ioc.channels import NO_ALARM, Alarm, Served
from ioc.database import Access, Database
from ioc.desk import Desk
from ioc.readings import DetectorState, IocStatus, SimulatorIocStatus
from reduction.messages import RanksReport, ReductionResult
from reduction.parameters import BackendStatus, RunControl, StreamStatus
from reduction.settings import ReductionSettings, ReductionStatus, Segment, Spectrum
from simulator.messages import SimulatorReport
from simulator.parameters import SimulatorSettings, SimulatorStatus

GONE: Alarm = (AlarmStatus.COMM, AlarmSeverity.INVALID_ALARM)
UNACCOUNTED: Alarm = (AlarmStatus.CALC, AlarmSeverity.MAJOR_ALARM)
MESSAGE: Alarm = (AlarmStatus.STATE, AlarmSeverity.MINOR_ALARM)

RANKS_SETTINGS = (RunControl, ReductionSettings, Segment)
RANKS_READINGS = (StreamStatus, BackendStatus, ReductionStatus, Spectrum)


class Part(enum.StrEnum):
    """The processes behind the IOC."""

    RANKS = "back end"
    SIMULATOR = "simulator"


class Publisher:
    """Writes the channels of ``database``; the puts that wait at ``desk`` complete by it.

    What comes from the ranks is posted a whole report at a time, ``array_rate`` times a second at
    most, so readings and arrays are always of the same pulses. The first result of a new revision
    is posted at once, and none of an older revision than the accepted one ever.
    """

    def __init__(
        self,
        database: Database,
        desk: Desk,
        array_rate: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._desk = database, desk
        self._period_s, self._clock = 1 / array_rate, clock
        self._due_s = 0.0
        self._posted = -1
        self._held: RanksReport | None = None
        self._edges = np.empty(0)

    async def start(self) -> None:
        """Show the settings that the desk has, and that nobody has reported yet."""
        await self._settings(*RANKS_SETTINGS, SimulatorSettings)
        for part in Part:
            await self.disconnected(part, f"waiting for the {part} to report")

    async def ranks(self, report: RanksReport) -> None:
        """Post ``report``, or hold it until the next if it comes too soon."""
        self._desk.ranks.present(True)
        fresh = self._desk.ranks.current(report.revision)
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
            report, fresh = held, self._desk.ranks.current(held.revision)
        await self._post(report, fresh)

    def _due(self) -> bool:
        # Half a period of grace, which the next one waits longer for: so reports as frequent as the
        # limit do not miss it by jitter.
        return self._clock() >= self._due_s - self._period_s / 2

    async def _post(self, report: RanksReport, fresh: bool) -> None:
        total = UNACCOUNTED if report.unaccounted else NO_ALARM
        await self._readings(report.stream, event_total=total)
        await self._readings(report.backend)
        if fresh and report.results:
            await self._result(report.results[0], report.pulse_time_ns or time.time_ns())
            self._posted = report.revision
        if fresh:
            self._desk.posted_ranks(report)
            await self._settings(*RANKS_SETTINGS)
        await self._state(report, fresh)

    async def _result(self, result: ReductionResult, time_ns: int) -> None:
        """Post one result: nothing here suspends, so its arrays appear together."""
        if result.edges is None or result.counts is None:
            return
        await self._axis(result.edges, result.order.settings.units.symbol, time_ns)
        counts = result.counts.sum(axis=(0, 1), dtype=np.float64)
        width = np.diff(result.edges)
        spectrum = self._database.of(Spectrum)
        for name, values in (
            ("y", counts / width),
            ("yc", counts),
            ("e", np.sqrt(counts) / width),
            ("total", counts.sum()),
        ):
            await spectrum[name].publish_value(values, time_ns, NO_ALARM)
        await self._readings(result.status, time_ns=time_ns)

    async def _axis(self, edges: NDArray[np.float64], units: str, time_ns: int) -> None:
        """Post X and XE if they are others than before; ``edges`` in ``units``, (bins + 1,)."""
        spectrum = self._database.of(Spectrum)
        same = units == spectrum["xe"].units and np.array_equal(edges, self._edges)
        for name, values in (("x", (edges[:-1] + edges[1:]) / 2), ("xe", edges)):
            if same:
                await spectrum[name].publish_alarm(NO_ALARM)
            else:
                await spectrum[name].publish_units(units)
                await spectrum[name].publish_value(values, time_ns, NO_ALARM)
        self._edges = edges

    async def _state(self, report: RanksReport, fresh: bool) -> None:
        if not fresh:
            state = DetectorState.INITIALIZING
        elif self._desk.accepted(RunControl).pause:
            state = DetectorState.WAITING
        else:
            state = DetectorState.ACQUIRE
        lost = f"{report.unaccounted} events are in no count" if report.unaccounted else ""
        words = "; ".join(filter(None, (lost, report.message)))
        channels = self._database.of(IocStatus)
        await channels["state"].publish_value(state, alarm=NO_ALARM)
        await channels["message"].publish_value(words, alarm=MESSAGE if words else NO_ALARM)

    async def simulator(self, report: SimulatorReport) -> None:
        """Post ``report``."""
        self._desk.simulator.present(True)
        await self._readings(report.status)
        if self._desk.simulator.current(report.revision):
            self._desk.posted_simulator(report)
            await self._settings(SimulatorSettings)
        await self._database.of(SimulatorIocStatus)["message"].publish_value("", alarm=NO_ALARM)

    async def disconnected(
        self, part: Part, reason: str, state: DetectorState = DetectorState.DISCONNECTED
    ) -> None:
        """Keep the last values of ``part``, as invalid, until it reports again; say why.

        ``state`` is `DetectorState.ERROR` if nobody is going to restart it.
        """
        if part is Part.SIMULATOR:
            self._desk.simulator.present(False)
            await _alarm(self._database.of(SimulatorStatus).values(), GONE)
            message = self._database.of(SimulatorIocStatus)["message"]
            await message.publish_value(reason, alarm=GONE)
            return
        self._desk.ranks.present(False)
        self._held, self._posted = None, -1
        for kind in RANKS_READINGS:
            await _alarm(self._database.of(kind).values(), GONE)
        channels = self._database.of(IocStatus)
        await channels["state"].publish_value(state, alarm=GONE)
        await channels["message"].publish_value(reason, alarm=GONE)

    async def restarted(self, count: int) -> None:
        """Post how many times the ranks were restarted."""
        await self._database.of(IocStatus)["restarts"].publish_value(count)

    async def _settings(self, *kinds: type[Any]) -> None:
        """Setpoints and readbacks follow what is accepted; an alarm of a refused put stays."""
        for kind in kinds:
            settings = self._desk.accepted(kind)
            for access in (Access.SETPOINT, Access.READBACK):
                for field, channel in self._database.of(kind, access).items():
                    await channel.publish_value(getattr(settings, field))

    async def _readings(self, status: Any, time_ns: int | None = None, **alarms: Alarm) -> None:
        channels = self._database.of(type(status))
        for field in dataclasses.fields(status):
            alarm = alarms.get(field.name, NO_ALARM)
            value = getattr(status, field.name)
            await channels[field.name].publish_value(value, time_ns, alarm)


async def _alarm(channels: Iterable[Served], alarm: Alarm) -> None:
    for channel in channels:
        await channel.publish_alarm(alarm)
