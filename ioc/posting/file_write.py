"""The put handler of ``File:Write``, which saves the posted results in files."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ioc.ca.database import Database, ReadingValues
from ioc.model.file_parameters import FileSettings, FileStatus
from ioc.model.paths import Part, value_at
from ioc.model.pvs import IOC, Access, PvRow
from ioc.options.program import DISTRIBUTION
from ioc.posting.publisher import Publisher
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.control.reports import RanksReport, ReductionResult
from reduction.files.save import SavedFiles, save_together
from reduction.files.saved_result import SavedResult, SavedRun, SavedSeries
from reduction.instrument.selection import group_names
from reduction.parameters.specs import Refused


class FileWriter:
    """Writes the results that are posted at the time of a put to ``File:Write``."""

    def __init__(
        self,
        database: Database,
        orders: OrderPuts,
        publisher: Publisher,
        settings: IocSettings,
    ) -> None:
        self._database, self._orders = database, orders
        self._publisher, self._settings = publisher, settings
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
            saved = await asyncio.to_thread(_saved, self._results(), files)
        except (OSError, RuntimeError, ValueError) as error:
            why = _reason(error)
            await self._post(FileStatus(self._written, why))
            raise Refused("Write", files.name, why) from None
        if files.auto_increment and saved.number is not None:
            await self._settings.count_files(saved.number + 1)
        self._written = str(saved.paths[0])
        await self._post(FileStatus(self._written, _outcome(saved, files)))
        return False

    async def _post(self, status: FileStatus) -> None:
        await self._database.show(IOC / "status", ReadingValues(status))

    def _results(self) -> dict[str, SavedResult]:
        """The posted results, by what is appended to the file name; raises `Refused` without."""
        report, name = self._publisher.latest, self._settings.accepted.files.name
        if report is None:
            raise Refused("Write", name, "no result is posted yet")
        parameters = self._parameters(self._database.rows)
        return {
            "" if len(report.results) == 1 else f"_Red{number}": _result(
                report, result, f"{name}, Red{number}", parameters
            )
            for number, result in enumerate(report.results, start=1)
        }

    def _parameters(self, rows: Iterable[PvRow]) -> dict[str, Any]:
        """Every accepted setting by the name of its process variable."""
        return {
            row.name: _plain(value_at(self._orders.accepted(row.place.part), row.place.path))
            for row in rows
            if row.access is Access.SETPOINT and row.place.part is not Part.IOC
        }


def _saved(results: dict[str, SavedResult], files: FileSettings) -> SavedFiles:
    """Write results, which are given by what is appended to their name: all or none.

    Raises OSError, ValueError, or RuntimeError if ``~`` has no meaning.
    """
    return save_together(results, Path(files.path).expanduser().absolute(), files.naming)


def _outcome(saved: SavedFiles, files: FileSettings) -> str:
    """What was written, in words."""
    words = f"{len(saved.paths)} files are on disk"
    if files.naming.has_number or saved.paths[0].stem.removesuffix("_Red1") == files.name:
        return words
    return f"{words}; {files.name} was taken, so they are called {saved.paths[0].stem}"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, enum.Enum) else value


def _result(
    report: RanksReport, result: ReductionResult, title: str, parameters: dict[str, Any]
) -> SavedResult:
    if result.edges is None or result.counts is None:
        raise Refused("Write", title, "the result has no histogram")
    settings, stream, run = result.order.settings, report.stream, report.run.facility_run
    counts, variances = (
        (result.counts.astype(np.float64),) * 2 if result.faded is None else result.faded
    )
    span_ns = round(report.acquisition.real_time_elapsed * 1e9)
    return SavedResult(
        title=run.title or title,
        units=settings.units,
        edges=result.edges,
        counts=counts,
        variances=np.maximum(variances, 0),
        slice_log=settings.filter.log,
        slice_bounds=settings.filter.bounds,
        group_names=group_names(settings.detectors),
        first_pulse=stream.pulse_first,
        last_pulse=stream.pulse_last,
        start_time_ns=report.pulse_time_ns - span_ns,
        end_time_ns=report.pulse_time_ns,
        collection_time_s=sum(result.seconds),
        proton_charge_uc=sum(result.charges_uc),
        monitor_counts=float(sum(result.monitor_counts)),
        accounting=_accounting(report, result),
        parameters=parameters,
        program=f"{DISTRIBUTION} {version(DISTRIBUTION)}",
        series=_series(result),
        run=SavedRun(run.name, run.title, run.start_ns),
    )


def _accounting(report: RanksReport, result: ReductionResult) -> dict[str, int]:
    """The number of events in each class of the accounting, and of missing pulses."""
    status, stream = result.status, report.stream
    return {
        "received": stream.event_total,
        "binned": status.events_binned,
        "out_of_range": status.events_out_of_range,
        "masked": status.events_masked,
        "filtered": status.events_filtered,
        "invalid": status.events_invalid,
        "pulses_missing": stream.pulses_missing,
    }


def _series(result: ReductionResult) -> tuple[SavedSeries, ...]:
    return tuple(
        SavedSeries(
            each.counts.astype(np.float64),
            each.status.pulse_first,
            each.status.pulse_last,
            each.charge_uc,
            each.seconds,
        )
        for each in result.series
    )


def _reason(error: OSError | RuntimeError | ValueError) -> str:
    """Why a write failed, in words for an operator."""
    match error:
        case Refused():
            return error.why
        case FileExistsError(filename=str(name)):
            return (
                f"{name} is there already, and no file is replaced: put another File:Name, or Yes"
                " to File:AutoIncrement"
            )
        case OSError(strerror=str(words), filename=str(name)):
            return f"{name}: {words}"
    return str(error)
