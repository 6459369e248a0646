"""The scan lock: keeps the puts of all but one client out while it scans."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ioc.ca.database import Database, ReadingValues
from ioc.model.ioc_parameters import LockCommands, LockStatus
from ioc.model.pvs import IOC, Access, PvRow
from ioc.puts.ioc_settings import IocSettings
from ioc.security.rules import Client
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

PERIOD_S = 1.0
"""How often the time that is left is posted."""


class ScanLock:
    """Held by a user at an address, on whatever connection, for ``Lock:Expiry`` after each put.

    ``clock`` is in seconds.
    """

    def __init__(self, database: Database, own: IocSettings, clock: Callable[[], float]) -> None:
        self._database, self._own, self._clock = database, own, clock
        self._holder: Client | None = None
        self._name = ""
        self._last_put_s = 0.0

    async def run(self) -> None:
        """Post how it is until cancelled, and let it expire."""
        while True:
            await self._tell()
            await asyncio.sleep(PERIOD_S)

    @property
    def remaining_s(self) -> float:
        """Seconds until it expires; 0 if nobody holds it."""
        if self._holder is None:
            return 0.0
        expiry_s = self._own.accepted.lock.expiry
        return max(self._last_put_s + expiry_s - self._clock(), 0.0)

    @property
    def owner(self) -> str:
        """Who holds it, and as what; empty if nobody does."""
        return ": ".join(filter(None, (str(self._holder), self._name))) if self.remaining_s else ""

    def admit(self, row: PvRow, client: Client) -> None:
        """A client is about to put to a row: raises `Refused` if another one holds the lock.

        A put of who holds it renews it. To break it is for everybody.
        """
        if not self.remaining_s or (row.group.of is LockCommands and row.field == "break_lock"):
            return
        if client != self._holder:
            why = f"{self.owner} holds the scan lock for another {self.remaining_s:.0f} s"
            raise Refused(row.spec.pv, f"put of {client}", why)
        self._last_put_s = self._clock()

    async def put(self, row: PvRow, value: Any, client: Client) -> Any:
        """Obey a command; raises `Refused` if another one took the lock since it was admitted."""
        self.admit(row, client)
        match row.field:
            case "owner" if value:
                self._take(client, value)
            case "acquire" if value:
                self._take(client, self._name if self.remaining_s else "")
            case "owner":
                self._free()
            case "release" if value:
                self._free()
            case "break_lock" if value:
                log.warning("%s breaks the scan lock of %s", client, self.owner or "nobody")
                self._free()
        await self._tell()
        return self._name if row.field == "owner" else False

    def _take(self, client: Client, name: str) -> None:
        self._holder, self._name, self._last_put_s = client, name, self._clock()

    def _free(self) -> None:
        self._holder, self._name = None, ""

    async def _tell(self) -> None:
        if not self.remaining_s:
            self._free()
        status = LockStatus(self.owner, self.remaining_s)
        await self._database.show(IOC / "lock_status", ReadingValues(status))
        await self._database.of(IOC / "lock", Access.COMMAND)["owner"].publish_value(self._name)
