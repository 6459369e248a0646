"""The pixels of rectangular, grid and structured detectors: their ids and positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.component_types import is_rectangle
from reduction.definitions.frames import Vectors
from reduction.definitions.idf_xml import (
    Notes,
    NotUnderstood,
    check_contents,
    float_attribute,
    int_attribute,
    tag_text,
)
from reduction.parameters.specs import Integer, shown

PANEL_ATTRIBUTES = frozenset(("name", "is", "type", "outline"))
PIXELS = frozenset(f"{axis}{what}" for axis in "xyz" for what in ("pixels", "start", "step"))


@dataclass(frozen=True, eq=False)
class PanelPixels:
    """The pixels of a panel: ids (n,) int32, positions (n, 3) in m in the panel's coordinates."""

    ids: NDArray[np.int32]
    positions: Vectors


def panel_size(kind: Element, most: int) -> tuple[int, int, int]:
    """The numbers of pixels of a type along x, y and z; raises `NotUnderstood` if over ``most``.

    A panel without pixels along z is one plane, of 1 along z.
    """
    x, y, z = (int_attribute(kind, f"{axis}pixels", 0) for axis in "xyz")
    z = 1 if is_rectangle(kind) or z <= 0 else z
    if min(x, y) <= 0 or x > most or y > most or z > most or x * y * z > most:
        raise NotUnderstood(f"{tag_text(kind)}: {x} by {y} by {z} pixels")
    return x, y, z


def grid_pixels(component: Element, kind: Element, most: int, notes: Notes) -> PanelPixels:
    """The pixels of a rectangular or grid detector; raises `NotUnderstood` if over ``most``."""
    check_contents(kind, PANEL_ATTRIBUTES | PIXELS, frozenset(each.tag for each in kind))
    size = panel_size(kind, most)
    index = [each.ravel() for each in np.indices(size)]
    columns = [
        float_attribute(kind, f"{axis}start", 0.0, notes)
        + place * float_attribute(kind, f"{axis}step", 0.0, notes)
        for axis, place in zip("xyz", index, strict=True)
    ]
    if size[2] == 1 and int_attribute(kind, "zpixels", 0) <= 0:
        columns[2] = np.full(index[0].size, float_attribute(kind, "zstart", 0.0, notes))
    if is_rectangle(kind):
        columns[2] = np.zeros(index[0].size)
    order = _fill_order(component, rectangle=is_rectangle(kind), notes=notes)
    places = dict(zip("xyz", index, strict=True))
    counts = dict(zip("xyz", size, strict=True))
    return PanelPixels(_ids(component, order, places, counts), np.stack(columns, axis=1))


def mesh_pixels(component: Element, kind: Element, most: int, notes: Notes) -> PanelPixels:
    """The pixels of a structured detector: each in the middle of its four ``<vertex>``."""
    x, y, _ = panel_size(kind, most)
    corners = kind.findall("vertex")
    if len(corners) != (x + 1) * (y + 1):
        many = f"{len(corners)} vertices, not {(x + 1) * (y + 1)}"
        raise NotUnderstood(f"{tag_text(kind)}: {x} by {y} pixels have {many}")
    at = np.array(
        [[float_attribute(each, axis, 0.0, notes) for axis in "xy"] for each in corners]
    ).reshape(y + 1, x + 1, 2)
    middle = (at[:-1, :-1] + at[1:, :-1] + at[1:, 1:] + at[:-1, 1:]) / 4
    flat = middle.transpose(1, 0, 2).reshape(-1, 2)
    index = [each.ravel() for each in np.indices((x, y))]
    order = _fill_order(component, rectangle=True, notes=notes)
    ids = _ids(component, order, dict(zip("xy", index, strict=True)), {"x": x, "y": y, "z": 1})
    return PanelPixels(ids, np.column_stack([flat, np.zeros(len(flat))]))


def _fill_order(component: Element, *, rectangle: bool, notes: Notes) -> str:
    """The axes in the order in which ids fill them, the fastest first.

    As in Mantid, ``idfillbyfirst`` other than y is x.
    """
    if rectangle:
        first = component.get("idfillbyfirst", "y")
        if first not in ("x", "y"):
            notes.add(f"{tag_text(component)}: idfillbyfirst = {shown(first)} is read as x")
        return "yxz" if first == "y" else "xyz"
    order = component.get("idfillorder", "xyz")
    if sorted(order) != ["x", "y", "z"]:
        why = f"idfillorder = {shown(order)} is not x, y and z in some order"
        raise NotUnderstood(f"{tag_text(component)}: {why}")
    return order


def _ids(
    component: Element, order: str, places: Mapping[str, NDArray[np.int64]], size: Mapping[str, int]
) -> NDArray[np.int32]:
    """The id of each pixel at its ``places`` along the axes; raises `NotUnderstood`."""
    fast, slow, slowest = tuple(order)
    by_one = int_attribute(component, "idstep", 1)
    by_row = int_attribute(component, "idstepbyrow", size[fast])
    ids = int_attribute(component, "idstart", 0) + places[fast] * by_one + places[slow] * by_row
    if slowest in places:
        ids = ids + places[slowest] * (by_row * size[slow])
    if not Integer.INT32[0] <= ids.min() <= ids.max() <= Integer.INT32[-1]:
        raise NotUnderstood(f"{tag_text(component)}: ids that do not fit 32 bits")
    found: NDArray[np.int32] = ids.astype(np.int32)
    return found
