"""The put handler of ``File:Write``, which saves the posted results in files."""

from __future__ import annotations

import enum
import errno
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ioc.ca.database import Database, ReadingValues
from ioc.model.addresses import IOC
from ioc.model.file_parameters import FileSettings, FileStatus
from ioc.model.paths import Part, value_at
from ioc.model.pvs import Access, PvRow
from ioc.options.program import DISTRIBUTION
from ioc.posting.publisher import Publisher
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.control.reports import RanksReport
from reduction.files.save import SavedFiles, save_together
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.host.file_system.file_threads import FileThreads, FirstOnly
from reduction.parameters.file_names import LAST_NUMBER
from reduction.parameters.specs import Refused
from reduction.results.outgoing.saved_form import SavingLabels, saved_form
from reduction.results.outgoing.saved_pictures import PostedPictures, saved_pictures

UnitsOf = Callable[[str], Awaitable[str]]
"""Finds the unit of a log; empty if it is not known."""


@dataclass(frozen=True)
class SavingSources:
    """Where a file finds the units of logs, and the detector images and maps that are posted."""

    units_of: UnitsOf
    pictures: PostedPictures


SAVED_S = 30.0
"""Longest time until files are on the disk."""


@dataclass(frozen=True)
class SavingOrder:
    """A report whose results are to be saved, and the labels of each of them."""

    report: RanksReport
    labels: tuple[SavingLabels, ...]


class FileWriter:
    """Writes the results that are posted at the time of a put to ``File:Write``.

    What is not written in the time of ``threads`` is given up, and does not appear later.
    """

    def __init__(
        self,
        database: Database,
        orders: OrderPuts,
        publisher: Publisher,
        settings: IocSettings,
        sources: SavingSources,
        threads: FileThreads | None = None,
    ) -> None:
        self._database, self._orders = database, orders
        self._publisher, self._settings = publisher, settings
        self._sources, self._threads = sources, threads or FileThreads(SAVED_S)
        self._written = ""

    async def start(self) -> None:
        """Post that no file has been written."""
        await self._post(FileStatus())

    async def put(self, _row: PvRow, value: Any, _client: Client) -> Any:
        """Write files; if that fails, posts ``File:Message_RBV`` and raises `Refused`."""
        return await self._write() if value else False

    async def _write(self) -> bool:
        files = self._settings.accepted.files
        try:
            saving = await self._posted()
            saved = await self._saved(saving, files)
        except (OSError, RuntimeError, ValueError) as error:
            why = _reason(error, files)
            await self._post(FileStatus(self._written, why))
            raise Refused("Write", files.name, why) from None
        if files.auto_increment and saved.number is not None:
            await self._settings.count_files(min(saved.number + 1, LAST_NUMBER))
        self._written = str(saved.paths[0])
        await self._post(FileStatus(self._written, _outcome(saved, files)))
        return False

    async def _saved(self, saving: SavingOrder, files: FileSettings) -> SavedFiles:
        """Write the results in a thread; raises as `_save`, and TimeoutError if it takes too long.

        Once the files get their names it cannot be given up.
        """
        naming, folders = FirstOnly(), self._settings.folders

        def begin_naming() -> None:
            if not naming.take():
                raise TimeoutError("given up")

        try:
            return await self._threads.run(
                files.path, lambda: _save(saving, files, folders, begin_naming)
            )
        except TimeoutError as late:
            if naming.take():
                raise
            why = f"{late.strerror}; the files may be there, or appear when it answers"
            raise TimeoutError(errno.ETIMEDOUT, why, files.path) from None

    async def _post(self, status: FileStatus) -> None:
        await self._database.show(IOC / "status", ReadingValues(status))

    async def _posted(self) -> SavingOrder:
        """The posted results, and what their files say of them; raises `Refused` without any."""
        report, name = self._publisher.latest, self._settings.accepted.files.name
        if report is None:
            raise Refused("Write", name, "no result is posted yet")
        parameters = self._parameters(self._database.rows)
        program = f"{DISTRIBUTION} {version(DISTRIBUTION)}"
        every = [result.order.settings for result in report.results]
        units = [await self._sources.units_of(each.filter.log) for each in every]
        labels = [
            SavingLabels(
                f"{name}, Red{index + 1}",
                parameters,
                program,
                units[index],
                tuple(saved_pictures(settings, index, self._sources.pictures)),
            )
            for index, settings in enumerate(every)
        ]
        return SavingOrder(report, tuple(labels))

    def _parameters(self, rows: Iterable[PvRow]) -> dict[str, Any]:
        """Every accepted setting by the name of its process variable."""
        return {
            row.name: _plain(value_at(self._orders.accepted(row.place.part), row.place.path))
            for row in rows
            if row.access is Access.SETPOINT and row.place.part is not Part.IOC
        }


def _save(
    order: SavingOrder,
    files: FileSettings,
    folders: AllowedFolders,
    before_naming: Callable[[], None],
) -> SavedFiles:
    """Write the results of a report, all or none; runs in a thread.

    ``before_naming`` may still prevent it. Raises OSError, ValueError, also for a folder that is
    not allowed, or RuntimeError for a link that leads to itself.
    """
    pairs = list(zip(order.report.results, order.labels, strict=True))
    results = {
        "" if len(pairs) == 1 else f"_Red{number}": saved_form(order.report, result, labels)
        for number, (result, labels) in enumerate(pairs, start=1)
    }
    folder = folders.real_path(files.path)
    return save_together(
        results, folder, files.naming, mantid=files.mantid, before_naming=before_naming
    )


def _outcome(saved: SavedFiles, files: FileSettings) -> str:
    """What was written, in words."""
    words = f"{len(saved.paths)} files are on disk"
    if files.naming.has_number or saved.paths[0].stem.removesuffix("_Red1") == files.name:
        return words
    return f"{words}; {files.name} was taken, so they are called {saved.paths[0].stem}"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, enum.Enum) else value


def _reason(error: OSError | RuntimeError | ValueError, files: FileSettings) -> str:
    """Why a write failed, in words for an operator."""
    match error:
        case Refused():
            return error.why
        case FileExistsError(filename=str(name)):
            other = "a lower File:Number" if files.auto_increment else "Yes to File:AutoIncrement"
            words = f"is there already, and no file is replaced: put another File:Name, or {other}"
            return f"{name} {words}"
        case OSError(strerror=str(words), filename=str(name)):
            return f"{name}: {words}"
    return str(error)
