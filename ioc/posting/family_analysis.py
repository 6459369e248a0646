"""Regions and peaks of each slice, group and series, computed in a thread if a client asks."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from ioc.ca.database import Database, ReadingValues
from ioc.model.addresses import ANALYSES
from ioc.model.paths import Path, ValuePath
from ioc.model.pvs import analyses
from reduction.control.reports import RanksReport, ReductionResult
from reduction.host.file_system.file_threads import in_thread
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.windows import WindowSettings
from reduction.results.families import (
    FAMILIES,
    FamilyView,
    SpectrumAnalysis,
    SpectrumFamily,
    analyse_spectrum,
)
from reduction.results.intensity_labels import intensity_egu
from reduction.results.spectra import MeasuredSpectrum

PAUSE = 3.0
"""Pause after an analysis, in multiples of its duration: analyses take at most a quarter core."""

Analyse = Callable[[ReductionSettings, MeasuredSpectrum, float], SpectrumAnalysis]
"""Computes regions and peaks of (settings, spectrum, seconds in which it was counted)."""


@dataclass(frozen=True)
class ResultState:
    """The settings and the reset of a result. Values of one state are not shown for another."""

    resets: int
    generation: int


@dataclass(frozen=True, eq=False)
class PostedResult:
    """The latest posted result of a reduction, of pulses up to ``time_ns``.

    ``serial`` counts all results.
    """

    serial: int
    result: ReductionResult
    state: ResultState
    time_ns: int


@dataclass(frozen=True)
class FinishedAnalysis:
    """The result that was analysed, by its serial, and the paths below the root of the family."""

    serial: int
    asked: frozenset[Path]


class FamilyAnalysis:
    """Posts arrays with the regions and peaks of each spectrum of a family.

    Only regions and peaks that clients have asked for are computed; ``analyse`` runs in a thread.
    All arrays of a family are of one result, and have the time of that result. When a result of
    another state is posted, the arrays become NaN until that result is analysed; for a moment reads
    wait for that.
    """

    def __init__(
        self,
        database: Database,
        analyse: Analyse = analyse_spectrum,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._analyse, self._clock = database, analyse, clock
        self._serials = itertools.count()
        self._posted: dict[int, PostedResult] = {}
        self._asked: set[ValuePath] = set()
        self._finished: dict[ValuePath, FinishedAnalysis] = {}
        self._work, self._state_changed = asyncio.Event(), asyncio.Event()
        database.watchers.add(self._channel_made)

    def _channel_made(self, place: ValuePath) -> None:
        """Remember that a client asks for the value at ``place``, whose channel was made."""
        if place.below(ANALYSES) is not None:
            self._asked.add(place)
            self._work.set()
            self._expect(place)

    def _expect(self, place: ValuePath) -> None:
        """Have reads of the value at ``place`` wait for it a moment, if it will be computed."""
        if self._is_computed(place):
            for each in self._database.channels_at(place).values():
                each.expect_value()

    def _is_computed(self, place: ValuePath) -> bool:
        """Whether the latest results have values at ``place``, once they are analysed."""
        return any(
            path is not None and _window(posted.result.order.settings, path).used
            for number, posted in self._posted.items()
            for path in (place.below(analyses(number, family)) for family in FAMILIES)
        )

    async def posted(self, report: RanksReport, resets: int) -> None:
        """Take the results of ``report``, which is posted; ``resets`` is of the accepted order.

        Never suspends.
        """
        time_ns = report.pulse_time_ns or time.time_ns()
        for number, result in enumerate(report.results):
            if result.counts is None:
                continue
            state = ResultState(resets, result.order.generation)
            former = self._posted.get(number)
            self._posted[number] = PostedResult(next(self._serials), result, state, time_ns)
            self._work.set()
            if former is None or former.state != state:
                self._state_changed.set()
                for family in FAMILIES:
                    blank = FamilyView.blank(family.count(result))
                    await self._show(analyses(number, family), self._posted[number], blank)
                for place in self._asked:
                    self._expect(place)

    def forget(self) -> None:
        """Analyse nothing until another result is posted: the ranks are gone."""
        self._posted.clear()

    async def run(self) -> None:
        """Analyse the latest results, one family after the other, and pause; until cancelled.

        A change of state ends the pause.
        """
        while True:
            await self._work.wait()
            self._work.clear()
            self._state_changed.clear()
            began_s = self._clock()
            for number, family in itertools.product(list(self._posted), FAMILIES):
                await self._analyse_family(number, family)
            with contextlib.suppress(TimeoutError):
                pause_s = PAUSE * (self._clock() - began_s)
                await asyncio.wait_for(self._state_changed.wait(), pause_s)

    async def _analyse_family(self, number: int, family: SpectrumFamily) -> None:
        """Analyse the latest result of a reduction and post the arrays of one family.

        Does nothing if this is done already; stops when a result of another state is posted.
        """
        root, posted = analyses(number, family), self._posted.get(number)
        asked = frozenset(filter(None, (place.below(root) for place in self._asked)))
        if posted is None or not asked:
            return
        analysis = FinishedAnalysis(posted.serial, asked)
        if self._finished.get(root) == analysis:
            return
        settings, found = _only(posted.result.order.settings, asked), []
        for each in range(family.count(posted.result)):
            work = functools.partial(self._analysed, family, posted, each, settings)
            found.append(await in_thread(work))
            now = self._posted.get(number)
            if now is None or now.state != posted.state:
                return
        self._finished[root] = analysis
        await self._show(root, posted, FamilyView.of(found), asked)

    async def _show(
        self,
        root: ValuePath,
        posted: PostedResult,
        view: FamilyView,
        known: frozenset[Path] = frozenset(),
    ) -> None:
        """Show the arrays of a family; those not ``known``, or of unset windows, are in alarm."""
        settings = posted.result.order.settings

        def absent(path: Path) -> bool:
            return path not in known or not _window(settings, path).used

        values = ReadingValues(
            view,
            posted.time_ns,
            settings.units.symbol,
            intensity_units=intensity_egu(settings.units, settings.corrections),
            absent=absent,
        )
        await self._database.show(root, values)

    def _analysed(
        self, family: SpectrumFamily, posted: PostedResult, number: int, settings: ReductionSettings
    ) -> SpectrumAnalysis:
        """Regions and peaks of one spectrum; runs in a thread."""
        sample = family.sample(posted.result, number)
        return self._analyse(settings, sample, family.seconds(posted.result, number))


def _window(settings: ReductionSettings, path: Path) -> WindowSettings:
    """The window of the region or peak at a path below the root of a family."""
    windows, number = path
    window: WindowSettings = getattr(settings, str(windows))[number]
    return window


def _only(settings: ReductionSettings, asked: frozenset[Path]) -> ReductionSettings:
    """``settings`` in which all regions and peaks that are not in ``asked`` are empty."""

    def used(field: str) -> tuple[WindowSettings, ...]:
        windows = enumerate(getattr(settings, field))
        return tuple(each if (field, n) in asked else WindowSettings() for n, each in windows)

    return dataclasses.replace(settings, regions=used("regions"), peaks=used("peaks"))
