"""Reads the values of a running IOC again and again, over Channel Access."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from caproto import CaprotoError
from caproto.asyncio.client import PV, Context

from ioc.ca.channels.conversion import received
from ioc.ca.client.client_context import client_context
from ioc.model.addresses import IOC_PROCESS, RANKS, reduction_at
from ioc.model.paths import ValuePath
from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.model.wire_type import wire_type
from reduction.parameters.images.image_readings import AreaDetectorReadings, ImageReadings
from reduction.parameters.readings import SliceReadings
from reduction.parameters.reduction import FilterSettings, ReductionSettings

READ_TIMEOUT_S = 5.0
"""Longest wait for the answer to a search or a read; then the IOC counts as gone."""

SEARCH_PAUSE_S = 1.0
"""Time until an IOC that is gone is searched for again."""

ARRAY_FIELDS = ("yc", "xe")
"""The arrays that are read: counts and edges of the spectrum over all slices and groups."""

Readout = Mapping[ValuePath, Any]
"""Values by their address."""


def shown_rows(prefix: str, reductions: int = 1) -> list[PvRow]:
    """The process variables that are always read.

    They are the readings of the ranks and of the IOC's process, and the settings of each reduction.
    """
    return [row for row in pv_rows(prefix, reductions) if not row.group.rare and _is_shown(row)]


def _is_shown(row: PvRow) -> bool:
    if row.access is Access.READBACK:
        return row.group.of in (ReductionSettings, FilterSettings)
    process = row.place.part is RANKS.part or row.group.place == IOC_PROCESS
    wanted = not wire_type(row.spec).is_array or row.field in ARRAY_FIELDS
    return row.access is Access.READING and process and wanted


def image_rows(prefix: str, reductions: int) -> list[PvRow]:
    """The process variables of the detector image of each reduction: its cells and its shape."""
    return [
        row
        for row in pv_rows(prefix, reductions)
        if row.access is Access.READING
        and (
            (row.group.of is ImageReadings and row.field in ("data", "total"))
            or (row.group.of is AreaDetectorReadings and row.field in ("size_x", "size_y"))
        )
        and "image" in row.place.path
    ]


def slice_rows(prefix: str, reductions: int, seen: Readout) -> list[PvRow]:
    """The process variables of the present slices, of reductions that slice by a log."""
    counts = [seen.get(reduction_at(n) / "shape" / "slices", 1) for n in range(reductions)]
    return [
        row
        for row in pv_rows(prefix, reductions)
        if row.group.of is SliceReadings
        and not wire_type(row.spec).is_array
        and row.group.reduction is not None
        and row.group.number is not None
        and row.group.number < counts[row.group.reduction] > 1
    ]


async def readouts(
    prefix: str, reductions: int, interval_s: float, image: bool = False
) -> AsyncGenerator[Readout | None, None]:
    """A readout every ``interval_s`` seconds, without end; None while no IOC answers.

    With ``image`` it has the detector image, which is made as long as it is read.
    """
    while True:
        with contextlib.suppress(CaprotoError, OSError):
            async with aclosing(_readouts_until_lost(prefix, reductions, image)) as found:
                async for each in found:
                    yield each
                    await asyncio.sleep(interval_s)
        yield None
        await asyncio.sleep(SEARCH_PAUSE_S)


async def _readouts_until_lost(
    prefix: str, reductions: int, image: bool
) -> AsyncGenerator[Readout, None]:
    """Readouts until the IOC is lost; then raises CaprotoError or OSError."""
    async with client_context() as context:
        first = await _connect(context, shown_rows(prefix, reductions)[:1])
        await _answered(first)
        reductions = await _reductions_there(context, prefix, reductions)
        always = shown_rows(prefix, reductions)
        pvs = await _connect(context, always)
        if image:
            pvs |= await _connect(context, image_rows(prefix, reductions))
        while True:
            seen = await _read_all(pvs)
            slices = await _connect(context, slice_rows(prefix, reductions, seen))
            yield {**seen, **await _read_all(slices)}


async def _connect(context: Context, rows: list[PvRow]) -> dict[PvRow, PV]:
    """The client's PV object of each row; it may not be connected yet."""
    pvs = await context.get_pvs(*(row.name for row in rows)) if rows else []
    return dict(zip(rows, pvs, strict=True))


async def _answered(pvs: Mapping[PvRow, PV]) -> None:
    """Wait until all of them are connected; raises CaprotoError if one does not answer."""
    await asyncio.gather(*(pv.wait_for_connection(timeout=READ_TIMEOUT_S) for pv in pvs.values()))


async def _reductions_there(context: Context, prefix: str, wanted: int) -> int:
    """How many of the ``wanted`` reductions the IOC has; the first is always there."""
    if wanted == 1:
        return 1
    rows = [row for row in shown_rows(prefix, wanted) if row.place == _units_of(row)]
    pvs = await _connect(context, rows)
    with contextlib.suppress(CaprotoError):
        await _answered(pvs)
    return max(1, sum(bool(pv.connected) for pv in pvs.values()))


def _units_of(row: PvRow) -> ValuePath | None:
    """The address of the unit of the reduction of a row; None if it is of no reduction."""
    number = row.group.reduction
    return None if number is None else reduction_at(number) / "settings" / "units"


async def _read_all(pvs: Mapping[PvRow, PV]) -> dict[ValuePath, Any]:
    """All values; raises CaprotoError if one does not answer."""
    values = await asyncio.gather(*(_value_read(row, pv) for row, pv in pvs.items()))
    return {row.place: value for row, value in zip(pvs, values, strict=True)}


async def _value_read(row: PvRow, pv: PV) -> Any:
    """The present value: a number, a text, the label of a state, or an array (n,) of float64."""
    reply = await pv.read(timeout=READ_TIMEOUT_S)
    wire = wire_type(row.spec)
    if wire.is_array:
        return reply.data
    value = received(row.spec, reply.data, reply.data_type)
    if wire.labels:
        return value if isinstance(value, str) else wire.labels[value]
    return value
