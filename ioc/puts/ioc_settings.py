"""The put handler of the settings of the IOC itself."""

from __future__ import annotations

import dataclasses
from typing import Any

from ioc.ca.database import Database
from ioc.model.ioc_order import DetectorsBefore, IocOrder
from ioc.model.paths import Part, value_at, with_value
from ioc.model.pvs import PvRow
from ioc.security.rules import Client
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.parameters.specs import Refused


class IocSettings:
    """Holds the accepted settings of the IOC. Their puts take effect immediately.

    ``folders`` are those in which results may be saved.
    """

    def __init__(self, order: IocOrder, database: Database, folders: AllowedFolders) -> None:
        self.accepted, self.folders = order, folders
        self._database = database

    async def show(self) -> None:
        """Post the accepted settings on their channels."""
        await self._database.show_settings(Part.IOC, self.accepted)

    async def count_files(self, next_number: int) -> None:
        """Set and post the number of the next files."""
        files = dataclasses.replace(self.accepted.files, number=next_number)
        self.accepted = dataclasses.replace(self.accepted, files=files)
        await self.show()

    def before(self, command: str) -> DetectorsBefore | None:
        """What a command puts back, by its name without prefix; None if there is nothing."""
        found = (each for each in self.accepted.before if each.command == command)
        return next(found, None)

    def remember(self, before: DetectorsBefore) -> None:
        """Have a command put this back."""
        self.forget(before.command)
        kept = (*self.accepted.before, before)
        self.accepted = dataclasses.replace(self.accepted, before=kept)

    def forget(self, command: str) -> None:
        """Leave a command with nothing to put back."""
        kept = tuple(each for each in self.accepted.before if each.command != command)
        self.accepted = dataclasses.replace(self.accepted, before=kept)

    async def put(self, row: PvRow, value: Any, _client: Client) -> Any:
        """Change the setting of a row; raises `Refused`."""
        try:
            order = with_value(self.accepted, row.place.path, value)
            order.files.check_folder(self.folders)
        except Refused as refused:
            raise Refused(row.spec.pv, value, refused.why) from None
        self.accepted = order
        await self.show()
        return value_at(self.accepted, row.place.path)
