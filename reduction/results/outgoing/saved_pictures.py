"""Posted images and maps in the form in which they are saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from reduction.files.saved_parts import PictureAxis, SavedPicture
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.images.image import ImageScale
from reduction.parameters.images.image_readings import ArrayReadings
from reduction.parameters.reduction import ReductionSettings
from reduction.results.intensity_labels import PER

NAME_AND_UNIT = re.compile(r"(?P<name>.*) \((?P<units>[^()]*)\)")

PostedPictures = Callable[[int, str], ArrayReadings | None]
"""Gives the posted picture of a reduction, by its index, and of a kind: ``image`` or ``map``."""


def saved_pictures(
    settings: ReductionSettings, reduction: int, pictures: PostedPictures
) -> Iterator[SavedPicture]:
    """The image and the map that are posted of a reduction; nothing for what is not made."""
    for kind, quantity in (("image", image_quantity(settings)), ("map", "counts")):
        posted = pictures(reduction, kind)
        if posted is None or not posted.plugin.size_x or not posted.plugin.size_y:
            continue
        shape = posted.plugin.size_y, posted.plugin.size_x
        x = _axis(posted.x_label, posted.x_edges)
        y = _axis(posted.y_label, posted.y_edges)
        values = np.asarray(posted.data, np.float64).reshape(shape)
        yield SavedPicture(kind, quantity, values, x, y, posted.plugin.unique_id)


def image_quantity(settings: ReductionSettings) -> str:
    """What the values of an image are, in words."""
    match settings.image.scale:
        case ImageScale.COUNTS:
            return "counts"
        case ImageScale.PER_PIXEL:
            return "counts per detector"
    corrections: CorrectionSettings = settings.corrections
    by = PER[corrections.normalisation]
    return f"counts per detector and {by}" if by else "counts per detector"


def _axis(label: str, edges: NDArray[np.float64] | None) -> PictureAxis:
    """The axis with a label such as ``angle (deg)``."""
    found = NAME_AND_UNIT.fullmatch(label)
    name, units = (found["name"], found["units"]) if found else (label, "")
    return PictureAxis(name, units, np.asarray(edges, np.float64))
