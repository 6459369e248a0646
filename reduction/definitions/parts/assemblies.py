"""What the types of a Mantid instrument definition hold, each read once however often it is placed.

So counting what a definition makes costs nothing, and is done before anything is placed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from reduction.definitions.parts.component_names import (
    PlaceNames,
    place_names,
    plain_name,
)
from reduction.definitions.parts.component_types import Category, ComponentTypes, mark
from reduction.definitions.parts.detector_ids import (
    DetectorIdLists,
    TakenIds,
    repeated,
    taken_in_turn,
)
from reduction.definitions.parts.panels import panel_size
from reduction.definitions.places.attribute_columns import shape
from reduction.definitions.places.idf_xml import (
    NO_NAMES,
    UNUSED,
    NotUnderstood,
    check_contents,
    note_unused,
    tag_text,
)
from reduction.definitions.places.locations import MOST_COMPONENTS, Conventions, Locations
from reduction.definitions.places.motions import Motion, Motions

COMPONENT = frozenset(("type", "name", "idlist", "mark-as", "outline"))
PANEL_IDS = frozenset(("idstart", "idfillbyfirst", "idfillorder", "idstepbyrow", "idstep"))
IN_COMPONENT = frozenset(
    (
        *("location", "locations", "parameter", "properties", "description"),
        "side-by-side-view-location",  # of pictures in Mantid 6
    )
)

MOST_UNLIKE = 20_000
"""Most groups of components that are read together: each takes 0.1 ms. Mantid's have up to 614."""

MOST_READ_AGAIN = 400_000
"""Most components and locations that are read for different ``<exclude>``: each takes 2 µs."""

DEEPEST = 50
"""Most types nested in each other."""


@dataclass(frozen=True)
class Amount:
    """How much there is: ``ids`` that are taken from lists, and ``components``.

    ``assemblies`` are the components that are neither detectors nor pixels.
    """

    ids: int = 0
    components: int = 0
    assemblies: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.ids + other.ids,
            self.components + other.components,
            self.assemblies + other.assemblies,
        )

    def times(self, number: int) -> Amount:
        """As much as ``number`` of these."""
        return Amount(self.ids * number, self.components * number, self.assemblies * number)


@dataclass(frozen=True, eq=False)
class Components:
    """Components of one type at the n places of their locations, in the order of the file.

    ``each`` is what one of them is with all that it holds, ``before`` what its assembly holds
    before them. ``motion`` is that of their parameters.
    """

    component: Element
    names: PlaceNames
    places: Locations
    kind: Element
    category: Category
    inside: Contents | None
    motion: Motion
    monitor: bool
    each: Amount
    before: Amount
    taken: tuple[TakenIds, ...]

    @property
    def matters(self) -> bool:
        """Whether it is or holds detectors, the source or the sample."""
        if self.inside is not None and self.inside.matters:
            return True
        return mark(self.kind) is not None or self.category not in (Category.PARTS, Category.OTHER)


@dataclass(frozen=True, eq=False)
class Contents:
    """The parts of a type without those that are excluded, and which ids they take.

    ``levels`` of types are in each other in it. ``matters`` as for parts. ``unknown`` are names
    that were to be excluded and are not in it.
    """

    parts: tuple[Components, ...]
    amount: Amount
    taken: tuple[TakenIds, ...]
    levels: int
    matters: bool
    unknown: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Alike:
    """Neighbouring locations that are read together, since their ``key`` is the same."""

    key: Hashable
    components: list[Element]
    locations: list[Element]


