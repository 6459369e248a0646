"""Regions and peaks of each spectrum of a family, found beside the event loop for who asks."""

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

REST = 3.0
"""Rest after work, in times of what it took: so it takes a quarter of a core."""

Analyse = Callable[[ReductionSettings, MeasuredSpectrum, float], SpectrumAnalysis]


@dataclass(frozen=True, eq=False)
class PostedResult:
    """The latest result that is posted, of pulses of ``seconds`` up to ``time_ns``.

    Numbers of one ``state``, resets and generation, are not to be shown in another one.
    """

    serial: int
    result: ReductionResult
    state: tuple[int, int]
    seconds: float
    time_ns: int


class FamilyAnalysis:
    """Analyses the posted results, as far as clients have asked for arrays of what is found.

    A family's arrays are of one result, whose time they carry. Once another generation is posted,
    or a result after a reset, they are NaN until it is analysed. ``analyse`` runs in a thread.
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
        self._done: dict[ValuePath, tuple[int, frozenset[Path]]] = {}
        self._news, self._changed = asyncio.Event(), asyncio.Event()
        database.watchers.add(self._made)

    def _made(self, place: ValuePath) -> None:
        """A channel was made at ``place``: somebody asks."""
        if place.below(ANALYSES) is not None:
            self._asked.add(place)
            self._news.set()

    async def posted(self, report: RanksReport, resets: int) -> None:
        """Take the results of ``report``, posted as after ``resets``. Never suspends."""
        time_ns = report.pulse_time_ns or time.time_ns()
        for number, result in enumerate(report.results):
            if result.counts is None:
                continue
            state, seconds = (resets, result.order.generation), report.acquisition.time_elapsed
            former = self._posted.get(number)
            self._posted[number] = PostedResult(
                next(self._serials), result, state, seconds, time_ns
            )
            self._news.set()
            if former is None or former.state != state:
                self._changed.set()
                for family in FAMILIES:
                    blank = FamilyView.of([SpectrumAnalysis()] * family.count(result))
                    await self._show(analyses(number, family), self._posted[number], blank)

    def forget(self) -> None:
        """What was posted holds no more."""
        self._posted.clear()

    async def run(self) -> None:
        """Analyse the latest results, one family after the other, and rest; until cancelled.

        A change of state ends the rest.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            self._changed.clear()
            began_s = self._clock()
            for number, family in itertools.product(list(self._posted), FAMILIES):
                await self._follow(number, family)
            with contextlib.suppress(TimeoutError):
                rest_s = REST * (self._clock() - began_s)
                await asyncio.wait_for(self._changed.wait(), rest_s)

    async def _follow(self, number: int, family: SpectrumFamily) -> None:
        """Analyse the latest result and show it, unless that is done or its state has passed."""
        root, posted = analyses(number, family), self._posted.get(number)
        asked = frozenset(filter(None, (place.below(root) for place in self._asked)))
        if posted is None or not asked or self._done.get(root) == (posted.serial, asked):
            return
        settings, found = _only(posted.result.order.settings, asked), []
        for each in range(family.count(posted.result)):
            work = functools.partial(self._analysed, family, posted, each, settings)
            found.append(await asyncio.to_thread(work))
            now = self._posted.get(number)
            if now is None or now.state != posted.state:
                return
        self._done[root] = posted.serial, asked
        await self._show(root, posted, FamilyView.of(found))

    async def _show(self, root: ValuePath, posted: PostedResult, view: FamilyView) -> None:
        units = posted.result.order.settings.units.symbol
        await self._database.show(root, ReadingValues(view, posted.time_ns, units))

    def _analysed(
        self, family: SpectrumFamily, posted: PostedResult, number: int, settings: ReductionSettings
    ) -> SpectrumAnalysis:
        """What is found in one spectrum; in a thread."""
        sample = family.sample(posted.result, number)
        return self._analyse(
            settings, sample, family.seconds(posted.result, number, posted.seconds)
        )


def _only(settings: ReductionSettings, asked: frozenset[Path]) -> ReductionSettings:
    """``settings`` with those regions and peaks alone that are asked for."""

    def used(field: str) -> tuple[WindowSettings, ...]:
        windows = enumerate(getattr(settings, field))
        return tuple(each if (field, n) in asked else WindowSettings() for n, each in windows)

    return dataclasses.replace(settings, regions=used("regions"), peaks=used("peaks"))
