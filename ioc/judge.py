"""Judges orders before they are sent: whether they fit the instrument, and whether logs exist."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ioc.pv_logs import PvLogs
from reduction.geometry import Instrument
from reduction.messages import RanksOrder
from reduction.pipeline import recipe
from reduction.settings import ReductionSettings


class Judge:
    """Allows orders that the ranks can obey, so that what they cannot is refused at once."""

    def __init__(self, instrument: Instrument, logs: PvLogs) -> None:
        self._instrument, self._logs = instrument, logs

    @contextlib.asynccontextmanager
    async def allowed(self, old: RanksOrder, new: RanksOrder) -> AsyncIterator[None]:
        """Raises `Refused` for a new order that does not fit; inside, its logs are there."""
        pairs = zip(old.reductions, new.reductions, strict=True)
        changed = [(was.settings, now.settings) for was, now in pairs if was != now]
        for was, now in changed:
            if was.counted != now.counted:
                await self._fits(now)
        names = {now.filter.log for was, now in changed if was.filter.log != now.filter.log}
        async with self._logs.held(names - {""}):
            yield

    async def _fits(self, settings: ReductionSettings) -> None:
        if settings.detectors.calibration:
            # A file of a million detectors takes seconds, and the loop must go on meanwhile.
            await asyncio.to_thread(recipe, settings, self._instrument)
        else:
            recipe(settings, self._instrument)
