"""Results of peaks and regions in NeXus files.

A collection ``peaks`` or ``regions`` has a group for each window that is set, with its bounds and
groups ``sum``, ``slices``, ``groups`` and ``series``. Each of these has a field for each reading,
with a value for each spectrum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np

from reduction.files.nexus_fields import add_field, add_group
from reduction.files.nexus_parts import group_in, number_in, numbers_in, texts_in
from reduction.files.saved_parts import SavedWindow
from reduction.parameters.fields import specs_of
from reduction.parameters.specs import AXIS_UNITS, Float
from reduction.parameters.windows import PeakStatus, RegionStatus


@dataclass(frozen=True)
class WindowKind:
    """A kind of windows: the name of the collection, and of one window, and its readings."""

    collection: str
    window: str
    of: type[PeakStatus] | type[RegionStatus]


PEAK_WINDOWS = WindowKind("peaks", "peak", PeakStatus)
REGION_WINDOWS = WindowKind("regions", "roi", RegionStatus)


def add_windows(
    entry: Any, kind: WindowKind, windows: Sequence[SavedWindow], units: Mapping[str, str]
) -> None:
    """Add the collection of a kind.

    ``units`` are those of axis and intensity, as UDUNITS has them, by what stands for them in the
    specs of readings.
    """
    if not windows:
        return
    collection = add_group(entry, kind.collection, "NXcollection", track_order=True)
    for window in windows:
        name = f"{kind.window}{window.number}"
        group = add_group(collection, name, "NXcollection", track_order=True)
        add_field(group, "minimum", float(window.minimum), units=units[AXIS_UNITS])
        add_field(group, "maximum", float(window.maximum), units=units[AXIS_UNITS])
        for name, readings in window.readings.items():
            _add_readings(add_group(group, name, "NXcollection"), kind, readings, units)


def _add_readings(
    group: Any, kind: WindowKind, readings: Sequence[Any], units: Mapping[str, str]
) -> None:
    for field, spec in specs_of(kind.of):
        values = [getattr(each, field) for each in readings]
        attributes = {"long_name": spec.description, "pv": spec.pv}
        if not isinstance(spec, Float):
            add_field(group, field, np.array(values, h5py.string_dtype()), **attributes)
            continue
        if unit := units.get(spec.units, spec.units):
            attributes["units"] = unit
        add_field(group, field, np.array(values, np.float64), **attributes)


def read_windows(entry: Any, kind: WindowKind) -> tuple[SavedWindow, ...]:
    """The windows of a kind in the file; raises ValueError."""
    if kind.collection not in entry:
        return ()
    collection = group_in(entry, kind.collection)
    return tuple(_window(group_in(collection, name), name, kind) for name in collection)


def _window(group: Any, name: str, kind: WindowKind) -> SavedWindow:
    number = name.removeprefix(kind.window)
    if not number.isdecimal():
        raise ValueError(f"{group.name} has no number")
    readings = {
        each: _readings(group_in(group, each), kind)
        for each in group
        if each not in ("minimum", "maximum")
    }
    minimum, maximum = number_in(group, "minimum"), number_in(group, "maximum")
    return SavedWindow(int(number), minimum, maximum, MappingProxyType(readings))


def _readings(group: Any, kind: WindowKind) -> tuple[Any, ...]:
    columns = {
        field: (numbers_in if isinstance(spec, Float) else texts_in)(group, field)
        for field, spec in specs_of(kind.of)
    }
    if len({each.shape for each in columns.values()}) != 1:
        raise ValueError(f"{group.name} has readings of different numbers of spectra")
    rows = zip(*(each.tolist() for each in columns.values()), strict=True)
    return tuple(kind.of(**dict(zip(columns, row, strict=True))) for row in rows)
