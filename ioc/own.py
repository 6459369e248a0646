"""The settings that the IOC obeys itself."""

from __future__ import annotations

from typing import Any

from ioc.database import Database
from ioc.groups import Row
from ioc.places import Part, at, replaced
from ioc.readings import IocOrder
from reduction.specs import Refused


class OwnSettings:
    """Puts to them are true at once."""

    def __init__(self, order: IocOrder, database: Database) -> None:
        self.accepted, self._database = order, database

    async def start(self) -> None:
        """Show them."""
        await self._database.show_settings(Part.IOC, self.accepted)

    async def put(self, row: Row, value: Any) -> Any:
        """Change the setting of a row; raises `Refused`."""
        try:
            self.accepted = replaced(self.accepted, row.place.path, value)
        except Refused as refused:
            raise Refused(row.spec.pv, value, refused.why) from None
        await self.start()
        return at(self.accepted, row.place.path)
