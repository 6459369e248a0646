"""The last hour of a few readings, one sample a second, for pages that are opened or reloaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from ioc.model.pvs import Access, PvRow, pv_rows
from reduction.parameters.all_reductions.readings import StreamStatus
from reduction.parameters.windows import PeakStatus, RegionStatus
from simulator.parameters import SimulatorSettings
from web.values.names import WebNames
from web.values.shared_pvs import SharedPv, SharedPvs

SAMPLES = 3600
PERIOD_S = 1.0
"""The history reaches back `SAMPLES` times this."""

KEPT = {
    (StreamStatus, "event_rate"),
    (StreamStatus, "pulse_rate"),
    (StreamStatus, "lag"),
    (PeakStatus, "centre"),
    (PeakStatus, "centre_error"),
    (PeakStatus, "fwhm"),
    (PeakStatus, "fwhm_error"),
    (PeakStatus, "height"),
    (RegionStatus, "net"),
    (RegionStatus, "net_error"),
    (SimulatorSettings, "temperature"),
    (SimulatorSettings, "pressure"),
}
"""Which parameters are kept: class and field."""


def kept_rows(prefix: str, reductions: int) -> list[PvRow]:
    """The process variables whose history is kept: readings, and readbacks of settings."""
    return [
        row
        for row in pv_rows(prefix, reductions)
        if row.access in (Access.READING, Access.READBACK)
        and not row.group.columns
        and (row.group.of, row.field) in KEPT
    ]


class History:
    """Samples of `kept_rows`, the oldest of which are dropped. ``clock`` returns Unix seconds."""

    def __init__(
        self, names: WebNames, shared: SharedPvs, clock: Callable[[], float] = time.time
    ) -> None:
        rows = kept_rows(names.prefix, names.reductions)
        self._clock, self._prefix = clock, names.prefix
        self._pvs = [shared.acquire(names.find(row.name), _ignore_change) for row in rows]
        self._times_s = np.full(SAMPLES, np.nan)
        self._samples = np.full((len(rows), SAMPLES), np.nan)
        self._taken = 0
        self._made, self._made_at = b"", -1

    async def run(self) -> None:
        """Take a sample a second, until cancelled."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.take()
            due_s = max(due_s + PERIOD_S, loop.time())
            await asyncio.sleep(due_s - loop.time())

    def take(self) -> None:
        """Take one sample; what is disconnected or invalid has none."""
        at = self._taken % SAMPLES
        self._times_s[at] = self._clock()
        for number, shared in enumerate(self._pvs):
            good = shared.connected and shared.value is not None
            self._samples[number, at] = shared.value.number if good and shared.value else np.nan
        self._taken += 1

    def json(self) -> bytes:
        """`series` as JSON, made once for each sample, however many ask for it."""
        if self._made_at != self._taken:
            self._made, self._made_at = msgspec.json.encode(self.series()), self._taken
        return self._made

    def series(self) -> dict[str, object]:
        """Times ``t`` in Unix seconds, and ``series``: values by the name without the prefix.

        NaN stands where there was no value; a series without any value is left out.
        """
        order = self._order()
        found = {
            shared.pv.name.removeprefix(self._prefix): values.tolist()
            for shared, values in zip(self._pvs, self._samples[:, order], strict=True)
            if np.isfinite(values).any()
        }
        return {"t": self._times_s[order].tolist(), "series": found}

    def _order(self) -> NDArray[np.int64]:
        """The places of the samples, the oldest first."""
        first = max(self._taken - SAMPLES, 0)
        return np.arange(first, self._taken) % SAMPLES


def _ignore_change(_: SharedPv) -> None:
    """Does nothing; the newest value is looked at once a second."""
