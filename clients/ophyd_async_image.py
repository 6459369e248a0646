"""The detector image or the map of a reduction as an ophyd-async device."""

from __future__ import annotations

import asyncio
from typing import Annotated as A

import numpy as np
from numpy.typing import NDArray
from ophyd_async.core import Array1D, SignalR, observe_value
from ophyd_async.epics.adcore import NDPluginBaseIO
from ophyd_async.epics.core import PvSuffix

FIRST_PICTURE_S = 20.0
"""How long the first picture is waited for: it is made once a client is connected."""


class LiveImage(NDPluginBaseIO):
    """areaDetector's plugin, which ophyd-async has without the cells, with them.

    After ``image = LiveImage("LIVE:Red1:Image:")`` and ``await image.connect()``,
    ``await image.picture()`` has the cells by rows and columns.
    """

    array_data: A[SignalR[Array1D[np.float64]], PvSuffix("ArrayData")]

    async def picture(self) -> NDArray[np.float64]:
        """The newest picture, (rows, columns) float64; waits for the first one.

        Raises `TimeoutError` if there is none, as with EnableCallbacks Disable.
        """
        async with asyncio.timeout(FIRST_PICTURE_S):
            async for cells in observe_value(self.array_data):
                rows, columns, posted = await asyncio.gather(
                    self.array_size_y.get_value(cached=False),
                    self.array_size_x.get_value(cached=False),
                    self.array_counter.get_value(cached=False),
                )
                if posted and cells.size == rows * columns:
                    return cells.reshape(rows, columns)
        raise TimeoutError("ArrayData has no values")
