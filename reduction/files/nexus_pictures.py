"""Detector images and maps in NeXus files, as NXdata that silx and scippnexus open.

Their axes are the middles of columns and rows, ``x`` and ``y``; ``x_edges`` and ``y_edges`` are the
boundaries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reduction.files.nexus_fields import add_array, add_field, add_group
from reduction.files.nexus_parts import (
    dataset_in,
    group_in,
    numbers_in,
    whole_numbers_in,
)
from reduction.files.saved_parts import PictureAxis, SavedPicture

KINDS = ("image", "map")
SIGNAL = "data"


def add_pictures(entry: Any, pictures: Iterable[SavedPicture]) -> None:
    """Add an NXdata for each picture."""
    for picture in pictures:
        group = add_group(entry, picture.kind, "NXdata", signal=SIGNAL, axes=["y", "x"])
        add_array(group, SIGNAL, picture.values, long_name=picture.quantity)
        for place, (name, axis) in enumerate((("y", picture.y), ("x", picture.x))):
            units = {"units": axis.units} if axis.units else {}
            add_field(group, name, axis.centres, long_name=axis.name, **units)
            add_field(group, f"{name}_edges", axis.edges, long_name=axis.name, **units)
            group.attrs[f"{name}_indices"] = [place]
            group.attrs[f"{name}_edges_indices"] = [place]
        add_field(group, "last_pulse", picture.last_pulse)


def read_pictures(entry: Any) -> tuple[SavedPicture, ...]:
    """The pictures in the file; raises ValueError."""
    return tuple(_picture(group_in(entry, kind), kind) for kind in KINDS if kind in entry)


def _picture(group: Any, kind: str) -> SavedPicture:
    last_pulse = whole_numbers_in(group, "last_pulse")
    if last_pulse.ndim:
        raise ValueError(f"{group.name}/last_pulse is not one number")
    quantity = str(dataset_in(group, SIGNAL).attrs.get("long_name", ""))
    x, y = _axis(group, "x"), _axis(group, "y")
    return SavedPicture(kind, quantity, numbers_in(group, SIGNAL), x, y, int(last_pulse))


def _axis(group: Any, name: str) -> PictureAxis:
    attributes = dataset_in(group, f"{name}_edges").attrs
    edges = numbers_in(group, f"{name}_edges")
    return PictureAxis(
        str(attributes.get("long_name", "")), str(attributes.get("units", "")), edges
    )
