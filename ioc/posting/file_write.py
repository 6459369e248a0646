"""Saving what is posted: the command that writes files."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ioc.ca.database import Database, ReadingValues
from ioc.model.ioc_parameters import FileStatus
from ioc.model.paths import Part, value_at
from ioc.model.pvs import IOC, Access, PvRow
from ioc.options.program import DISTRIBUTION
from ioc.posting.publisher import Publisher
from ioc.puts.ioc_settings import IocSettings
from ioc.puts.order_puts import OrderPuts
from ioc.security.rules import Client
from reduction.control.reports import RanksReport, ReductionResult
from reduction.files.save import save_together
from reduction.files.saved_result import SavedResult, SavedSeries
from reduction.instrument.selection import group_names
from reduction.parameters.specs import Refused


class FileWriter:
    """Commands of ``File:``; a write takes the result that is on the process variables then."""

    def __init__(
        self, database: Database, desk: OrderPuts, publisher: Publisher, own: IocSettings
    ) -> None:
        self._database, self._desk, self._publisher, self._own = database, desk, publisher, own
        self._written = ""

    async def start(self) -> None:
        """Show that none is written."""
        await self._tell(FileStatus())

    async def put(self, _row: PvRow, value: Any, _client: Client) -> Any:
        """Write; raises `Refused`, and says so on ``File:Message_RBV``."""
        return await self._write() if value else False

    async def _write(self) -> bool:
        files = self._own.accepted.files
        try:
            paths = await asyncio.to_thread(self._saved, self._results())
        except (OSError, ValueError) as error:
            why = _why(error)
            await self._tell(FileStatus(self._written, why))
            raise Refused("Write", files.name, why) from None
        self._written = str(paths[0])
        await self._tell(FileStatus(self._written, f"{len(paths)} files are on disk"))
        return False

    def _saved(self, results: dict[str, SavedResult]) -> list[Path]:
        """Write results by name, all or none; the paths, the first one NeXus."""
        return save_together(results, Path(self._own.accepted.files.path).absolute())

    async def _tell(self, status: FileStatus) -> None:
        await self._database.show(IOC / "status", ReadingValues(status))

    def _results(self) -> dict[str, SavedResult]:
        """What to write, by file name; raises `Refused` if nothing is posted."""
        report, name = self._publisher.latest, self._own.accepted.files.name
        if report is None:
            raise Refused("Write", name, "no result is posted yet")
        parameters = self._parameters(self._database.rows)
        return {
            name if len(report.results) == 1 else f"{name}_Red{number}": _result(
                report, result, f"{name}, Red{number}", parameters
            )
            for number, result in enumerate(report.results, start=1)
        }

    def _parameters(self, rows: Iterable[PvRow]) -> dict[str, Any]:
        """Every accepted setting by the name of its process variable."""
        return {
            row.name: _plain(value_at(self._desk.accepted(row.place.part), row.place.path))
            for row in rows
            if row.access is Access.SETPOINT and row.place.part is not Part.IOC
        }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, enum.Enum) else value


def _result(
    report: RanksReport, result: ReductionResult, title: str, parameters: dict[str, Any]
) -> SavedResult:
    if result.edges is None or result.counts is None:
        raise Refused("Write", title, "the result has no histogram")
    settings, status, stream = result.order.settings, result.status, report.stream
    counts, variances = (
        (result.counts.astype(np.float64),) * 2 if result.faded is None else result.faded
    )
    span_ns = int(report.acquisition.time_elapsed * 1e9)
    return SavedResult(
        title=title,
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
        proton_charge_uc=sum(result.charges_uc),
        monitor_counts=float(sum(result.monitor_counts)),
        accounting={
            "received": stream.event_total,
            "binned": status.events_binned,
            "out_of_range": status.events_out_of_range,
            "masked": status.events_masked,
            "filtered": status.events_filtered,
            "invalid": status.events_invalid,
            "pulses_missing": stream.pulses_missing,
        },
        parameters=parameters,
        program=f"{DISTRIBUTION} {version(DISTRIBUTION)}",
        series=tuple(
            SavedSeries(
                each.counts.astype(np.float64),
                each.status.pulse_first,
                each.status.pulse_last,
                each.charge_uc,
            )
            for each in result.series
        ),
    )


def _why(error: OSError | ValueError) -> str:
    """What went wrong, in words for who asked."""
    match error:
        case Refused():
            return error.why
        case OSError(strerror=str(words), filename=str(name)):
            return f"{name}: {words}"
    return str(error)
