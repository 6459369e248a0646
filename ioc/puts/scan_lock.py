"""The scan lock: while one client scans, the puts of all others are refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ioc.ca.database import Database, ReadingValues
from ioc.model.addresses import IOC
from ioc.model.lock_parameters import LockCommands, LockStatus
from ioc.model.pvs import Access, PvRow
from ioc.puts.ioc_settings import IocSettings
from ioc.security.rules import Client
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

POSTING_PERIOD_S = 1.0
"""Time between two posts of the remaining time."""


class ScanLock:
    """A lock that a client holds until ``Lock:Expiry`` has passed since its latest put.

    The holder is a user at an IP address, on any connection. ``clock`` returns seconds.
    """

    def __init__(
        self, database: Database, settings: IocSettings, clock: Callable[[], float]
    ) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._holder: Client | None = None
        self._name = ""
        self._last_put_s = 0.0

    async def run(self) -> None:
        """Post the state of the lock once a second, until cancelled."""
        while True:
            await self._post()
            await asyncio.sleep(POSTING_PERIOD_S)

    @property
    def remaining_s(self) -> float:
        """Seconds until the lock expires; 0 if nobody holds it."""
        if self._holder is None:
            return 0.0
        expiry_s = self._settings.accepted.lock.expiry
        return max(self._last_put_s + expiry_s - self._clock(), 0.0)

    @property
    def owner(self) -> str:
        """The client that holds the lock and the name it gave; empty if nobody holds it."""
        return ": ".join(filter(None, (str(self._holder), self._name))) if self.remaining_s else ""

    def admit(self, row: PvRow, client: Client) -> None:
        """Let ``client`` put to a row; raises `Refused` if another client holds the lock.

        A put of the holder renews the lock. Every client may break it.
        """
        if not self.remaining_s or (row.group.of is LockCommands and row.field == "break_lock"):
            return
        if client != self._holder:
            why = f"{self.owner} holds the scan lock for another {self.remaining_s:.0f} s"
            raise Refused(row.spec.pv, f"put of {client}", why)
        self._last_put_s = self._clock()

    async def put(self, row: PvRow, value: Any, client: Client) -> Any:
        """Obey a command of the lock.

        Raises `Refused` if another client has taken the lock in the meantime.
        """
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
        await self._post()
        return self._name if row.field == "owner" else False

    def _take(self, client: Client, name: str) -> None:
        self._holder, self._name, self._last_put_s = client, name, self._clock()

    def _free(self) -> None:
        self._holder, self._name = None, ""

    async def _post(self) -> None:
        """Free the lock if it has expired, and post its state."""
        if not self.remaining_s:
            self._free()
        status = LockStatus(self.owner, self.remaining_s)
        await self._database.show(IOC / "lock_status", ReadingValues(status))
        await self._database.channels_at(IOC / "lock", Access.COMMAND)["owner"].publish_value(
            self._name
        )
