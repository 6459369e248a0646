"""Walks the components of a Mantid instrument definition, and finds its detectors."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.detector_ids import DetectorIdLists
from reduction.definitions.frames import ORIGIN, Frame
from reduction.definitions.idf_xml import (
    NotUnderstood,
    check_contents,
    choice_attribute,
    float_attribute,
    int_attribute,
    tag_text,
)
from reduction.definitions.locations import MOST_PLACES, Conventions, Locations, joined
from reduction.definitions.placed_component import (
    BankScope,
    FoundDetectors,
    PlacedComponent,
    own_name,
    plain_name,
)
from reduction.parameters.specs import Integer, nearest

COMPONENT = frozenset(("type", "name", "idlist", "mark-as", "outline"))
PANEL_IDS = frozenset(("idstart", "idfillbyfirst", "idstepbyrow", "idstep"))
IN_COMPONENT = frozenset(("location", "locations", "parameter", "properties", "description"))
PANEL = frozenset(("name", "is", "type", "outline"))
PIXELS = frozenset(f"{axis}{what}" for axis in "xy" for what in ("pixels", "start", "step"))

DETECTOR_TYPES = ("detector", "monitor")
PANEL_TYPES = ("rectangulardetector", "rectangular_detector")
MARKED_TYPES = ("source", "samplepos")
IGNORED_TYPES = ("", "chopper", "chopperpos")
DEEPEST = 50
"""Most types nested in each other."""


class ComponentWalk:
    """Walks the components under the root of a definition, depth first."""

    def __init__(self, root: Element, conventions: Conventions) -> None:
        self._root, self._conventions = root, conventions
        self._types = {each.get("name", ""): each for each in root.iter("type")}
        if len(self._types) < len(root.findall("type")):
            raise NotUnderstood("more than one <type> of the same name")
        self._ids = DetectorIdLists(root)
        self._in_type: dict[Element, list[PlacedComponent]] = {}
        self._total = 0
        self.found = FoundDetectors()

    def walk(self) -> FoundDetectors:
        """All detectors, and where source and sample are; raises `NotUnderstood`."""
        for component in self._root.findall("component"):
            self._ids.begin()
            for placed in self._placed_components(component):
                self._place(placed, ORIGIN, BankScope(""), ())
            self._ids.end(component)
        return self.found

    def _placed_components(self, component: Element) -> Iterator[PlacedComponent]:
        check_contents(component, COMPONENT | PANEL_IDS, IN_COMPONENT)
        places = [each for each in component if each.tag in ("location", "locations")]
        if not places:
            raise NotUnderstood(f"{tag_text(component)} has no <location>")
        for each in places:
            yield PlacedComponent(component, Locations.of(each, self._conventions))

    def _components_of(self, kind: Element) -> list[PlacedComponent]:
        """The components in a type; neighbouring detectors of the same type are joined into one."""
        if kind not in self._in_type:
            components: list[PlacedComponent] = []
            for component in kind.findall("component"):
                components += self._placed_components(component)
            self._in_type[kind] = self._with_neighbours_joined(components)
        return self._in_type[kind]

    def _with_neighbours_joined(self, components: list[PlacedComponent]) -> list[PlacedComponent]:
        runs: list[list[PlacedComponent]] = []
        for placed in components:
            is_detector = self._category(self._type(placed.component)) in DETECTOR_TYPES
            if is_detector and runs and runs[-1][0].joins(placed):
                runs[-1].append(placed)
            else:
                runs.append([placed])
        return [
            PlacedComponent(run[0].component, joined([each.places for each in run]))
            if run[1:]
            else run[0]
            for run in runs
        ]

    def _type(self, component: Element) -> Element:
        """The ``<type>`` of a component."""
        name = component.get("type", "")
        if name not in self._types:
            hint = nearest(name, self._types)
            raise NotUnderstood(f"{tag_text(component)}: no type is called {name!r}{hint}")
        return self._types[name]

    def _category(self, kind: Element) -> str:
        """The attribute ``is`` of a type in lower case, or ``parts`` if the type has components."""
        if kind.find("component") is not None:
            combined = kind.find("combine-components-into-one-shape") is not None
            if not combined:
                return "parts"
        category = kind.get("is", "").lower()
        if category not in (*DETECTOR_TYPES, *PANEL_TYPES, *MARKED_TYPES, *IGNORED_TYPES):
            raise NotUnderstood(f'{tag_text(kind)}: is="{kind.get("is")}" is not understood')
        return category

    def _place(
        self,
        placed: PlacedComponent,
        parent: Frame,
        scope: BankScope,
        enclosing: tuple[Element, ...],
    ) -> None:
        """Place a component within ``parent``; ``enclosing`` are the types around it."""
        kind, count = self._type(placed.component), len(placed.places.names)
        self._ids.start_list(placed.component)
        self._total += count
        if self._total > MOST_PLACES:
            raise NotUnderstood(f"more than {MOST_PLACES} components")
        category = self._category(kind)
        if category in DETECTOR_TYPES:
            monitor = category == "monitor" or placed.monitor
            bank = scope.bank or scope.top or plain_name(own_name(placed.component))
            ids = self._ids.take(count, placed.component)
            self.found.add(ids, placed.places.positions(parent), monitor, bank)
        elif category not in IGNORED_TYPES:
            for place in range(count):
                frame, name = placed.places.frame(parent, place), placed.name(place)
                self._part(placed, frame, scope.inside(name), (*enclosing, kind), name)

    def _part(
        self,
        placed: PlacedComponent,
        frame: Frame,
        scope: BankScope,
        enclosing: tuple[Element, ...],
        name: str,
    ) -> None:
        """Place a component that is no detector at one place; ``enclosing`` ends with its type."""
        kind = enclosing[-1]
        mark = kind.get("is", "").lower()
        if (
            mark in MARKED_TYPES
            and self.found.marked.setdefault(mark, frame.position) is not frame.position
        ):
            raise NotUnderstood(f"{tag_text(placed.component)}: a second {kind.get('is')}")
        category = self._category(kind)
        if category in PANEL_TYPES:
            self._panel(placed.component, kind, frame, scope.bank or name)
        elif category == "parts":
            if kind in enclosing[:-1] or len(enclosing) > DEEPEST:
                raise NotUnderstood(f"{tag_text(kind)} holds itself, or types nest too deep")
            self._parts(placed, frame, scope, enclosing)

    def _parts(
        self,
        placed: PlacedComponent,
        frame: Frame,
        scope: BankScope,
        enclosing: tuple[Element, ...],
    ) -> None:
        """Place the components of a type, without those that ``<exclude>`` names."""
        kind = enclosing[-1]
        if not placed.excluded:
            for each in self._components_of(kind):
                self._place(each, frame, scope, enclosing)
            return
        left_out = set()
        for component in kind.findall("component"):
            for each in self._placed_components(component):
                names = {each.name(0)} & placed.excluded
                left_out |= names
                if not names:
                    self._place(each, frame, scope, enclosing)
        if unknown := placed.excluded - left_out:
            raise NotUnderstood(f"{tag_text(placed.component)}: <exclude> of {', '.join(unknown)}")

    def _panel(self, component: Element, kind: Element, frame: Frame, bank: str) -> None:
        """Add the pixels of a rectangular detector, column by column."""
        check_contents(kind, PANEL | PIXELS, frozenset((*(each.tag for each in kind),)))
        count = [int_attribute(kind, f"{axis}pixels", 0) for axis in "xy"]
        if min(count) <= 0 or count[0] * count[1] > MOST_PLACES - self._total:
            raise NotUnderstood(f"{tag_text(kind)}: {count[0]} by {count[1]} pixels")
        self._total += count[0] * count[1]
        x, y = (each.ravel() for each in np.indices(count))
        along, across = (
            float_attribute(kind, f"{axis}start") + place * float_attribute(kind, f"{axis}step")
            for axis, place in (("x", x), ("y", y))
        )
        flat = np.stack([along, across, np.zeros(x.size)], axis=1)
        by_y = choice_attribute(component, "idfillbyfirst", ("x", "y"), "y") == "y"
        fast, slow, row = (y, x, count[1]) if by_y else (x, y, count[0])
        by_row = int_attribute(component, "idstepbyrow", row)
        by_one = int_attribute(component, "idstep", 1)
        ids = int_attribute(component, "idstart", 0) + slow * by_row + fast * by_one
        if not Integer.INT32[0] <= ids.min() <= ids.max() <= Integer.INT32[-1]:
            raise NotUnderstood(f"{tag_text(component)}: ids that do not fit 32 bits")
        positions = frame.position + flat @ frame.rotation.T
        self.found.add(ids.astype(np.int32), positions, False, bank)
