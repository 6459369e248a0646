"""Regions and peaks of each slice, group and series, found in a thread if a client asks."""

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
from ioc.model.paths import Path, ValuePath
from ioc.model.pvs import ANALYSES, analyses
from reduction.control.reports import RanksReport, ReductionResult
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.windows import WindowSettings
from reduction.results.families import (
    FAMILIES,
    FamilyView,
    SpectrumAnalysis,
    SpectrumFamily,
    analyse_spectrum,
)
from reduction.results.spectra import MeasuredSpectrum

PAUSE = 3.0
"""Pause after an analysis, as a multiple of its time: so it takes a quarter of a core at most."""

Analyse = Callable[[ReductionSettings, MeasuredSpectrum, float], SpectrumAnalysis]
"""What is found in a spectrum: (settings, spectrum, seconds in which it was counted)."""


@dataclass(frozen=True)
class ResultState:
    """What a result is of: values found in a result of one state are not shown for another."""

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
    """Of which result, and for which paths below the root of a family, an analysis was made."""

    serial: int
    asked: frozenset[Path]


class FamilyAnalysis:
    """Analyses the posted results, and posts arrays of what is found in each spectrum of a family.

    Only what clients have asked for is found; ``analyse`` runs in a thread. The arrays of a family
    are of one result, whose time they carry. Once a result of another state is posted, they are NaN
    until it is analysed.
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
        """A channel was made at ``place``, because a client asks for it."""
        if place.below(ANALYSES) is not None:
            self._asked.add(place)
            self._work.set()

    async def posted(self, report: RanksReport, resets: int) -> None:
        """Take the results of ``report``, now posted; ``resets`` is of the accepted order.

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
                    blank = FamilyView.of([SpectrumAnalysis()] * family.count(result))
                    await self._show(analyses(number, family), self._posted[number], blank)

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
        """Analyse the latest result and post what is found.

        Not if that is done already, or if a result of another state is posted meanwhile.
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
            found.append(await asyncio.to_thread(work))
            now = self._posted.get(number)
            if now is None or now.state != posted.state:
                return
        self._finished[root] = analysis
        await self._show(root, posted, FamilyView.of(found))

    async def _show(self, root: ValuePath, posted: PostedResult, view: FamilyView) -> None:
        units = posted.result.order.settings.units.symbol
        await self._database.show(root, ReadingValues(view, posted.time_ns, units))

    def _analysed(
        self, family: SpectrumFamily, posted: PostedResult, number: int, settings: ReductionSettings
    ) -> SpectrumAnalysis:
        """What is found in one spectrum; runs in a thread."""
        sample = family.sample(posted.result, number)
        return self._analyse(settings, sample, family.seconds(posted.result, number))


def _only(settings: ReductionSettings, asked: frozenset[Path]) -> ReductionSettings:
    """``settings`` with only those regions and peaks that are asked for; the others are empty."""

    def used(field: str) -> tuple[WindowSettings, ...]:
        windows = enumerate(getattr(settings, field))
        return tuple(each if (field, n) in asked else WindowSettings() for n, each in windows)

    return dataclasses.replace(settings, regions=used("regions"), peaks=used("peaks"))
