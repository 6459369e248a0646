"""The geometries of images in use, each made once: for a million detectors that takes a second."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reduction.control.orders import RanksOrder
from reduction.host.file_system.file_threads import in_thread
from reduction.instrument.detector_file import DetectorFile
from reduction.instrument.geometry import Instrument
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.images.image import ImageView
from reduction.parameters.reduction import ReductionSettings
from reduction.results.images import ImageGeometry, image_geometry

SMALL = 20_000
"""The geometry of so many detectors is made at once; that of more in a thread."""


@dataclass(frozen=True)
class GeometryKey:
    """The settings that decide a geometry."""

    view: ImageView
    resolution: int
    detectors: DetectorSettings

    @classmethod
    def of(cls, settings: ReductionSettings) -> GeometryKey:
        """The key for these settings."""
        return cls(settings.image.view, settings.image.resolution, settings.detectors)


class ImageGeometries:
    """Makes the geometries of images of an instrument, and keeps those in use."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self._made: dict[GeometryKey, ImageGeometry] = {}
        self._making: dict[GeometryKey, asyncio.Task[None]] = {}

    def known(
        self, settings: ReductionSettings, files: Iterable[DetectorFile]
    ) -> ImageGeometry | None:
        """The geometry for these settings; None as long as it is being made."""
        key = GeometryKey.of(settings)
        if key not in self._made and self.instrument.detector_id.size <= SMALL:
            self._made[key] = image_geometry(settings, self.instrument, files)
        if key not in self._made and key not in self._making:
            self._making[key] = asyncio.create_task(self._make(settings, tuple(files)))
        return self._made.get(key)

    def shape(self, settings: ReductionSettings, files: Iterable[DetectorFile]) -> tuple[int, int]:
        """The rows and columns of the image; 0 each as long as that would take long to find out."""
        if self.instrument.detector_id.size > SMALL:
            made = self._made.get(GeometryKey.of(settings))
        else:
            made = self.known(settings, files)
        return made.layout.shape if made is not None else (0, 0)

    async def _make(self, settings: ReductionSettings, files: Sequence[DetectorFile]) -> None:
        key = GeometryKey.of(settings)
        try:
            work = functools.partial(image_geometry, settings, self.instrument, files)
            self._made[key] = await in_thread(work)
        finally:
            del self._making[key]

    async def made(
        self, settings: ReductionSettings, files: Iterable[DetectorFile]
    ) -> ImageGeometry:
        """The geometry for these settings, which is made first if it is not known."""
        while (made := self.known(settings, files)) is None:
            await asyncio.shield(self._making[GeometryKey.of(settings)])
        return made

    async def ready(self, order: RanksOrder) -> None:
        """Wait until the geometries of all images that an order asks for are made.

        Those that it does not ask for are dropped.
        """
        reductions = order.reductions
        wanted = [each.settings for each in reductions if each.makes_image or each.picks]
        keys = {GeometryKey.of(each) for each in wanted}
        for each in wanted:
            await self.made(each, order.files)
        self._made = {key: made for key, made in self._made.items() if key in keys}
