"""The overall status: all problems in one status, one alarm and one message."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.channels.alarms import DISCONNECTED_ALARM, NO_ALARM, Alarm
from ioc.model.ioc_parameters import OverallStatus, WatchSettings
from ioc.model.paths import Part
from ioc.posting.empty_spectra import empty_spectra
from reduction.control.reports import RanksReport, ReductionResult

UNACCOUNTED = Alarm(AlarmStatus.CALC, AlarmSeverity.MAJOR_ALARM)
"""The alarm if events are not accounted for."""
LAGGING = Alarm(AlarmStatus.HIGH, AlarmSeverity.MINOR_ALARM)
"""The alarm if results are older than LagLimit."""
MINOR = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR_ALARM)
"""The alarm of all other problems while the ranks report."""

QUIET_S = 3.0
"""How long no event has come before that is told, after a start or reset."""

TOLD_FOR_S = 60.0
"""How long an incident, such as a restart, stays in the message."""


@dataclass(frozen=True)
class Problem:
    """A problem in words, and its alarm."""

    message: str
    alarm: Alarm = MINOR


@dataclass(frozen=True)
class HealthSummary:
    """The status, the worst alarm of all problems, and their messages joined."""

    status: OverallStatus = OverallStatus.OK
    alarm: Alarm = NO_ALARM
    message: str = ""


class Health:
    """Collects problems and sums them up.

    ``watch`` returns the limits in force, ``ioc_problems`` the problems of the IOC itself (an empty
    text if there are none), ``clock`` seconds. ``source_remark`` returns why the source may be
    quiet, as the end of a sentence, or an empty text. ``news`` are told for the first `TOLD_FOR_S`.
    With ``recorded_times`` of pulses no lag is a problem. A simulator that has never reported is no
    problem.
    """

    def __init__(
        self,
        watch: Callable[[], WatchSettings] = WatchSettings,
        ioc_problems: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
        source_remark: Callable[[], str] = str,
        news: Iterable[str] = (),
        *,
        recorded_times: bool = False,
    ) -> None:
        self._watch, self._ioc_problems, self._clock = watch, ioc_problems, clock
        self._source_remark, self._recorded_times = source_remark, recorded_times
        self._gone: dict[Part, str] = {}
        self._seen: set[Part] = set()
        self._event_log_problem = ""
        self._recent: dict[str, float] = dict.fromkeys(news, clock())
        self._reported: list[Problem] = []
        self._results: tuple[ReductionResult, ...] = ()
        self._empty_spectra: list[Problem] = []
        self._no_events_since_s: float | None = None
        self._pulses_missing = 0

    @property
    def lag_limit_s(self) -> float:
        """The lag of results, in seconds, above which there is a problem."""
        return math.inf if self._recorded_times else self._watch().lag_limit

    def gone(self, part: Part, reason: str) -> None:
        """A process does not report, for this reason."""
        self._gone[part] = reason

    def back(self, part: Part) -> None:
        """A process reports."""
        self._gone.pop(part, None)
        self._seen.add(part)

    def simulator_reported(self, event_log_problem: str) -> None:
        """The simulator reports; what is wrong with its event log, or an empty text."""
        self.back(Part.SIMULATOR)
        self._event_log_problem = event_log_problem

    def restarted(self, part: Part) -> None:
        """A process that is gone is started again."""
        self._add_recent(f"{self._gone.get(part, part)}; started again")

    def reported(self, report: RanksReport, current: bool) -> None:
        """Take a report of the ranks; ``current`` if its results may be shown."""
        self.back(Part.RANKS)
        if report.stream.pulses_missing > self._pulses_missing:
            self._add_recent("pulses went missing")
        self._pulses_missing = report.stream.pulses_missing
        self._results = report.results or self._results
        self._empty_spectra = list(
            self._why_empty(dataclasses.replace(report, results=self._results))
        )
        self._reported = list(self._problems(report, current))

    def _why_empty(self, report: RanksReport) -> Iterator[Problem]:
        """What is to be said of spectra that are empty.

        Where no event has come at all, only after `QUIET_S`, as it is so after every reset.
        """
        counted = report.stream.event_total or any(
            each.status.events_binned for each in report.results
        )
        if counted or not report.acquisition.acquiring or report.catching_up:
            self._no_events_since_s = None
            yield from map(Problem, empty_spectra(report))
            return
        if self._no_events_since_s is None:
            self._no_events_since_s = self._clock()
        if self._clock() - self._no_events_since_s >= QUIET_S:
            quiet = f"no pulses come{self._source_remark()}"
            why = "pulses have no events" if report.stream.pulse_rate else quiet
            yield Problem(f"the spectrum is empty: {why}")

    def _problems(self, report: RanksReport, current: bool) -> Iterator[Problem]:
        if report.unaccounted:
            yield Problem(f"{report.unaccounted} events are not accounted for", UNACCOUNTED)
        if report.message:
            yield Problem(report.message)
        if not current:
            yield Problem("the ranks have not taken the settings yet")
        if report.catching_up:
            share = f"{report.event_log.catch_up:.0f} %"
            yield Problem(f"the event log is read again, {share} so far: results lack pulses")
        elif report.stream.lag > self.lag_limit_s:
            yield Problem(f"results lag by more than {self.lag_limit_s:g} s")
        if report.run.lost:
            yield Problem(
                f"{report.run.lost} pulses since {report.run.since} had left the event log before"
                " they were read again: they are missing, until Reset"
            )

    @property
    def summary(self) -> HealthSummary:
        """The present status; while the ranks are gone, that and what is wrong with the IOC."""
        if Part.RANKS in self._gone:
            message = "; ".join(filter(None, (self._gone[Part.RANKS], self._ioc_problems())))
            return HealthSummary(OverallStatus.ERROR, DISCONNECTED_ALARM, message)
        problems = [*self._reported, *self._empty_spectra, *map(Problem, self._minor_messages())]
        if not problems:
            return HealthSummary()
        alarm = max((each.alarm for each in problems), key=lambda each: (each[1], each))
        minor = alarm[1] == AlarmSeverity.MINOR_ALARM
        message = "; ".join(each.message for each in problems)
        return HealthSummary(
            OverallStatus.WARNING if minor else OverallStatus.ERROR, alarm, message
        )

    def _minor_messages(self) -> Iterator[str]:
        if message := self._ioc_problems():
            yield message
        if Part.SIMULATOR in self._gone.keys() & self._seen:
            yield self._gone[Part.SIMULATOR]
        elif self._event_log_problem:
            yield self._event_log_problem
        yield from self._still_recent()

    def _still_recent(self) -> dict[str, float]:
        now_s = self._clock()
        return {message: at for message, at in self._recent.items() if now_s - at < TOLD_FOR_S}

    def _add_recent(self, message: str) -> None:
        """Keep a message for `TOLD_FOR_S`; it becomes the last one, and replaces an equal one."""
        recent = self._still_recent()
        recent.pop(message, None)
        self._recent = recent | {message: self._clock()}
