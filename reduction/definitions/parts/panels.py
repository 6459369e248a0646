"""The pixels of rectangular, grid and structured detectors: their ids and positions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.component_types import is_rectangle
from reduction.definitions.places.attribute_columns import AlikeElements, shape
from reduction.definitions.places.frames import Vectors
from reduction.definitions.places.idf_xml import (
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
    positions = np.zeros((3, *size))  # the values of a coordinate side by side
    for column, axis in enumerate("xyz"):
        start = float_attribute(kind, f"{axis}start", 0.0, notes)
        step = float_attribute(kind, f"{axis}step", 0.0, notes)
        if axis == "z" and is_rectangle(kind):
            continue
        if axis == "z" and int_attribute(kind, "zpixels", 0) <= 0:
            step = 0.0
        positions[column] = _along(start + np.arange(size[column]) * step, column)
    order = _fill_order(component, rectangle=is_rectangle(kind), notes=notes)
    return PanelPixels(_ids(component, order, size), positions.reshape(3, -1).T)


def _along(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Values along one of three axes, for all places along the others: (n, 1, 1) for the first."""
    return values.reshape([-1 if each == axis else 1 for each in range(3)])


def mesh_pixels(component: Element, kind: Element, most: int, notes: Notes) -> PanelPixels:
    """The pixels of a structured detector: each in the middle of its four ``<vertex>``."""
    x, y, _ = panel_size(kind, most)
    corners = kind.findall("vertex")
    if len(corners) != (x + 1) * (y + 1):
        many = f"{len(corners)} vertices, not {(x + 1) * (y + 1)}"
        raise NotUnderstood(f"{tag_text(kind)}: {x} by {y} pixels have {many}")
    alike = [AlikeElements(list(each), notes) for _, each in groupby(corners, shape)]
    at = np.concatenate([np.stack([each.numbers(axis) for axis in "xy"], 1) for each in alike])
    at = at.reshape(y + 1, x + 1, 2)
    middle = (at[:-1, :-1] + at[1:, :-1] + at[1:, 1:] + at[:-1, 1:]) / 4
    flat = middle.transpose(1, 0, 2).reshape(-1, 2)
    order = _fill_order(component, rectangle=True, notes=notes)
    positions = np.column_stack([flat, np.zeros(len(flat))])
    return PanelPixels(_ids(component, order, (x, y, 1)), positions)


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


def _ids(component: Element, order: str, size: tuple[int, int, int]) -> NDArray[np.int32]:
    """The id of each pixel, (pixels,), x the slowest and z the fastest; raises `NotUnderstood`."""
    fast, slow, slowest = ("xyz".index(axis) for axis in order)
    by_one = int_attribute(component, "idstep", 1)
    by_row = int_attribute(component, "idstepbyrow", size[fast])
    steps = {fast: by_one, slow: by_row, slowest: by_row * size[slow]}
    ends = [step * (size[axis] - 1) for axis, step in steps.items()]
    start = int_attribute(component, "idstart", 0)
    lowest = start + sum(min(each, 0) for each in ends)
    highest = start + sum(max(each, 0) for each in ends)
    if not Integer.INT32[0] <= lowest <= highest <= Integer.INT32[-1]:
        raise NotUnderstood(f"{tag_text(component)}: ids that do not fit 32 bits")
    found = np.full((1, 1, 1), start, np.int32)
    for axis, step in steps.items():
        found = found + _along(np.arange(size[axis], dtype=np.int32) * np.int32(step), axis)
    return found.ravel()
