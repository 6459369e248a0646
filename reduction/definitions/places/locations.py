"""Positions and rotations of components in a Mantid instrument definition.

A component has a position and a rotation relative to its parent. They are computed by the same
steps as in Mantid. ``<location>`` gives both. Then each nested ``<rot>`` and ``<trans>`` rotates or
moves the component further, in the coordinates rotated so far. Then ``<facing>`` rotates the z axis
away from a point. All places of a component are computed together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.places.attribute_columns import AlikeElements
from reduction.definitions.places.frames import (
    Frames,
    Places,
    Vectors,
    cartesian,
    facing_away,
    rotation_matrices,
    turned,
    turned_points,
)
from reduction.definitions.places.idf_xml import (
    NO_NAMES,
    UNUSED,
    Notes,
    NotUnderstood,
    check_contents,
    float_attribute,
    int_attribute,
    note_unused,
    tag_text,
)

MOST_COMPONENTS = 12_500_000
"""Most components of an instrument."""

CARTESIAN = ("x", "y", "z")
POLAR = ("r", "t", "p")
LONG_POLAR = {"R": "r", "theta": "t", "phi": "p"}
AXIS_ATTRIBUTES = ("axis-x", "axis-y", "axis-z")
VECTOR = frozenset((*CARTESIAN, *POLAR, *LONG_POLAR))
LOCATION = VECTOR | UNUSED | frozenset(("rot", "ang", *AXIS_ATTRIBUTES, "name", "mark-as"))
SPANNED = (*CARTESIAN, *POLAR, "rot")
REPEATED = ("n-elements", "name", "name-count-start", "name-count-increment", "mark-as")
LOCATIONS = frozenset((*SPANNED, *(f"{each}-end" for each in SPANNED), *AXIS_ATTRIBUTES, *REPEATED))
MOVES = ("trans", "rot")
IN_LOCATION = frozenset((*MOVES, "exclude", "facing", "parameter", "neutronic"))
Z_AXIS = np.array([[0.0, 0.0, 1.0]])
Z_AXIS.setflags(write=False)
NO_ANGLE = np.zeros(1)
NO_ANGLE.setflags(write=False)
NEUTRONIC = LOCATION | frozenset(("type",))


@dataclass(frozen=True, eq=False)
class Conventions:
    """The conventions for positions that ``<defaults>`` sets.

    The unit of angles is ``degrees`` degrees. If ``offsets`` is set, polar coordinates
    are added to those of the parent. ``facing`` (1, 3), in m, is the point that components face
    unless they name another. If ``neutronic`` is set, ``<neutronic>`` positions replace others.
    """

    degrees: float = 1.0
    offsets: bool = False
    facing: Vectors | None = None
    neutronic: bool = False
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True, eq=False)
class Move:
    """A nested ``<rot>``, or a ``<trans>``, at each of n places.

    ``turn`` (n, 3, 3) is the rotation. ``shift`` (n, 3) is x, y, z in m, or r, t, p in m and
    degrees if ``polar``. One of both is None.
    """

    turn: Vectors | None = None
    shift: Vectors | None = None
    polar: bool = False


@dataclass(frozen=True, eq=False)
class Locations:
    """The n places that ``<location>`` elements of one `shape`, or a ``<locations>``, give.

    ``vectors`` (n, 3) are x, y, z in m, or r, t, p in m and degrees if ``polar``. ``angles`` (n or
    1,), in degrees, are rotations about ``axis`` (n or 1, 3). ``moves`` are the nested ``<rot>``
    and ``<trans>``, the outermost first. Then components turn about z by ``facing_angles`` (n or
    1,), and face ``facing`` (n or 1, 3). ``neutronic`` is where neutrons seem to go, if the
    definition has such positions and these have one.
    """

    elements: Sequence[Element]
    vectors: Vectors
    polar: bool
    angles: Vectors
    axis: Vectors
    moves: tuple[Move, ...]
    facing: Vectors | None
    facing_angles: Vectors
    neutronic: Locations | None
    conventions: Conventions

    @classmethod
    def of(cls, elements: Sequence[Element], conventions: Conventions) -> Self:
        """The places of elements of one `shape`; raises `NotUnderstood`."""
        alike = AlikeElements(elements, conventions.notes)
        count = _count(alike.first) if alike.first.tag == "locations" else len(elements)
        _check(alike)
        polar, keys = _keys(alike.first)
        vectors = np.zeros((count, 3))
        for place, key in enumerate(keys):
            if alike.has(key) or alike.has(f"{key}-end"):
                vectors[:, place] = _column(alike, key, count)
        facing = alike.children("facing")
        neutronic = alike.children("neutronic").elements if conventions.neutronic else ()
        return cls(
            elements,
            vectors * [1.0, conventions.degrees, conventions.degrees] if polar else vectors,
            polar,
            _angles(alike, count) * conventions.degrees,
            _axis(alike, "rot"),
            _moves(alike, conventions),
            _facing(facing, conventions) if facing.elements else conventions.facing,
            _column(facing, "rot", count) * conventions.degrees if facing.elements else np.zeros(1),
            cls.of(neutronic, conventions) if neutronic else None,
            conventions,
        )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def turns_before_it_moves(self) -> bool:
        """Whether positions depend on rotations of the components themselves."""
        return any(each.shift is not None for each in self.moves)

    @property
    def adds_angles(self) -> bool:
        """Whether places add r, t, p to those of what is around them."""
        return self.conventions.offsets and (self.polar or any(each.polar for each in self.moves))

    @cached_property
    def _cartesian(self) -> Vectors:
        return cartesian(self.vectors) if self.polar else self.vectors

    @cached_property
    def _turn(self) -> Vectors | None:
        """The rotation at each place, (n, 3, 3); None if there is none."""
        if not self.angles.any():
            return None
        return rotation_matrices(self.angles, self.axis)

    def positions(self, parents: Frames) -> Vectors:
        """Positions of components without child components, (m, n, 3) in m, in m parents.

        Not for locations that `turns_before_it_moves`.
        """
        if self.polar and self.conventions.offsets:
            around = parents.polar[:, None]
            inside = cartesian(self.vectors + around) - cartesian(around)
        else:
            inside = self._cartesian[None]
        found = turned_points(parents.rotation, inside)
        found += parents.position[:, None]
        return found

    def frames(self, parents: Frames, places: Places) -> Frames:
        """The coordinate systems of m components, one in each of m parents, at ``places`` (m,)."""
        frames = self.frames_before_facing(parents, places)
        if self.facing is None:
            return frames
        rotation = facing_away(self.facing_points(places), frames.position, frames.rotation)
        return Frames(frames.position, rotation, frames.polar)

    def frames_before_facing(self, parents: Frames, places: Places) -> Frames:
        """The coordinate systems of `frames`, before the components face a point."""
        frames = self.turned_frames(parents, places, parents.rotation)
        rotation = frames.rotation
        if self.facing_angles.any():
            rotation = rotation @ rotation_matrices(self.facing_angles[places], Z_AXIS)
        return Frames(frames.position, rotation, frames.polar)

    def facing_points(self, places: Places) -> Vectors:
        """The points that the components at ``places`` (m,) face, (m or 1, 3) in m."""
        assert self.facing is not None
        return self.facing if len(self.facing) == 1 else self.facing[places]

    def turned_frames(self, parents: Frames, places: Places, rotation: Vectors) -> Frames:
        """The coordinate systems of `frames`, but facing nothing.

        ``rotation`` (m, 3, 3) are those of the components within the instrument to begin with.
        """
        offsets = self.conventions.offsets
        polar = np.zeros_like(parents.polar)
        if self.polar:
            polar = self.vectors[places] + parents.polar
        if self.polar and offsets:
            relative = cartesian(polar) - cartesian(parents.polar)
        else:
            relative = self._cartesian[places]
        if self._turn is not None:
            rotation = rotation @ self._turn[places]
        is_known = self.polar
        for move in self.moves:
            if move.turn is not None:
                rotation = rotation @ move.turn[places]
            if move.shift is None:
                continue
            shift = move.shift[places]
            if move.polar and offsets:
                before = polar if is_known else parents.polar
                polar, is_known = before + shift, True
                shift = cartesian(polar) - cartesian(before)
            elif move.polar:
                shift = cartesian(shift)
            # By the rotation within the instrument, not within the parent, as Mantid does.
            relative = relative + turned(rotation, shift)
        return Frames(parents.position + turned(parents.rotation, relative), rotation, polar)


def vector(element: Element, conventions: Conventions) -> Vectors:
    """The point that an element gives, (1, 3) in m."""
    return _points(AlikeElements([element], conventions.notes), conventions)


def _check(alike: AlikeElements) -> None:
    """Raises `NotUnderstood` for what the elements must not have; notes what has no effect."""
    element, single = alike.first, alike.first.tag != "locations"
    allowed = {"location": LOCATION, "neutronic": NEUTRONIC}.get(element.tag, LOCATIONS)
    check_contents(element, allowed, IN_LOCATION if single else NO_NAMES)
    if len(element.findall("facing")) > 1:
        raise NotUnderstood(f"{tag_text(element)}: more than one <facing>")
    for each in alike.elements if alike.has("ang") else ():
        if float_attribute(each, "ang", 0.0, alike.notes):
            raise NotUnderstood(f"{tag_text(each)}: ang is no rotation in Mantid; rot is")
    if not UNUSED.isdisjoint(element.attrib):
        for each in alike.elements:
            note_unused(each, alike.notes)


def _moves(alike: AlikeElements, conventions: Conventions) -> tuple[Move, ...]:
    """The nested ``<rot>`` and ``<trans>`` of each element, the outermost first.

    Of several in one element the first ``<trans>`` counts, or else the first ``<rot>``.
    """
    found = []
    while tags := [each.tag for each in alike.first if each.tag in MOVES]:
        tag = "trans" if "trans" in tags else "rot"
        if len(tags) > 1:
            for each in alike.elements:
                fact = f"{tag_text(each)}: of several <rot> and <trans> in it only one counts"
                alike.notes.add(f"{fact}, a <{tag}>")
        alike = alike.children(tag)
        allowed = frozenset(("val", *AXIS_ATTRIBUTES)) if tag == "rot" else VECTOR
        check_contents(alike.first, allowed, frozenset(MOVES))
        if tag == "rot":
            angles, axis = alike.numbers("val") * conventions.degrees, _axis(alike, "val")
            if angles.any():
                found.append(Move(turn=rotation_matrices(angles, axis)))
            continue
        polar, keys = _keys(alike.first)
        shift = np.stack([alike.numbers(key) for key in keys], axis=1)
        shift = shift * [1.0, conventions.degrees, conventions.degrees] if polar else shift
        found.append(Move(shift=shift, polar=polar))
    return tuple(found)


def _points(alike: AlikeElements, conventions: Conventions) -> Vectors:
    """The points that elements give, (n, 3) in m."""
    polar, keys = _keys(alike.first)
    found = np.stack([alike.numbers(key) for key in keys], axis=1)
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


def _column(alike: AlikeElements, key: str, count: int) -> Vectors:
    """The values of an attribute at each place, (count,).

    Those of a ``<locations>`` go evenly from ``key`` to ``key-end``.
    """
    values = alike.numbers(key)
    if len(values) == count and f"{key}-end" not in alike.first.attrib:
        return values
    if not alike.has(f"{key}-end"):
        return np.full(count, values[0])
    if not alike.has(key):
        raise NotUnderstood(f"{tag_text(alike.first)}: {key}-end without {key}")
    return np.linspace(values[0], alike.numbers(f"{key}-end")[0], count)


def _angles(alike: AlikeElements, count: int) -> Vectors:
    """The angles of rotations, (count,), or (1,) zeros if none is given."""
    given = alike.elements and (alike.has("rot") or alike.has("rot-end"))
    return _column(alike, "rot", count) if given else NO_ANGLE


def _axis(alike: AlikeElements, angle: str) -> Vectors:
    """The axes of rotations, (n or 1, 3) of length 1; z if none is given."""
    if alike.first.attrib.keys().isdisjoint(AXIS_ATTRIBUTES):
        return Z_AXIS
    defaults = zip(AXIS_ATTRIBUTES, (0.0, 0.0, 1.0), strict=True)
    axis = np.stack([alike.numbers(each, default) for each, default in defaults], axis=1)
    length = np.sqrt((axis * axis).sum(axis=1, keepdims=True))
    if (length > 0).all():
        return np.asarray(axis / length)
    turns = (alike.numbers(angle) != 0) | (alike.numbers(f"{angle}-end") != 0)
    for place in np.flatnonzero((length[:, 0] == 0) & turns)[:1].tolist():
        tag = tag_text(alike.elements[place])
        raise NotUnderstood(f"{tag}: {angle} about an axis of length 0")
    return np.where(length > 0, axis / np.where(length > 0, length, 1.0), Z_AXIS)


def _facing(alike: AlikeElements, conventions: Conventions) -> Vectors | None:
    """The points that components face by their ``<facing>``, (n, 3) in m; None if none is given."""
    check_contents(alike.first, VECTOR | {"rot", "val"}, NO_NAMES)
    return None if alike.has("val") else _points(alike, conventions)
