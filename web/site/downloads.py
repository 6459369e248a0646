"""Files of the result that the page shows, made when they are asked for."""

from __future__ import annotations

import asyncio
import io
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reduction.files import xye
from web.values.shared_pvs import SharedPv, SharedPvs
from web.values.snapshot_result import NoResult, ResultSource, TakenResult

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


class TooManyDownloads(Exception):
    """Others are still being made."""


def _xye(source: ResultSource, taken: TakenResult) -> Download:
    """The file of the sum; with those of slices and series in an archive, if there are any."""
    name = _file_name(source, taken, "xye")
    files = list(xye.files(source.result(taken), Path(name)))
    if len(files) == 1:
        return Download(name, "text/plain", files[0][1])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files:
            archive.writestr(path.name, content)
    return Download(_file_name(source, taken, "zip"), "application/zip", packed.getvalue())


def _nexus(source: ResultSource, taken: TakenResult) -> Download:
    from reduction.files import nexus_writer  # h5py: 0.1 s that the start of the server is spared

    name = _file_name(source, taken, "nxs")
    content = nexus_writer.contents(source.result(taken), Path(name))
    return Download(name, "application/x-hdf5", content)


def _file_name(source: ResultSource, taken: TakenResult, ending: str) -> str:
    prefix = re.sub(r"\W+", "_", source.names.prefix, flags=re.ASCII).strip("_") or "live"
    last = (taken.snapshot.fields or {}).get("pulse_last", 0)
    return f"{prefix}_Red{source.reduction + 1}_to_pulse_{last}.{ending}"


DOWNLOAD_FORMATS: Mapping[str, Callable[[ResultSource, TakenResult], Download]] = {
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

    async def _take(self, source: ResultSource) -> TakenResult:
        """The newest result, with its readings and spectra; raises `NoResult`.

        A reading that is not newer than the result belongs to it: readings that do not change are
        not posted again.
        """
        with OpenedPvs(source, self._shared) as opened:
            snapshot = opened.open([source.snapshot])[0]
            names = source.readings
            readings = dict(zip(names, opened.open(names.values()), strict=True))
            for _ in range(RESULT_TRIES):
                await opened.all_connected()
                newest = snapshot.value
                await asyncio.sleep(SETTLE_S)
                taken = _of_one_result(source, opened, snapshot, readings)
                if taken is not None and taken.snapshot is newest:
                    return taken
        raise NoResult("results come faster than they can be read; pause, and try again")


def _of_one_result(
    source: ResultSource, opened: OpenedPvs, snapshot: SharedPv, shared: Mapping[str, SharedPv]
) -> TakenResult | None:
    """What has come of the newest result; None if some of its spectra have not come.

    All process variables of the result are open afterwards.
    """
    value = snapshot.value
    assert value is not None
    readings = {what: _as_number(each) for what, each in shared.items()}
    spectra, left_out = source.spectra(value, readings), ""
    bins = value.arrays["YC"].size if value.arrays else 0
    if not spectra.fits(bins):
        left_out = f"without its {spectra.count} slices, groups and series: too many for the page"
        spectra = replace(spectra, slices=0, groups=0, series=0)
    values = {each.pv.name: each.value for each in opened.open(spectra.names)}
    complete = {
        name: each for name, each in values.items() if each and each.time_ns <= value.time_ns
    }
    if len(complete) < len(values) or not spectra.are_of(complete, bins):
        return None
    return TakenResult(value, readings, spectra, complete, left_out)


class OpenedPvs:
    """Process variables that are kept open for a file, until the end of the ``with`` block."""

    def __init__(self, source: ResultSource, shared: SharedPvs) -> None:
        self._find, self._shared = source.names.find, shared
        self._opened: dict[str, SharedPv] = {}

    def __enter__(self) -> OpenedPvs:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._opened.values():
            self._shared.release(each, self._ignore)

    def _ignore(self, _: SharedPv) -> None:
        """Keeps the process variables open."""

    def open(self, names: Iterable[str]) -> list[SharedPv]:
        """The process variables of these names."""
        for name in names:
            if name not in self._opened:
                self._opened[name] = self._shared.acquire(self._find(name), self._ignore)
        return [self._opened[name] for name in names]

    async def all_connected(self) -> None:
        """Wait until all have values; raises `NoResult` if the IOC does not answer."""
        try:
            async with asyncio.timeout(IOC_ANSWER_S):
                while not all(each.connected and each.value for each in self._opened.values()):
                    await asyncio.sleep(SETTLE_S)
        except TimeoutError:
            raise NoResult("the IOC does not answer") from None


def _as_number(shared: SharedPv) -> float:
    """The number that a reading shows, also while the ranks that made it are gone."""
    value = shared.value.value if shared.value else None
    return float(value) if isinstance(value, int | float) else math.nan
