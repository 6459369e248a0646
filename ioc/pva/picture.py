"""An image or a map on pvAccess, as areaDetector's NTNDArray."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from caproto import Forbidden
from p4p import Value
from p4p.nt import NTNDArray

from ioc.ca.channel import PvChannel
from ioc.ca.database import Database
from ioc.pva.normative import alarm, time_stamp
from reduction.parameters.images.image_readings import ArrayReadings

PICTURE_NAME = "Image"
"""The name of an image or a map in one structure, after the prefix of its group."""

DATA_FIELD = "data"
"""The reading that a picture is posted with."""

Pictures = Callable[[int, str], ArrayReadings | None]
"""Gives the posted picture of a reduction, by its index: ``image`` or ``map``; None before one."""

MOST_ID = 2**31 - 1


class Picture:
    """The posted image or map, with its dimensions and the time stamp of its last pulse.

    Dimension 0 are the columns. Attributes are ``ColorMode`` and what columns and rows are. The
    boundaries of columns and rows are in other process variables. It is posted with ``channel``,
    which has the values alone.
    """

    def __init__(
        self, name: str, channel: PvChannel, posted: Callable[[], ArrayReadings | None]
    ) -> None:
        self.channel = channel
        self._name, self._posted = name, posted
        self._type = NTNDArray()

    def complete(self) -> Value:
        """The present picture; without cells before the first one."""
        posted = self._posted()
        if posted is None or posted.data is None:
            value = self._type.wrap(np.empty((0, 0)))
        else:
            cells = posted.data.reshape(posted.plugin.size_y, posted.plugin.size_x)
            value = self._type.wrap(cells, attrib=_attributes(posted))
            value["uniqueId"] = min(max(posted.plugin.unique_id, -1), MOST_ID)
        value["alarm"] = alarm(self.channel)
        value["timeStamp"] = value["dataTimeStamp"] = time_stamp(self.channel)
        return value

    changes = complete

    async def put(self, _host: str, _user: str, _value: Value) -> None:
        """Raises Forbidden."""
        raise Forbidden(f"{self._name} is read only")


def _attributes(posted: ArrayReadings) -> Mapping[str, Any]:
    return {
        "ColorMode": 0,
        "XLabel": posted.x_label,
        "YLabel": posted.y_label,
        "Total": posted.total,
        "Message": posted.message,
    }


def picture_of(name: str, database: Database, pictures: Pictures) -> Picture | None:
    """The picture of a name; None if it is no name of one."""
    group, _, last = name.rpartition(":")
    row = database.row_of(f"{group}:ArrayData") if last == PICTURE_NAME else None
    if row is None or row.group.reduction is None:
        return None
    reduction, kind = row.group.reduction, str(row.group.place.path[-1])
    return Picture(name, database.channels[row.name], lambda: pictures(reduction, kind))


def is_picture(name: str, database: Database) -> bool:
    """Whether this is the name of a picture."""
    group, _, last = name.rpartition(":")
    return last == PICTURE_NAME and database.has(f"{group}:ArrayData")
