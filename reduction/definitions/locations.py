"""Positions and rotations of components in a Mantid instrument definition.

A component has a position and a rotation relative to its parent. They are computed by the same
steps as in Mantid. ``<location>`` gives both. Then each nested ``<rot>`` and ``<trans>`` rotates or
moves the component further, in the coordinates rotated so far. Then ``<facing>`` rotates the z axis
away from a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.frames import Frame, Vectors, cartesian, facing_away, rotation_matrix
from reduction.definitions.idf_xml import (
    NO_NAMES,
    Notes,
    NotUnderstood,
    check_contents,
    float_attribute,
    int_attribute,
    tag_text,
)

MOST_COMPONENTS = 5_000_000
"""Most components of an instrument."""

CARTESIAN = ("x", "y", "z")
POLAR = ("r", "t", "p")
LONG_POLAR = {"R": "r", "theta": "t", "phi": "p"}
AXIS_ATTRIBUTES = ("axis-x", "axis-y", "axis-z")
VECTOR = frozenset((*CARTESIAN, *POLAR, *LONG_POLAR))
UNUSED = frozenset(("xpixels", "ypixels"))
"""Attributes of a ``<location>`` in older definitions, which Mantid does not use there."""

LOCATION = VECTOR | UNUSED | frozenset(("rot", "ang", *AXIS_ATTRIBUTES, "name", "mark-as"))
SPANNED = (*CARTESIAN, *POLAR, "rot")
REPEATED = ("n-elements", "name", "name-count-start", "mark-as")
LOCATIONS = frozenset((*SPANNED, *(f"{each}-end" for each in SPANNED), *AXIS_ATTRIBUTES, *REPEATED))
MOVES = ("trans", "rot")
IN_LOCATION = frozenset((*MOVES, "exclude", "facing", "parameter", "neutronic"))
Z_AXIS = np.array([0.0, 0.0, 1.0])
Z_AXIS.setflags(write=False)
NEUTRONIC = LOCATION | frozenset(("type",))


@dataclass(frozen=True, eq=False)
class Conventions:
    """The conventions for positions that ``<defaults>`` sets.

    The unit of angles is ``degrees`` degrees. If ``offsets`` is set, polar coordinates
    are added to those of the parent. ``facing`` (3,), in m, is the point that components face
    unless they name another. If ``neutronic`` is set, ``<neutronic>`` positions replace others.
    """

    degrees: float = 1.0
    offsets: bool = False
    facing: Vectors | None = None
    neutronic: bool = False
    notes: Notes = field(default_factory=Notes)

    def number(self, element: Element, attribute: str, default: float = 0.0) -> float:
        """A number as `float_attribute` reads it."""
        return float_attribute(element, attribute, default, self.notes)


@dataclass(frozen=True, eq=False)
class Locations:
    """The n places that a ``<location>`` or ``<locations>`` gives.

    ``vectors`` (n, 3) are x, y, z in m, or r, t, p in m and degrees if ``polar``. ``angles`` (n,),
    in degrees, are rotations about ``axis`` (3,). A name that is not given is empty. ``element``
    has the other children of a ``<location>``. ``facing`` (3,) is the point that the component
    faces.
    """

    names: PlaceNames | Sequence[str]
    vectors: Vectors
    polar: bool
    angles: Vectors
    axis: Vectors
    element: Element
    facing: Vectors | None
    conventions: Conventions

    @classmethod
    def of(cls, element: Element, conventions: Conventions) -> Self:
        """The places of one element; raises `NotUnderstood`."""
        single = element.tag != "locations"
        allowed = {"location": LOCATION, "neutronic": NEUTRONIC}.get(element.tag, LOCATIONS)
        check_contents(element, allowed, IN_LOCATION if single else NO_NAMES)
        if conventions.number(element, "ang"):
            raise NotUnderstood(f"{tag_text(element)}: ang is no rotation in Mantid; rot is")
        for unused in sorted(UNUSED & element.attrib.keys()):
            conventions.notes.add(f"{tag_text(element)}: {unused} has no effect here")
        count = 1 if single else _count(element)
        polar, keys = _keys(element)
        vectors = _vectors(element, keys, count, conventions)
        if polar:
            vectors = vectors * [1.0, conventions.degrees, conventions.degrees]
        return cls(
            _names(element, count),
            vectors,
            polar,
            _column(element, "rot", count, conventions) * conventions.degrees,
            _axis(element, conventions),
            element,
            _facing(element, conventions),
            conventions,
        )

    @cached_property
    def moves(self) -> tuple[Element, ...]:
        """The nested ``<rot>`` and ``<trans>``, the outermost first.

        Of several in one element the first ``<trans>`` counts, or else the first ``<rot>``.
        """
        found, here = [], self.element
        while inside := [each for tag in MOVES for each in here if each.tag == tag]:
            if len(inside) > 1:
                fact = f"{tag_text(here)}: of several <rot> and <trans> in it only one counts"
                self.conventions.notes.add(f"{fact}, a <{inside[0].tag}>")
            here = inside[0]
            allowed = frozenset(("val", *AXIS_ATTRIBUTES)) if here.tag == "rot" else VECTOR
            check_contents(here, allowed, frozenset(MOVES))
            found.append(here)
        return tuple(found)

    @cached_property
    def neutronic(self) -> Locations | None:
        """Where neutrons seem to go, if the definition has such positions and this has one."""
        found = self.element.find("neutronic") if self.conventions.neutronic else None
        return None if found is None else Locations.of(found, self.conventions)

    @cached_property
    def _cartesian(self) -> Vectors:
        return cartesian(self.vectors) if self.polar else self.vectors

    def _relative(self, parent: Frame) -> Vectors:
        """Positions in the parent's coordinates, (n, 3) in m."""
        if self.polar and self.conventions.offsets:
            return cartesian(self.vectors + parent.polar) - cartesian(parent.polar[None])
        return self._cartesian

    def positions(self, parent: Frame) -> Vectors:
        """Positions of components without child components, (n, 3) in m."""
        if any(each.tag == "trans" for each in self.moves):
            return np.stack([self.frame(parent, n).position for n in range(len(self.angles))])
        positions: Vectors = parent.position + self._relative(parent) @ parent.rotation.T
        return positions

    def frame(self, parent: Frame, place: int) -> Frame:
        """The coordinate system at one of the places."""
        frame = self.turned_frame(parent, place, parent.rotation)
        return replace(frame, rotation=self._faced(frame.position, frame.rotation))

    def turned_frame(self, parent: Frame, place: int, turned: Vectors) -> Frame:
        """The coordinate system at one of the places, not facing anything.

        ``turned`` (3, 3) is the rotation of the component within the instrument to begin with.
        """
        relative = self._relative(parent)[place]
        polar = self.vectors[place] + parent.polar if self.polar else None
        rotation = turned @ rotation_matrix(float(self.angles[place]), self.axis)
        for each in self.moves:
            if each.tag == "rot":
                angle = self.conventions.number(each, "val") * self.conventions.degrees
                rotation = rotation @ rotation_matrix(angle, _axis(each, self.conventions, "val"))
                continue
            is_polar, vector = self._translation(each)
            moved = cartesian(vector) if is_polar else vector
            if is_polar and self.conventions.offsets:
                before = parent.polar if polar is None else polar
                polar = before + vector
                moved = cartesian(polar) - cartesian(before)
            # By the rotation within the instrument, not within the parent, as Mantid does.
            relative = relative + rotation @ moved
        position = parent.position + parent.rotation @ relative
        return Frame(position, rotation, np.zeros(3) if polar is None else polar)

    def _translation(self, element: Element) -> tuple[bool, Vectors]:
        """Whether a ``<trans>`` is by r, t, p, and its vector in m and degrees."""
        polar, keys = _keys(element)
        degrees = self.conventions.degrees
        vector = np.array([self.conventions.number(element, each) for each in keys])
        return polar, vector * [1, degrees, degrees] if polar else vector

    def _faced(self, position: Vectors, rotation: Vectors) -> Vectors:
        facing = next((each for each in self.element if each.tag == "facing"), None)
        if facing is not None and "rot" in facing.attrib:
            angle = self.conventions.number(facing, "rot") * self.conventions.degrees
            rotation = rotation @ rotation_matrix(angle, np.array([0.0, 0.0, 1.0]))
        return rotation if self.facing is None else facing_away(self.facing, position, rotation)


