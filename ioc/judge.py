"""Judges orders before they are sent: whether they fit the instrument, and whether logs exist."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable

from ioc.pv_logs import PvLogs
from reduction.geometry import Instrument
from reduction.messages import RanksOrder
from reduction.pipeline import check_next_series, recipe
from reduction.settings import ReductionSettings


class Judge:
    """Allows orders that the ranks can obey, so that what they cannot is refused at once.

    ``series`` tells how many series there are, with the running one.
    """

    def __init__(
        self, instrument: Instrument, logs: PvLogs, series: Callable[[], int] = lambda: 1
    ) -> None:
        self._instrument, self._logs, self._series = instrument, logs, series

    @contextlib.asynccontextmanager
    async def allowed(self, old: RanksOrder, new: RanksOrder) -> AsyncIterator[None]:
        """Raises `Refused` for a new order that does not fit; inside, its logs are there."""
        pairs = list(zip(old.reductions, new.reductions, strict=True))
        changed = [(was.settings, now.settings) for was, now in pairs if was != now]
        closes = old.closes != new.closes
        if closes:
            check_next_series(self._series(), new.control)
        for was, now in pairs:
            if closes or was.settings.counted != now.settings.counted:
                await self._fits(now.settings, self._series() + closes)
        names = {now.filter.log for was, now in changed if was.filter.log != now.filter.log}
        async with self._logs.held(names - {""}):
            yield

    async def _fits(self, settings: ReductionSettings, series: int) -> None:
        fits = functools.partial(recipe, settings, self._instrument, series=series)
        if settings.detectors.calibration:
            # A file of a million detectors takes seconds, and the loop must go on meanwhile.
            await asyncio.to_thread(fits)
        else:
            fits()
