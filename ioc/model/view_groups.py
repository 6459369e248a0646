"""The groups of process variables of image, map and outliers of a reduction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ioc.model.paths import Path
from reduction.parameters.images.detector_map import MapSettings
from reduction.parameters.images.image import ImageSettings, PickedCells, PickedCommands
from reduction.parameters.images.image_readings import (
    AreaDetectorReadings,
    CellReadings,
    FixedReadings,
    ImageReadings,
    MapReadings,
    PickedReadings,
)
from reduction.parameters.outliers import OutlierCommands, OutlierReadings, OutlierSettings


@dataclass(frozen=True)
class ViewGroup:
    """A dataclass, the prefix of its process variables, and the path to its instance.

    The path of settings begins at those of the reduction, that of ``commands`` at the reduction,
    and that of readings at its views.
    """

    of: type[Any]
    prefix: str
    path: Path
    settings: bool
    commands: bool = False


VIEW_GROUPS = (
    ViewGroup(ImageSettings, "Image:", ("image",), settings=True),
    ViewGroup(ImageReadings, "Image:", ("image",), settings=False),
    ViewGroup(CellReadings, "Image:", ("image", "places"), settings=False),
    ViewGroup(AreaDetectorReadings, "Image:", ("image", "plugin"), settings=False),
    ViewGroup(FixedReadings, "Image:", ("image", "plugin", "fixed"), settings=False),
    ViewGroup(PickedCells, "Image:ROI:", ("image", "picked"), settings=True),
    ViewGroup(PickedCommands, "Image:ROI:", ("image", "picked"), settings=False, commands=True),
    ViewGroup(PickedReadings, "Image:ROI:", ("picked",), settings=False),
    ViewGroup(MapSettings, "Map:", ("map",), settings=True),
    ViewGroup(MapReadings, "Map:", ("map",), settings=False),
    ViewGroup(AreaDetectorReadings, "Map:", ("map", "plugin"), settings=False),
    ViewGroup(FixedReadings, "Map:", ("map", "plugin", "fixed"), settings=False),
    ViewGroup(OutlierSettings, "Outliers:", ("outliers",), settings=True),
    ViewGroup(OutlierCommands, "Outliers:", ("outliers",), settings=False, commands=True),
    ViewGroup(OutlierReadings, "Outliers:", ("outliers",), settings=False),
)
