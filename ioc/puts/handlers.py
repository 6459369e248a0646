"""Who takes a put: the protocol of a put handler, and the one place that chooses it for a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ioc.model.lock_parameters import LockCommands
from ioc.model.paths import Part
from ioc.model.pvs import IOC_PROCESS, Access, PvRow
from ioc.security.rules import Client


class PutHandler(Protocol):
    """Takes puts to some of the rows."""

    async def put(self, row: PvRow, value: Any, client: Client) -> Any:
        """Obey the put of ``value``, which `ioc.ca` has checked against the spec of the row.

        Returns the value that the channel shows from then on, once the put has taken effect. Raises
        `reduction.parameters.specs.Refused`, with nothing changed, if it cannot.
        """


@dataclass(frozen=True)
class PutHandlers:
    """The handler of every row that may be put to."""

    orders: PutHandler
    """Settings and commands of ranks and simulator."""
    settings: PutHandler
    """Settings of the IOC itself."""
    lock: PutHandler
    """Commands of the scan lock."""
    files: PutHandler
    """Commands that write files."""
    process: PutHandler
    """Commands to the IOC's own process."""

    def of(self, row: PvRow) -> PutHandler:
        """The handler of a row."""
        if row.place.part is not Part.IOC:
            return self.orders
        if row.group.place == IOC_PROCESS:
            return self.process
        if row.group.of is LockCommands:
            return self.lock
        return self.files if row.access is Access.COMMAND else self.settings
