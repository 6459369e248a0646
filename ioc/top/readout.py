"""What a running IOC shows, read by Channel Access again and again, from any machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from caproto import CaprotoError
from caproto.asyncio.client import PV, Context

from ioc.ca.conversion import received
from ioc.ca.pv_monitors import CLIENT
from ioc.model.paths import ValuePath
from ioc.model.pvs import IOC_PROCESS, RANKS, Access, PvRow, pv_rows, reduction_at
from ioc.model.wire_type import wire_type
from reduction.parameters.readings import SliceReadings
from reduction.parameters.reduction import FilterSettings, ReductionSettings

ANSWER_S = 2.0
"""Time that an IOC has to answer a search or a read, before it is taken to be gone."""

PAUSE_S = 1.0
"""Time until one that is gone is searched for again."""

ARRAYS = ("yc", "xe")
"""Fields whose arrays are read: the counts and the edges of the whole spectrum."""

Readout = Mapping[ValuePath, Any]
"""Values by the place that they stand at."""


def interesting(prefix: str, reductions: int = 1) -> list[PvRow]:
    """What is read: readings of the ranks and of the IOC, and how each reduction is set."""
    return [row for row in pv_rows(prefix, reductions) if not row.group.rare and _read(row)]


def _read(row: PvRow) -> bool:
    if row.access is Access.READBACK:
        return row.group.of in (ReductionSettings, FilterSettings)
    ours = row.place.part is RANKS.part or row.group.place == IOC_PROCESS
    small = not wire_type(row.spec).is_array or row.field in ARRAYS
    return row.access is Access.READING and ours and small


def slices(prefix: str, reductions: int, seen: Readout) -> list[PvRow]:
    """What is read of the slices that there are, if a log is sliced by."""
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
    prefix: str, reductions: int, interval_s: float
) -> AsyncGenerator[Readout | None, None]:
    """A readout every so often, for ever; None while no IOC answers.

    A new context each time one is lost: what caproto's may keep of a lost connection ends with it.
    """
    while True:
        with contextlib.suppress(CaprotoError, OSError):
            async with aclosing(_until_lost(prefix, reductions)) as found:
                async for each in found:
                    yield each
                    await asyncio.sleep(interval_s)
        yield None
        await asyncio.sleep(PAUSE_S)


async def _until_lost(prefix: str, reductions: int) -> AsyncGenerator[Readout, None]:
    """Readouts until the IOC is lost; raises CaprotoError or OSError then."""
    always = interesting(prefix, reductions)
    async with _context() as context:
        head = await _found(context, always[:1])
        await head[always[0]].wait_for_connection(timeout=ANSWER_S)
        pvs = await _found(context, always)
        while True:
            seen = await _values(pvs)
            more = await _found(context, slices(prefix, reductions, seen))
            yield {**seen, **await _values(more)}


@contextlib.asynccontextmanager
async def _context() -> AsyncIterator[Context]:
    context = Context(client_name=CLIENT)
    try:
        yield context
    finally:
        await context.disconnect()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn


async def _found(context: Context, wanted: list[PvRow]) -> dict[PvRow, PV]:
    """The process variables of rows, which connect when they do."""
    pvs = await context.get_pvs(*(row.name for row in wanted)) if wanted else []
    return dict(zip(wanted, pvs, strict=True))


async def _values(pvs: Mapping[PvRow, PV]) -> dict[ValuePath, Any]:
    """What is read; raises CaprotoError if one does not answer."""
    values = await asyncio.gather(*(_value(row, pv) for row, pv in pvs.items()))
    return {row.place: value for row, value in zip(pvs, values, strict=True)}


async def _value(row: PvRow, pv: PV) -> Any:
    reply = await pv.read(timeout=ANSWER_S)
    wire = wire_type(row.spec)
    if wire.is_array:
        return reply.data
    value = received(row.spec, reply.data, reply.data_type)
    if wire.labels:
        return value if isinstance(value, str) else wire.labels[value]
    return value