def joined(several: Sequence[Locations]) -> Locations:
    """The places of several locations as one; all have the same kind and no nested moves."""
    return replace(
        several[0],
        names=[each.names[n] for each in several for n in range(len(each.names))],
        vectors=np.concatenate([each.vectors for each in several]),
        angles=np.concatenate([each.angles for each in several]),
    )


def vector(element: Element, conventions: Conventions) -> Vectors:
    """The point that an element gives, (3,) in m."""
    polar, keys = _keys(element)
    found = np.array([conventions.number(element, each) for each in keys])
    scale = [1.0, conventions.degrees, conventions.degrees]
    return cartesian(found * scale) if polar else found


def _keys(element: Element) -> tuple[bool, tuple[str, ...]]:
    """Whether the coordinates of an element are polar, and the names of their attributes."""
    long = [each for each in LONG_POLAR if each in element.attrib]
    short = [each for each in POLAR if each in element.attrib]
    if (long or short) and any(each in element.attrib for each in CARTESIAN):
        raise NotUnderstood(f"{tag_text(element)}: both {(short + long)[0]} and x, y or z")
    if long and short:
        raise NotUnderstood(f"{tag_text(element)}: both {short[0]} and {long[0]}")
    if long:
        return True, tuple(LONG_POLAR)
    return (True, POLAR) if short else (False, CARTESIAN)


