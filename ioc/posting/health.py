"""What is wrong, of all that could be: rolled up to one status, its alarm and its words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.channel import NO_ALARM, Alarm
from ioc.ca.database import GONE
from ioc.model.ioc_parameters import OverallStatus, WatchSettings
from ioc.model.paths import Part
from reduction.control.reports import RanksReport

UNACCOUNTED: Alarm = (AlarmStatus.CALC, AlarmSeverity.MAJOR_ALARM)
LAGGING: Alarm = (AlarmStatus.HIGH, AlarmSeverity.MINOR_ALARM)
MESSAGE: Alarm = (AlarmStatus.STATE, AlarmSeverity.MINOR_ALARM)

LATELY_S = 60.0
"""How long what happened once is told."""


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong, and how badly."""

    words: str
    alarm: Alarm = MESSAGE


@dataclass(frozen=True)
class Verdict:
    """All troubles in one: the worst alarm, and the words of all."""

    status: OverallStatus = OverallStatus.OK
    alarm: Alarm = NO_ALARM
    words: str = ""


class Health:
    """Collects what is wrong; ``remark`` is asked for what the IOC itself has to say.

    Before the first report of the ranks all is gone; a simulator that never was is not missed.
    """

    def __init__(
        self,
        watch: Callable[[], WatchSettings] = WatchSettings,
        remark: Callable[[], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch, self._remark, self._clock = watch, remark, clock
        self._gone: dict[Part, str] = {}
        self._seen: set[Part] = set()
        self._lately: dict[str, float] = {}
        self._standing: list[Trouble] = []
        self._empty: list[Trouble] = []
        self._missing = 0

    @property
    def lag_limit_s(self) -> float:
        return self._watch().lag_limit

    def gone(self, part: Part, reason: str) -> None:
        """A part is not there, for this reason."""
        self._gone[part] = reason

    def back(self, part: Part) -> None:
        """A part reports."""
        self._gone.pop(part, None)
        self._seen.add(part)

    def restarted(self, part: Part) -> None:
        """A part that is gone is started again."""
        self._note(f"{self._gone.get(part, part)}; started again")

    def reported(self, report: RanksReport, fresh: bool) -> None:
        """The ranks say how they are; ``fresh`` if they obey the present order."""
        self.back(Part.RANKS)
        if report.stream.pulses_missing > self._missing:
            self._note("pulses went missing")
        self._missing = report.stream.pulses_missing
        if report.results:
            self._empty = list(_nothing_binned(report))
        self._standing = list(self._troubles(report, fresh))

    def _troubles(self, report: RanksReport, fresh: bool) -> Iterator[Trouble]:
        if report.unaccounted:
            yield Trouble(f"{report.unaccounted} events are in no count", UNACCOUNTED)
        if report.message:
            yield Trouble(report.message)
        if not fresh:
            yield Trouble("the ranks have not taken the settings yet")
        if report.stream.lag > self.lag_limit_s:
            yield Trouble(f"results lag more than {self.lag_limit_s:g} s")

    @property
    def verdict(self) -> Verdict:
        """How all is now."""
        if Part.RANKS in self._gone:
            return Verdict(OverallStatus.ERROR, GONE, self._gone[Part.RANKS])
        troubles = [*self._standing, *self._empty, *map(Trouble, self._remarks())]
        if not troubles:
            return Verdict()
        _, alarm = max((each.alarm[1], each.alarm) for each in troubles)
        minor = alarm[1] == AlarmSeverity.MINOR_ALARM
        words = "; ".join(each.words for each in troubles)
        return Verdict(OverallStatus.WARNING if minor else OverallStatus.ERROR, alarm, words)

    def _remarks(self) -> Iterator[str]:
        if remark := self._remark():
            yield remark
        if Part.SIMULATOR in self._gone.keys() & self._seen:
            yield self._gone[Part.SIMULATOR]
        now_s = self._clock()
        yield from (words for words, at_s in self._lately.items() if now_s - at_s < LATELY_S)

    def _note(self, words: str) -> None:
        """Tell of something for a while; the latest comes last, and nothing twice."""
        now_s = self._clock()
        former = {key: at for key, at in self._lately.items() if now_s - at < LATELY_S}
        former.pop(words, None)
        self._lately = former | {words: now_s}


def _nothing_binned(report: RanksReport) -> Iterator[Trouble]:
    """For each reduction that none of its events is in the bins of, where most of them are."""
    for number, result in enumerate(report.results, start=1):
        status = result.status
        elsewhere = {
            "out of range: other bins, or another unit, have them": status.events_out_of_range,
            "masked: Mask and Groups leave them out": status.events_masked,
            "filtered: their pulses are in no slice": status.events_filtered,
            "invalid": status.events_invalid,
        }
        most = max(elsewhere, key=lambda words: elsewhere[words])
        if not status.events_binned and elsewhere[most]:
            yield Trouble(f"Red{number}: nothing is in the spectrum; most events are {most}")
