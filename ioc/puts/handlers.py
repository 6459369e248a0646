"""Chooses the handler of a put by its row; `PutHandler` is the protocol of all handlers.

Five handlers are in this package: `ioc.puts.order_puts`, `ioc.puts.ioc_settings`,
`ioc.puts.scan_lock`, `ioc.puts.outlier_masks` and `ioc.puts.picked_puts`. Two need posted results,
or post readings, and are in another package: ``FileWriter`` of `ioc.posting.file_write` and
``IocStats`` of `ioc.posting.iocstats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ioc.model.addresses import IOC_PROCESS
from ioc.model.lock_parameters import LockCommands
from ioc.model.paths import Part
from ioc.model.pvs import Access, PvRow
from ioc.security.rules import Client
from reduction.parameters.images.image import PickedCommands
from reduction.parameters.outliers import OutlierCommands


class PutHandler(Protocol):
    """Obeys the puts to some of the rows."""

    async def put(self, row: PvRow, value: Any, client: Client) -> Any:
        """Obey the put of ``value``, which `ioc.ca` has checked against the spec of the row.

        Returns once the put has taken effect, with the value that the channel shows from then on.
        Raises `reduction.parameters.specs.Refused`, with nothing changed, if the put is refused.
        """


@dataclass(frozen=True)
class PutHandlers:
    """The handlers of all rows that clients may write."""

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
    outliers: PutHandler
    """Commands that mask dead and hot detectors."""
    picked: PutHandler
    """Commands that mask or group the detectors of a rectangle in the image."""

    def of(self, row: PvRow) -> PutHandler:
        """The handler of a row."""
        if row.group.of is OutlierCommands:
            return self.outliers
        if row.group.of is PickedCommands:
            return self.picked
        if row.place.part is not Part.IOC:
            return self.orders
        if row.group.place == IOC_PROCESS:
            return self.process
        if row.group.of is LockCommands:
            return self.lock
        return self.files if row.access is Access.COMMAND else self.settings
