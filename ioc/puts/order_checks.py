"""Judges orders before they are sent: whether they fit the instrument, and whether logs exist.

So it does with background and vanadium files. It keeps what it read of those that are in force: a
file is read again when it is set again, as the ranks do.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable

from ioc.puts.pv_logs import PvLogs
from reduction.control.orders import RanksOrder
from reduction.engines.recipe import recipe
from reduction.instrument.geometry import Instrument
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.series import check_next_series
from reduction.results.references import LoadedReferences


class OrderChecks:
    """Allows orders that the ranks can obey, so that what they cannot is refused at once.

    ``series`` tells how many series there are, with the running one.
    """

    def __init__(
        self, instrument: Instrument, logs: PvLogs, series: Callable[[], int] = lambda: 1
    ) -> None:
        self._instrument, self._logs, self._series = instrument, logs, series
        self._corrections: dict[int, LoadedReferences] = {}

    @contextlib.asynccontextmanager
    async def allowed(self, old: RanksOrder, new: RanksOrder) -> AsyncIterator[None]:
        """Raises `Refused` for a new order that does not fit; inside, its logs are there."""
        pairs = zip(old.reductions, new.reductions, strict=True)
        settings = list(enumerate((was.settings, now.settings) for was, now in pairs))
        closes = old.closes != new.closes
        if closes:
            check_next_series(self._series(), new.control)
        corrections: dict[int, LoadedReferences] = {}
        for number, (was, now) in settings:
            if closes or was.counted != now.counted:
                await self._fits(now, self._series() + closes)
            if was != now:
                corrections[number] = await self._corrected(number, was, now)
        logs = [(was.filter.log, now.filter.log) for _, (was, now) in settings]
        names = {log for former, log in logs if former != log}
        async with self._logs.held(names - {""}):
            yield
        self._corrections |= corrections

    async def _fits(self, settings: ReductionSettings, series: int) -> None:
        fits = functools.partial(recipe, settings, self._instrument, series=series)
        if settings.detectors.calibration:
            # A file of a million detectors takes seconds, and the loop must go on meanwhile.
            await asyncio.to_thread(fits)
        else:
            fits()

    async def _corrected(
        self, number: int, was: ReductionSettings, now: ReductionSettings
    ) -> LoadedReferences:
        known = self._corrections.get(number)
        former = known if known and known.settings.corrections == was.corrections else None
        if now.corrections.background or now.corrections.vanadium:
            return await asyncio.to_thread(LoadedReferences.for_settings, now, former)
        return LoadedReferences.for_settings(now)