def _count(element: Element) -> int:
    count = int_attribute(element, "n-elements", 0)
    if not 0 < count <= MOST_COMPONENTS:
        raise NotUnderstood(
            f"{tag_text(element)}: n-elements is 1 to {MOST_COMPONENTS}, not {count}"
        )
    return count


@dataclass(frozen=True)
class PlaceNames:
    """The names of some places, made when they are asked for; ``first`` None: all are ``name``."""

    name: str
    first: int | None
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < self.count:
            raise IndexError(place)
        return self.name if self.first is None else f"{self.name}{self.first + place}"


def _names(element: Element, count: int) -> PlaceNames:
    name = element.get("name", "")
    if element.tag != "locations" or not name:
        return PlaceNames(name, None, count)
    return PlaceNames(name, int_attribute(element, "name-count-start", 0), count)


def _vectors(
    element: Element, keys: Sequence[str], count: int, conventions: Conventions
) -> Vectors:
    """The three coordinates of each place, (n, 3); most elements have one place."""
    if element.tag != "locations":
        return np.array([[conventions.number(element, key) for key in keys]])
    return np.stack([_column(element, key, count, conventions) for key in keys], axis=1)


def _column(element: Element, key: str, count: int, conventions: Conventions) -> Vectors:
    """The values of an attribute at each place, (n,), evenly from ``key`` to ``key-end``."""
    first = conventions.number(element, key)
    if f"{key}-end" not in element.attrib:
        return np.full(count, first)
    if key not in element.attrib:
        raise NotUnderstood(f"{tag_text(element)}: {key}-end without {key}")
    return np.linspace(first, conventions.number(element, f"{key}-end"), count)


def _axis(element: Element, conventions: Conventions, angle: str = "rot") -> Vectors:
    """The axis of a rotation, (3,) of length 1; z if none is given."""
    if element.attrib.keys().isdisjoint(AXIS_ATTRIBUTES):
        return Z_AXIS
    defaults = zip(AXIS_ATTRIBUTES, (0.0, 0.0, 1.0), strict=True)
    axis = np.array([conventions.number(element, each, default) for each, default in defaults])
    length = np.linalg.norm(axis)
    if length == 0 and (
        conventions.number(element, angle) or conventions.number(element, f"{angle}-end")
    ):
        raise NotUnderstood(f"{tag_text(element)}: {angle} about an axis of length 0")
    return axis / length if length else Z_AXIS


def _facing(element: Element, conventions: Conventions) -> Vectors | None:
    found = [each for each in element if each.tag == "facing"]
    if not found:
        return conventions.facing
    if len(found) > 1:
        raise NotUnderstood(f"{tag_text(element)}: more than one <facing>")
    check_contents(found[0], VECTOR | {"rot", "val"}, NO_NAMES)
    return None if "val" in found[0].attrib else vector(found[0], conventions)
