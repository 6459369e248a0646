"""Checks orders before they are sent: against the instrument, the files and the logs they need.

So an order that the ranks could not obey is refused before it is sent.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable

from ioc.puts.file_reads import FileReads
from ioc.puts.image_geometries import ImageGeometries
from ioc.pv_logs.pv_logs import PvLogs
from reduction.control.orders import RanksOrder
from reduction.control.run_state import MOST_GAPS, RunState
from reduction.engines.recipe import recipe
from reduction.host.file_system.file_threads import in_thread
from reduction.instrument.detector_file import DetectorFile
from reduction.parameters.acquisition import Preset
from reduction.parameters.all_reductions.series import check_next_series
from reduction.parameters.reduction import TIME_LOG, ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.references import LoadedReferences


class OrderChecks:
    """Checks the orders of ranks that reduce for the instrument of ``geometries``.

    ``run`` returns the newest run state of the ranks, ``reads`` reads files. The contents of the
    background and vanadium files in force are kept: a file is read again only when its name is put
    again, as in the ranks. The geometries of images that an order asks for are made first.
    """

    def __init__(
        self,
        geometries: ImageGeometries,
        logs: PvLogs,
        run: Callable[[], RunState] = RunState,
        reads: FileReads | None = None,
    ) -> None:
        self._geometries, self._logs, self._run = geometries, logs, run
        self._reads = reads or FileReads()
        self._corrections: dict[int, LoadedReferences] = {}

    @contextlib.asynccontextmanager
    async def check(self, former: RanksOrder, order: RanksOrder) -> AsyncIterator[None]:
        """Raises `Refused` if ``order`` cannot be obeyed after ``former``.

        While the context is open, the ranks have a value of every log that the order slices by.
        """
        pairs = zip(former.reductions, order.reductions, strict=True)
        settings = list(enumerate((was.settings, now.settings) for was, now in pairs))
        closes, run = former.closes != order.closes, self._run()
        if former.starts != order.starts:
            _check_preset(order)
        if closes:
            check_next_series(run.series, order.control)
        if order.control.pause and len(run.gaps) >= MOST_GAPS:
            why = f"there were {len(run.gaps)} pauses, which is the limit; Reset forgets them"
            raise Refused("Pause", True, why)
        corrections: dict[int, LoadedReferences] = {}
        for number, (was, now) in settings:
            if closes or was.counted != now.counted:
                await self._check_recipe(now, order.files, run.series + closes)
            if was != now:
                corrections[number] = await self._correction(number, was, now)
        names = {log for _, (was, now) in settings for log in now.logs - was.logs}
        await self._geometries.ready(order)
        async with self._logs.available(names - {TIME_LOG}):
            yield
        self._corrections |= corrections

    async def _check_recipe(
        self, settings: ReductionSettings, files: tuple[DetectorFile, ...], series: int
    ) -> None:
        """Raises `Refused` if the settings do not fit the instrument, or need too much memory.

        With files in a thread: they may have a million detectors, and the event loop must not wait.
        """
        check = functools.partial(
            recipe, settings, self._geometries.instrument, series=series, files=files
        )
        if files:
            await in_thread(check)
        else:
            check()

    async def _correction(
        self, number: int, was: ReductionSettings, now: ReductionSettings
    ) -> LoadedReferences:
        """The background and vanadium of ``now``; raises `Refused` if they do not fit it."""
        known = self._corrections.get(number)
        former = known if known and known.settings.corrections == was.corrections else None
        return await self._reads.references(now, former)


def _check_preset(order: RanksOrder) -> None:
    """Raises `Refused` for an acquisition whose preset counts in a region without a window.

    It would never end.
    """
    settings = order.acquisition
    number = settings.preset_region
    counting = settings.preset in (Preset.COUNTS, Preset.REL_ERROR)
    if counting and number and not order.reductions[0].settings.regions[number - 1].used:
        why = f"Preset {settings.preset} counts in region {number}, and Red1:ROI{number} has no"
        raise Refused("Acquire", True, f"{why} window: its Min and Max are 0")