class AssemblyReader:
    """Reads the contents of types, and of the whole definition; raises `NotUnderstood`.

    ``known`` are the contents that were read, each after those in it.
    """

    def __init__(self, root: Element, conventions: Conventions, motions: Motions) -> None:
        self._root, self._conventions, self._motions = root, conventions, motions
        self._types = ComponentTypes(root)
        self.lists = DetectorIdLists(root, conventions.notes)
        self.known: dict[tuple[Element, frozenset[str]], Contents] = {}
        self._around: list[Element] = []
        self._unlike = self._read_again = 0

    def contents(self, kind: Element, excluded: frozenset[str] = NO_NAMES) -> Contents:
        """The parts of a type; those of the root are the whole definition."""
        key = kind, excluded
        if key not in self.known:
            self._check_depth(kind, 1)
            self._around.append(kind)
            contents = self._read(kind, excluded)
            self._around.pop()
            self.known[key] = contents
        self._check_depth(kind, self.known[key].levels)
        return self.known[key]

    def _check_depth(self, kind: Element, levels: int) -> None:
        if kind in self._around or len(self._around) - 1 + levels > DEEPEST:
            raise NotUnderstood(f"{tag_text(kind)} holds itself, or types nest too deep")

    def _read(self, kind: Element, excluded: frozenset[str]) -> Contents:
        parts, before, left_out = [], Amount(), set[str]()
        groups = self._alike(kind, excluded, left_out)
        self._unlike += len(groups)
        if self._unlike > MOST_UNLIKE:
            raise NotUnderstood(f"more than {MOST_UNLIKE} groups of components that are not alike")
        for alike in groups:
            part = self._part(alike, before)
            parts.append(part)
            before += part.each.times(len(part.places))
        is_type = kind is not self._root
        every = [each for part in parts for each in part.taken] if is_type else []
        return Contents(
            tuple(parts),
            before,
            taken_in_turn((TakenIds(None, 0), *every), kind),
            1 + max((each.inside.levels for each in parts if each.inside), default=0),
            any(each.matters for each in parts),
            tuple(sorted(excluded - left_out)),
        )

    def _alike(self, kind: Element, excluded: frozenset[str], left_out: set[str]) -> list[_Alike]:
        """The locations of the components in a type; ``left_out`` gets the names without these."""
        found = [_Alike(None, [], [])]
        for component in kind.findall("component"):
            self._read_again += 1 + len(component) if excluded else 0
            if self._read_again > MOST_READ_AGAIN:
                most = f"more than {MOST_READ_AGAIN} locations to look at for each other <exclude>"
                raise NotUnderstood(f"{tag_text(kind)}: {most}")
            key = self._component_key(component, kind)
            for each in component:
                if each.tag not in ("location", "locations"):
                    continue
                if excluded:
                    name = plain_name(place_names([component], [each])[0])
                    left_out |= {name} & excluded
                    if name in excluded:
                        continue
                both = key, self._location_key(each)
                if both != found[-1].key:
                    found.append(_Alike(both, [], []))
                found[-1].components.append(component)
                found[-1].locations.append(each)
        return found[1:]

    def _component_key(self, component: Element, kind: Element) -> Hashable:
        """What neighbouring components must have in common to be read together."""
        check_contents(component, COMPONENT | PANEL_IDS | UNUSED, IN_COMPONENT)
        note_unused(component, self._conventions.notes)
        if component.find("location") is None and component.find("locations") is None:
            raise NotUnderstood(f"{tag_text(component)} has no <location>")
        self.lists.check(component)
        alone = (
            kind is self._root
            or "idlist" in component.attrib
            or self._types.category(self._types.of(component)) in (Category.PANEL, Category.MESH)
            or bool(self._motions.of_elements(component))
        )
        return component.get("type"), component.get("mark-as"), alone and id(component)

    def _location_key(self, location: Element) -> Hashable:
        if not len(location) and location.tag == "location":
            return location.get("mark-as"), shape(location)
        if (
            location.tag == "locations"
            or location.find("exclude") is not None
            or self._motions.of_elements(location)
        ):
            return id(location)
        return location.get("mark-as"), shape(location)

    def _part(self, alike: _Alike, before: Amount) -> Components:
        component, location, locations = (
            alike.components[0],
            alike.locations[0],
            alike.locations,
        )
        kind = self._types.of(component)
        category = self._types.category(kind)
        inside = None
        if category is Category.PARTS:
            inside = self.contents(kind, _excluded(location))
        found = Locations.of(locations, self._conventions)
        return Components(
            component,
            place_names(alike.components, locations),
            found,
            kind,
            category,
            inside,
            self._motions.of_elements(component, location),
            "monitor" in (component.get("mark-as"), location.get("mark-as")),
            _amount(kind, category, inside),
            before,
            _taken(component, location, len(found), inside, category),
        )


def _taken(
    component: Element, location: Element, count: int, inside: Contents | None, category: Category
) -> tuple[TakenIds, ...]:
    """The ids that a component takes at ``count`` places: of one ``<locations>``, or of as many."""
    name = component.get("idlist") or None
    if inside is None:
        return (TakenIds(name, count if category.has_id else 0),)
    start, each = TakenIds(name, 0), inside.taken
    if location.tag == "locations":
        return taken_in_turn((start, *repeated(each, count, component)), component)
    return repeated(taken_in_turn((start, *each), component), count, component)


def _amount(kind: Element, category: Category, inside: Contents | None) -> Amount:
    """What one component of a type is with all that it holds."""
    if inside is not None:
        return Amount(0, 1, 1) + inside.amount
    if category.has_id or category is Category.OTHER:
        return Amount(int(category.has_id), 1, 0)
    pixels = 0
    if category in (Category.PANEL, Category.MESH):
        x, y, z = panel_size(kind, MOST_COMPONENTS)
        pixels = x * y * z
    return Amount(0, 1 + pixels, 1)


def _excluded(location: Element) -> frozenset[str]:
    """Names of the child components that ``<exclude>`` leaves out."""
    excludes = location.findall("exclude")
    for each in excludes:
        check_contents(each, frozenset(("sub-part",)), NO_NAMES)
    return frozenset(plain_name(each.get("sub-part", "")) for each in excludes)
