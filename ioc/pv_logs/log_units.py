"""The units of logs, for the files of results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from caproto import CaprotoError

from ioc.ca.client.client_context import client_context
from ioc.ca.database import Database

UNIT_WITHIN_S = 1.0
"""Longest wait for the unit of a process variable of another IOC."""


class LogUnits:
    """Finds the unit of a log, wherever it is from.

    ``in_stream`` tells whether a log is in the event stream. The stream has no units;
    ``stream_units`` are what is known of them from elsewhere.
    """

    def __init__(
        self,
        database: Database,
        in_stream: Callable[[str], bool],
        stream_units: Mapping[str, str],
    ) -> None:
        self._database, self._in_stream, self._stream_units = database, in_stream, stream_units

    async def of(self, name: str) -> str:
        """The unit of a log; empty if it has none, or if it is not known within a second."""
        if not name or self._in_stream(name):
            return self._stream_units.get(name, "")
        here = name.removesuffix(".VAL")
        if self._database.has(here):
            return str(getattr(self._database.channels[here], "units", ""))
        with contextlib.suppress(CaprotoError, OSError, TimeoutError):
            async with asyncio.timeout(UNIT_WITHIN_S):
                return await _remote_units(name)
        return ""


async def _remote_units(name: str) -> str:
    """The unit that another IOC gives for a process variable."""
    async with client_context() as context:
        (pv,) = await context.get_pvs(name)
        reply = await pv.read(data_type="control")
        units = getattr(reply.metadata, "units", b"")
        return bytes(units).partition(b"\0")[0].decode("latin-1")
