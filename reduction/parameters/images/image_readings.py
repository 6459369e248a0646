"""What is posted of a detector image, a map, and what is picked, by the names of areaDetector."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from reduction.parameters.fields import reading
from reduction.parameters.limits import IMAGE_SIDE, MOST_MAP_CELLS
from reduction.parameters.readings import HistogramReadings, OptionalArray
from reduction.parameters.specs import Array, Choice, Float, Integer, Text

LONGEST_BANKS = 20_000
"""Longest text of the names of all banks."""


class ColorMode(enum.StrEnum):
    """The color modes of areaDetector; images here are monochrome."""

    MONO = "Mono"


class ArrayType(enum.StrEnum):
    """The data types of areaDetector, in its order."""

    INT8 = "Int8"
    UINT8 = "UInt8"
    INT16 = "Int16"
    UINT16 = "UInt16"
    INT32 = "Int32"
    UINT32 = "UInt32"
    INT64 = "Int64"
    UINT64 = "UInt64"
    FLOAT32 = "Float32"
    FLOAT64 = "Float64"


@dataclass(frozen=True)
class FixedReadings:
    """Fixed values of the plugin, prefix ``$(P)Red1:Image:`` or ``:Map:``.

    Clients of areaDetector connect to them, and to setpoints that are only read here.
    """

    core_version: str = reading(
        Text(
            pv="ADCoreVersion_RBV",
            description="The version of ADCore it is like",
            max_length=39,
        ),
        "3.12.1",
    )
    driver_version: str = reading(
        Text(pv="DriverVersion_RBV", description="As ADCoreVersion_RBV", max_length=39), "3.12.1"
    )
    attributes_file: str = reading(
        Text(pv="NDAttributesFile", description="Empty: no such file", max_length=39), ""
    )
    array_port: str = reading(
        Text(pv="NDArrayPort", description="Where pictures come from", max_length=39), "ranks"
    )
    array_port_readback: str = reading(
        Text(pv="NDArrayPort_RBV", description="As NDArrayPort", max_length=39), "ranks"
    )
    array_address: int = reading(Integer(pv="NDArrayAddress", description="Always 0"))
    array_address_readback: int = reading(Integer(pv="NDArrayAddress_RBV", description="Always 0"))
    queue_size: int = reading(Integer(pv="QueueSize", description="0: no queue"))
    queue_size_readback: int = reading(Integer(pv="QueueSize_RBV", description="0: no queue"))


@dataclass(frozen=True)
class AreaDetectorReadings:
    """As areaDetector's plugin says it, prefix ``$(P)Red1:Image:`` or ``:Map:``; X are columns."""

    size_x: int = reading(Integer(pv="ArraySizeX_RBV", description="Columns"))
    size_y: int = reading(Integer(pv="ArraySizeY_RBV", description="Rows"))
    size_z: int = reading(Integer(pv="ArraySizeZ_RBV", description="0: one picture"))
    size_0: int = reading(Integer(pv="ArraySize0_RBV", description="Columns"))
    size_1: int = reading(Integer(pv="ArraySize1_RBV", description="Rows"))
    size_2: int = reading(Integer(pv="ArraySize2_RBV", description="0: one picture"))
    size_bytes: int = reading(Integer(pv="ArraySize_RBV", description="Bytes of ArrayData"))
    dimension_count: int = reading(
        Integer(pv="NDimensions_RBV", description="Dimensions of the array"), 2
    )
    dimensions: OptionalArray = reading(
        Array(pv="Dimensions_RBV", description="Columns and rows", precision=0, most=10), None
    )
    unique_id: int = reading(
        Integer(pv="UniqueId_RBV", description="Last pulse that the picture has")
    )
    counter: int = reading(Integer(pv="ArrayCounter_RBV", description="Pictures posted so far"))
    counter_setpoint: int = reading(
        Integer(pv="ArrayCounter", description="As ArrayCounter_RBV; only read")
    )
    time_stamp: float = reading(
        Float(
            pv="TimeStamp_RBV",
            description="Time of the last pulse of the picture",
            units="s",
            details="Seconds since 1990, as EPICS counts.",
            precision=6,
        )
    )
    color_mode: ColorMode = reading(
        Choice(pv="ColorMode_RBV", description="Colors: one", options=ColorMode), ColorMode.MONO
    )
    data_type: ArrayType = reading(
        Choice(pv="DataType_RBV", description="Type of ArrayData", options=ArrayType),
        ArrayType.FLOAT64,
    )
    plugin_type: str = reading(
        Text(pv="PluginType_RBV", description="The plugin that it is like", max_length=39),
        "NDPluginStdArrays",
    )
    port_name: str = reading(
        Text(pv="PortName_RBV", description="Name of the picture", max_length=39), ""
    )
    fixed: FixedReadings = field(default_factory=FixedReadings)


