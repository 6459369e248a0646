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

from ioc.database import Database, Showing
from ioc.groups import ANALYSES, analyses
from ioc.places import Path, Place
from reduction.analysis import WindowSettings
from reduction.families import FAMILIES, Analysis, Family, FamilyView, analysis
from reduction.messages import RanksReport, ReductionResult
from reduction.settings import ReductionSettings
from reduction.spectra import Sample

REST = 3.0
"""Rest after work, in times of what it took: so it takes a quarter of a core."""

Analyse = Callable[[ReductionSettings, Sample, float], Analysis]


@dataclass(frozen=True, eq=False)
class Latest:
    """The latest result that is posted, of pulses of ``seconds`` up to ``time_ns``.

    Numbers of one ``state``, resets and generation, are not to be shown in another one.
    """

    serial: int
    result: ReductionResult
    state: tuple[int, int]
    seconds: float
    time_ns: int


class Families:
    """Analyses the posted results, as far as clients have asked for arrays of what is found.

    A family's arrays are of one result, whose time they carry. Once another generation is posted,
    or a result after a reset, they are NaN until it is analysed. ``analyse`` runs in a thread.
    """

    def __init__(
        self,
        database: Database,
        analyse: Analyse = analysis,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._analyse, self._clock = database, analyse, clock
        self._serials = itertools.count()
        self._posted: dict[int, Latest] = {}
        self._asked: set[Place] = set()
        self._done: dict[Place, tuple[int, frozenset[Path]]] = {}
        self._news, self._changed = asyncio.Event(), asyncio.Event()
        database.watchers.add(self._made)

    def _made(self, place: Place) -> None:
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
            self._posted[number] = Latest(next(self._serials), result, state, seconds, time_ns)
            self._news.set()
            if former is None or former.state != state:
                self._changed.set()
                for family in FAMILIES:
                    blank = FamilyView.of(family, [Analysis()] * family.count(result))
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

    async def _follow(self, number: int, family: Family) -> None:
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
        await self._show(root, posted, FamilyView.of(family, found))

    async def _show(self, root: Place, posted: Latest, view: FamilyView) -> None:
        units = posted.result.order.settings.units.symbol
        await self._database.show(root, Showing(view, posted.time_ns, units))

    def _analysed(
        self, family: Family, posted: Latest, number: int, settings: ReductionSettings
    ) -> Analysis:
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
