"""Files of the result that the page shows, made when they are asked for."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reduction.files import xye
from web.values.pv_value import WebValue
from web.values.shared_pvs import SharedPv, SharedPvs
from web.values.snapshot_result import NoResult, ResultSource

IOC_ANSWER_S = 3.0
"""Longest wait for the IOC, in seconds."""

SETTLE_S = 0.05
"""Readings of a result come at most so much later than the result, in seconds."""

RESULT_TRIES = 20
"""How often it is tried to find a result and all its readings before the next result comes."""

REST_S = 0.2
"""Time from one file to the next, in seconds, for a flood of downloads to leave time for pages."""

MOST_DOWNLOADS = 8
"""Downloads that wait for each other; further ones are refused."""


@dataclass(frozen=True)
class Download:
    """A file: its name, type and content."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Taken:
    """A result and the readings that were posted with it, by what they are in a file."""

    snapshot: WebValue
    readings: Mapping[str, float]


class TooManyDownloads(Exception):
    """Others are still being made."""


def _xye(source: ResultSource, taken: Taken) -> Download:
    name = _file_name(source, taken, "xye")
    result = source.result(taken.snapshot, taken.readings)
    ((_, content),) = xye.files(result, Path(name))
    return Download(name, "text/plain", content)


def _nexus(source: ResultSource, taken: Taken) -> Download:
    from reduction.files import nexus_writer  # h5py: 0.1 s that the start of the server is spared

    name = _file_name(source, taken, "nxs")
    content = nexus_writer.contents(source.result(taken.snapshot, taken.readings), Path(name))
    return Download(name, "application/x-hdf5", content)


def _file_name(source: ResultSource, taken: Taken, ending: str) -> str:
    prefix = re.sub(r"\W+", "_", source.names.prefix, flags=re.ASCII).strip("_") or "live"
    last = (taken.snapshot.fields or {}).get("pulse_last", 0)
    return f"{prefix}_Red{source.reduction + 1}_to_pulse_{last}.{ending}"


DOWNLOAD_FORMATS: Mapping[str, Callable[[ResultSource, Taken], Download]] = {
    "xye": _xye,
    "nexus": _nexus,
}
"""The formats by their names in addresses."""


class Downloads:
    """Makes files one after another, on a thread, so that no page waits for them."""

    def __init__(self, shared: SharedPvs) -> None:
        self._shared = shared
        self._one = asyncio.Lock()
        self._waiting = 0

    async def download(self, source: ResultSource, file_format: str) -> Download:
        """The file of the newest result; ``file_format`` is a key of `DOWNLOAD_FORMATS`.

        Raises `NoResult` or `TooManyDownloads`.
        """
        if self._waiting >= MOST_DOWNLOADS:
            raise TooManyDownloads("other files are being made; try again")
        self._waiting += 1
        try:
            async with self._one:
                taken = await self._take(source)
                made = await asyncio.to_thread(DOWNLOAD_FORMATS[file_format], source, taken)
                await asyncio.sleep(REST_S)
                return made
        finally:
            self._waiting -= 1

    async def _take(self, source: ResultSource) -> Taken:
        """The newest result, and its readings; raises `NoResult` if the IOC does not answer.

        A reading that is not newer than the result belongs to it: readings that do not change are
        not posted again.
        """

        def ignore(_: SharedPv) -> None:
            """Keeps the process variables open."""

        find, acquire = source.names.find, self._shared.acquire
        snapshot = acquire(find(source.snapshot), ignore)
        readings = {what: acquire(find(name), ignore) for what, name in source.readings.items()}
        try:
            await _all_connected([snapshot, *readings.values()])
            for _ in range(RESULT_TRIES):
                taken = snapshot.value
                await asyncio.sleep(SETTLE_S)
                if taken is snapshot.value:
                    break
            assert taken is not None
            return Taken(taken, {what: _as_number(each) for what, each in readings.items()})
        finally:
            for each in (snapshot, *readings.values()):
                self._shared.release(each, ignore)


def _as_number(shared: SharedPv) -> float:
    """The number that a reading shows, also while the ranks that made it are gone."""
    value = shared.value.value if shared.value else None
    return float(value) if isinstance(value, int | float) else math.nan


async def _all_connected(pvs: list[SharedPv]) -> None:
    try:
        async with asyncio.timeout(IOC_ANSWER_S):
            while not all(each.connected and each.value for each in pvs):
                await asyncio.sleep(SETTLE_S)
    except TimeoutError:
        raise NoResult("the IOC does not answer") from None