@dataclass(frozen=True)
class ArrayReadings:
    """A picture, as areaDetector's plugin NDPluginStdArrays serves one.

    ``data`` (rows · columns,) float64 begins with the top row; NaN where there is no detector.
    ``x_edges`` (columns + 1,) and ``y_edges`` (rows + 1,) float64 are the boundaries of columns and
    rows; those of rows may descend.
    """

    data: OptionalArray = reading(
        Array(
            pv="ArrayData",
            description="Cells, row by row from the top left",
            details="NaN: no detector there. It is made while a client is connected to it, see"
            " Made, so a first caget may be empty.",
            most=MOST_MAP_CELLS,
        ),
        None,
    )
    x_edges: OptionalArray = reading(
        Array(pv="XE", description="Boundaries of columns", most=MOST_MAP_CELLS), None
    )
    y_edges: OptionalArray = reading(
        Array(pv="YE", description="Boundaries of rows, from the top", most=IMAGE_SIDE + 1), None
    )
    x_label: str = reading(
        Text(pv="XLabel_RBV", description="What columns are, with the unit", max_length=39), ""
    )
    y_label: str = reading(
        Text(pv="YLabel_RBV", description="What rows are, with the unit", max_length=39), ""
    )
    total: float = reading(Float(pv="Total_RBV", description="Counts of the picture", precision=0))
    message: str = reading(
        Text(pv="Message_RBV", description="What is missing in the picture", max_length=120), ""
    )
    plugin: AreaDetectorReadings = field(default_factory=AreaDetectorReadings)


def _place_spec(axis: str) -> Array:
    """The spec of the array of one coordinate of all cells."""
    return Array(
        pv=f"CellPos{axis}",
        description=f"Mean position of each cell, {axis.lower()}",
        details="Of all its detectors; the sample is the origin, z along the beam, y up. NaN: no"
        " detector there.",
        units="m",
        precision=5,
        most=IMAGE_SIDE * IMAGE_SIDE,
    )


@dataclass(frozen=True)
class CellReadings:
    """Places of cells in space, prefix ``$(P)Red1:Image:``.

    All arrays are (rows · columns,) float64 from the top left, as ``ArrayData``.
    """

    x_m: OptionalArray = reading(_place_spec("X"), None)
    y_m: OptionalArray = reading(_place_spec("Y"), None)
    z_m: OptionalArray = reading(_place_spec("Z"), None)
    bank: OptionalArray = reading(
        Array(
            pv="CellBank",
            description="Bank of each cell, as ArrayData; from 0",
            details="Its place in Banks_RBV; -1: none. NaN: no detector there.",
            precision=0,
            most=IMAGE_SIDE * IMAGE_SIDE,
        ),
        None,
    )
    banks: str = reading(
        Text(
            pv="Banks_RBV",
            description="Names of banks, by commas",
            details="In the order that CellBank counts; a comma in a name is a semicolon here.",
            max_length=LONGEST_BANKS,
        ),
        "",
    )


@dataclass(frozen=True)
class ImageReadings(ArrayReadings):
    """Cells of the image, prefix ``$(P)Red1:Image:``; see also ``Image:Image`` on pvAccess."""

    pixels: OptionalArray = reading(
        Array(
            pv="PixelsPerCell",
            description="Detectors of each cell, as ArrayData",
            precision=0,
            most=IMAGE_SIDE * IMAGE_SIDE,
        ),
        None,
    )
    places: CellReadings = field(default_factory=CellReadings)


@dataclass(frozen=True)
class MapReadings(ArrayReadings):
    """Cells of the map, prefix ``$(P)Red1:Map:``; see also ``Map:Image`` on pvAccess."""


@dataclass(frozen=True)
class PickedReadings(HistogramReadings):
    """Spectrum of the rectangle in the image, prefix ``$(P)Red1:Image:ROI:``; axis Spec:X."""

    pixel_count: int = reading(
        Integer(pv="NumPixels_RBV", description="Detectors in the rectangle")
    )
    pixel_ids: str = reading(
        Text(pv="Pixels_RBV", description="Their ids, as Mask takes them", max_length=1000), ""
    )
    two_theta_deg: float = reading(
        Float(pv="TwoTheta_RBV", description="Their mean scattering angle", units="deg")
    )
    x_m: float = reading(Float(pv="PosX_RBV", description="Their mean position, x", units="m"))
    y_m: float = reading(Float(pv="PosY_RBV", description="Their mean position, y", units="m"))
    z_m: float = reading(Float(pv="PosZ_RBV", description="Their mean position, z", units="m"))
    banks: str = reading(Text(pv="Banks_RBV", description="Their banks", max_length=1000), "")
    message: str = reading(
        Text(pv="Message_RBV", description="What is missing in the spectrum", max_length=120), ""
    )
