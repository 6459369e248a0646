"""The overall status: all problems in one status, one alarm and one message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.alarms import DISCONNECTED_ALARM, NO_ALARM, Alarm
from ioc.model.ioc_parameters import OverallStatus, WatchSettings
from ioc.model.paths import Part
from reduction.control.reports import RanksReport, ReductionResult

UNACCOUNTED = Alarm(AlarmStatus.CALC, AlarmSeverity.MAJOR_ALARM)
"""The alarm if events are not accounted for."""
LAGGING = Alarm(AlarmStatus.HIGH, AlarmSeverity.MINOR_ALARM)
"""The alarm if results are older than LagLimit."""
MINOR = Alarm(AlarmStatus.STATE, AlarmSeverity.MINOR_ALARM)
"""The alarm of all other problems while the ranks report."""

RECENT_S = 60.0
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
    text if there are none), ``clock`` seconds. A simulator that has never reported is no problem.
    """

    def __init__(
        self,
        watch: Callable[[], WatchSettings] = WatchSettings,
        ioc_problems: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch, self._ioc_problems, self._clock = watch, ioc_problems, clock
        self._gone: dict[Part, str] = {}
        self._seen: set[Part] = set()
        self._recent: dict[str, float] = {}
        self._reported: list[Problem] = []
        self._empty_spectra: list[Problem] = []
        self._pulses_missing = 0

    @property
    def lag_limit_s(self) -> float:
        """The lag of results, in seconds, above which there is a problem."""
        return self._watch().lag_limit

    def gone(self, part: Part, reason: str) -> None:
        """A process does not report, for this reason."""
        self._gone[part] = reason

    def back(self, part: Part) -> None:
        """A process reports."""
        self._gone.pop(part, None)
        self._seen.add(part)

    def restarted(self, part: Part) -> None:
        """A process that is gone is started again."""
        self._add_recent(f"{self._gone.get(part, part)}; started again")

    def reported(self, report: RanksReport, current: bool) -> None:
        """Take a report of the ranks; ``current`` if its results may be shown."""
        self.back(Part.RANKS)
        if report.stream.pulses_missing > self._pulses_missing:
            self._add_recent("pulses went missing")
        self._pulses_missing = report.stream.pulses_missing
        if report.results:
            self._empty_spectra = list(_empty_spectra(report))
        self._reported = list(self._problems(report, current))

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
        yield from self._still_recent()

    def _still_recent(self) -> dict[str, float]:
        now_s = self._clock()
        return {message: at for message, at in self._recent.items() if now_s - at < RECENT_S}

    def _add_recent(self, message: str) -> None:
        """Keep a message for `RECENT_S`; it becomes the last one, and replaces an equal one."""
        recent = self._still_recent()
        recent.pop(message, None)
        self._recent = recent | {message: self._clock()}


def _empty_spectra(report: RanksReport) -> Iterator[Problem]:
    """A problem for each reduction with an empty spectrum; it says where most events are."""
    for number, result in enumerate(report.results, start=1):
        most, where = max(_not_binned(result), key=lambda each: each[0])
        if most and not result.status.events_binned:
            yield Problem(f"Red{number}: the spectrum is empty; most events are {where}")


def _not_binned(result: ReductionResult) -> Iterator[tuple[int, str]]:
    """The number of events that are not in the spectrum, for each reason, and the reason."""
    status = result.status
    yield status.events_out_of_range, "out of range: choose other bins or another unit"
    yield status.events_masked, "masked: Mask or Groups excludes them"
    yield status.events_filtered, "filtered: their pulses are in no slice"
    yield status.events_invalid, "invalid"
