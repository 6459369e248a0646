"""The settings of the detector image of a reduction, and of the rectangle that is picked in it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.limits import IMAGE_SIDE, MOST_SERIES
from reduction.parameters.specs import Choice, Command, Float, Integer, Misfit, Stage


class ImageCallbacks(enum.StrEnum):
    """Whether an image or a map is made at all; the states are those of areaDetector."""

    DISABLE = "Disable"
    ENABLE = "Enable"


class ImageMade(enum.StrEnum):
    """When an image or a map is made that is enabled."""

    WATCHED = "Watched"
    ALWAYS = "Always"


class ImageView(enum.StrEnum):
    """How the detectors are laid out in an image."""

    PANELS = "Panels"
    CYLINDER = "Cylinder"
    FRONT = "Front"


class ImageSource(enum.StrEnum):
    """Which pulses an image is of."""

    TOTAL = "Total"
    SLICE = "Slice"
    SERIES = "Series"


class ImageScale(enum.StrEnum):
    """What the value of a cell is."""

    COUNTS = "Counts"
    PER_PIXEL = "PerPixel"
    NORMALISED = "Normalised"


def callbacks_spec(what: str) -> Choice:
    """The spec of the setting that switches an image or map off."""
    return Choice(
        pv="EnableCallbacks",
        description=f"Whether the {what} is made",
        details="Disable: not even while a client is connected to it.",
        options=ImageCallbacks,
    )


def made_spec(what: str) -> Choice:
    """The spec of the setting that tells when an image or map is made."""
    return Choice(
        pv="Made",
        description=f"When the {what} is made",
        details="Watched: while a client is connected to it, and some seconds longer.",
        options=ImageMade,
    )


def rate_spec(what: str) -> Float:
    """The spec of the setting how often an image or map is made."""
    return Float(
        pv="Rate",
        description=f"Most {what}s a second",
        units="1/s",
        minimum=0.01,
        maximum=5.0,
        precision=2,
    )


@dataclass(frozen=True)
class PickedCells(Settings):
    """A rectangle of cells of the image, prefix ``$(P)Red1:Image:ROI:``; none if a size is 0.

    Fractions are cut off: Phoebus puts them when its rectangle is dragged.
    """

    min_x: int = parameter(
        Integer(pv="MinX", description="First column; the left one is 0", minimum=0, cut=True), 0
    )
    min_y: int = parameter(
        Integer(pv="MinY", description="First row; the top one is 0", minimum=0, cut=True), 0
    )
    size_x: int = parameter(
        Integer(
            pv="SizeX",
            description="Columns of the rectangle; 0: none",
            details="In cells of the present View; what is beyond the image holds nothing.",
            minimum=0,
            cut=True,
        ),
        0,
    )
    size_y: int = parameter(
        Integer(pv="SizeY", description="Rows of the rectangle; 0: none", minimum=0, cut=True), 0
    )

    @property
    def used(self) -> bool:
        """Whether there is a rectangle."""
        return self.size_x > 0 and self.size_y > 0


@dataclass(frozen=True)
class PickedCommands:
    """Masking or grouping what is picked, prefix ``$(P)Red1:Image:ROI:``."""

    mask: bool = parameter(
        Command(
            pv="Mask",
            description="Mask the detectors of the rectangle",
            details="Adds their ids to the setting Mask.",
            on="Mask",
        ),
        False,
    )
    group: bool = parameter(
        Command(
            pv="Group",
            description="Make the rectangle a detector group",
            details="Adds a group of their ids to the setting Groups. If Groups is empty, the"
            " rectangle is the only group. Not together with GroupsFile or CalibrationGroups.",
            on="Group",
        ),
        False,
    )
    restore: bool = parameter(
        Command(
            pv="Restore",
            description="Put back Mask and Groups from before",
            details="Mask and Groups as they were before the first put to Image:ROI:Mask or"
            " Image:ROI:Group since the last Restore; kept at a restart as settings are.",
            on="Restore",
        ),
        False,
    )


@dataclass(frozen=True)
class ImageSettings(Settings):
    """Detector image, prefix ``$(P)Red1:Image:``.

    The events of an image have a value in [minimum, maximum) of the axis; if both are 0, any value.
    """

    TOGETHER: ClassVar = (frozenset({"minimum", "maximum"}),)

    callbacks: ImageCallbacks = parameter(callbacks_spec("image"), ImageCallbacks.ENABLE)
    made: ImageMade = parameter(made_spec("image"), ImageMade.WATCHED)
    view: ImageView = parameter(
        Choice(
            pv="View",
            description="How detectors are laid out",
            details="Panels: rows and columns of each bank, side by side. Cylinder: angle around"
            " the sample against height. Front: as seen from the source.",
            options=ImageView,
        ),
        ImageView.PANELS,
    )
    resolution: int = parameter(
        Integer(
            pv="Resolution",
            description="Most rows and columns of the image",
            details="Where there are more pixels, several share a cell.",
            minimum=16,
            maximum=IMAGE_SIDE,
        ),
        512,
    )
    minimum: float = parameter(
        Float(
            pv="Min",
            description="Start, in the unit of the axis",
            precision=5,
            stage=Stage.HISTOGRAM,
        ),
        0.0,
    )
    maximum: float = parameter(
        Float(
            pv="Max",
            description="End, in the unit of the axis",
            details="With Min and Max both 0 the image has the events of all values.",
            precision=5,
            stage=Stage.HISTOGRAM,
        ),
        0.0,
    )
    source: ImageSource = parameter(
        Choice(
            pv="Source",
            description="Pulses of the image",
            details="Total: those of the running series in any slice. Slice, Series: those of"
            " Number alone.",
            options=ImageSource,
            stage=Stage.SLICE,
        ),
        ImageSource.TOTAL,
    )
    number: int = parameter(
        Integer(
            pv="Number",
            description="Which slice or series",
            details="The first one is 1. An image of one that does not exist has no counts.",
            minimum=1,
            maximum=MOST_SERIES,
            stage=Stage.SLICE,
        ),
        1,
    )
    scale: ImageScale = parameter(
        Choice(
            pv="Scale",
            description="What the value of a cell is",
            details="PerPixel: counts per detector of the cell. Normalised: that divided as"
            " Normalisation says.",
            options=ImageScale,
        ),
        ImageScale.COUNTS,
    )
    rate: float = parameter(rate_spec("image"), 2.0)
    picked: PickedCells = field(default_factory=PickedCells)

    def check(self) -> None:
        if not self.all_values and self.maximum <= self.minimum:
            why = f"Max, {self.maximum:g}, must be above Min, {self.minimum:g}"
            raise Misfit("Max", self.maximum, why)

    @property
    def all_values(self) -> bool:
        """Whether events of all values of the axis count."""
        return (self.minimum, self.maximum) == (0.0, 0.0)
