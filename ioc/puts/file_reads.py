"""Reads the files that puts name, each within a time, so that no disk holds up a put for long."""

from __future__ import annotations

import functools
from collections.abc import Callable

from reduction.control.order_files import nothing_loaded, unread_files
from reduction.control.orders import RanksOrder
from reduction.host.file_system.file_threads import FileThreads, ResultT, in_thread
from reduction.instrument.load_files import LoadFile
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.references import LoadedReferences, SavedReference, named_references


class FileReads:
    """Reads files in ``threads``; ``load`` reads those of detectors."""

    def __init__(self, load: LoadFile = nothing_loaded, threads: FileThreads | None = None) -> None:
        self._load, self._threads = load, threads or FileThreads()

    async def detector_files(self, order: RanksOrder) -> LoadFile:
        """Read the files of detectors that an order names and that are not read.

        Returns a function that has them. Raises `Refused` for a file that cannot be used, or that
        is not read in time.
        """
        unread = sorted(unread_files(order))
        if not unread:
            return nothing_loaded
        files = {
            (kind, path): await self._content(kind, path, functools.partial(self._load, kind, path))
            for kind, path in unread
        }
        return lambda kind, path: files[kind, path]

    async def references(
        self, settings: ReductionSettings, former: LoadedReferences | None
    ) -> LoadedReferences:
        """The background and vanadium of ``settings``; files that ``former`` has are not read.

        Raises `Refused` if they do not fit the settings, or are not read in time.
        """
        files: dict[tuple[str, str], SavedReference] = {}
        for pv, path in named_references(settings):
            before = former.of(pv) if former is not None else None
            if before is None or before.path != path:
                read = functools.partial(SavedReference.read, pv, path)
                files[pv, path] = await self._content(pv, path, read)

        def rebinned() -> LoadedReferences:
            return LoadedReferences.for_settings(settings, former, lambda pv, path: files[pv, path])

        if not any(named_references(settings)):
            return rebinned()
        return await in_thread(rebinned)

    async def _content(self, pv: str, path: str, read: Callable[[], ResultT]) -> ResultT:
        try:
            return await self._threads.run(path, read)
        except TimeoutError as silent:
            raise Refused(pv, path, silent.strerror or str(silent)) from None
