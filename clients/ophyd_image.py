"""The detector image or the map of a reduction as an ophyd device."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ophyd import Component
from ophyd.areadetector.base import NDDerivedSignal
from ophyd.areadetector.plugins import ImagePlugin

LOOK_S = 0.05
"""How often it is looked whether a picture has come."""

FIRST_PICTURE_S = 20.0
"""How long the first picture is waited for: it is made once a client is connected."""


class LiveImage(ImagePlugin):
    """areaDetector's image plugin with a picture of two dimensions.

    >>> LiveImage("LIVE:Red1:Image:", name="image").image  # doctest: +SKIP

    The ``image`` and ``shaped_image`` of ophyd's own class are empty: they ask for depth · height
    elements, and areaDetector's depth of a picture with two dimensions is 0.
    """

    shaped_image = Component(
        NDDerivedSignal,
        derived_from="array_data",
        shape=("array_size.height", "array_size.width"),
        num_dimensions=2,
        kind="omitted",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stage_sigs.pop("blocking_callbacks")  # there are none here

    @property
    def image(self) -> NDArray[np.float64]:
        """The newest picture, (rows, columns) float64; waits for the first one.

        Raises `TimeoutError` if there is none, as with EnableCallbacks Disable.
        """
        self.array_data.wait_for_connection()
        ends_s = time.monotonic() + FIRST_PICTURE_S
        while time.monotonic() < ends_s:
            size, posted = self.array_size.get(), self.array_counter.get()
            cells = np.asarray(self.array_data.get())
            if posted and cells.size == size.height * size.width:
                return cells.reshape(size.height, size.width)
            time.sleep(LOOK_S)
        raise TimeoutError(f"{self.prefix}: no picture within {FIRST_PICTURE_S:g} s")
