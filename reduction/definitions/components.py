"""Walks the components of a Mantid instrument definition, and finds its detectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.component_types import Category, ComponentTypes, mark
from reduction.definitions.detector_ids import DetectorIdLists
from reduction.definitions.frames import ORIGIN, Frame, Placement, Vectors
from reduction.definitions.idf_xml import NotUnderstood, check_contents, tag_text
from reduction.definitions.locations import MOST_COMPONENTS, Conventions, Locations, joined
from reduction.definitions.motions import Motion, Motions
from reduction.definitions.panels import grid_pixels, mesh_pixels
from reduction.definitions.placed_component import (
    BankScope,
    DetectorIds,
    FoundDetectors,
    PlacedComponent,
    own_name,
    plain_name,
)

COMPONENT = frozenset(("type", "name", "idlist", "mark-as", "outline"))
PANEL_IDS = frozenset(("idstart", "idfillbyfirst", "idfillorder", "idstepbyrow", "idstep"))
IN_COMPONENT = frozenset(("location", "locations", "parameter", "properties", "description"))

DEEPEST = 50
"""Most types nested in each other."""


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What is around a component: its parent's placement, names and types from the outermost on."""

    placement: Placement
    scope: BankScope
    names: tuple[str, ...] = ()
    types: tuple[Element, ...] = ()


class ComponentWalk:
    """Walks the components under the root of a definition, depth first."""

    def __init__(self, root: Element, conventions: Conventions, motions: Motions) -> None:
        self._root, self._conventions, self._motions = root, conventions, motions
        self._types = ComponentTypes(root)
        self._ids = DetectorIdLists(root, conventions.notes)
        self._in_type: dict[Element, list[PlacedComponent]] = {}
        self._total = 0
        self.found = FoundDetectors()
        self.waiting: dict[str, list[str]] = {}
        self.marks_waiting: dict[str, None] = {}
        """The logs that would move the source or the sample."""

    def walk(self) -> FoundDetectors:
        """All detectors, and where source and sample are; raises `NotUnderstood`."""
        origin = Placement.unmoved(ORIGIN)
        around = Surroundings(self._motions.of_instrument.moved(origin, origin), BankScope(""))
        for component in self._root.findall("component"):
            self._ids.begin()
            for placed in self._placed_components(component):
                self._place(placed, around)
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
            before = runs[-1][0] if runs else placed
            if runs and before.joins(placed) and self._is_plain(before) and self._is_plain(placed):
                runs[-1].append(placed)
            else:
                runs.append([placed])
        return [
            PlacedComponent(run[0].component, joined([each.places for each in run]))
            if run[1:]
            else run[0]
            for run in runs
        ]

    def _is_plain(self, placed: PlacedComponent) -> bool:
        """Whether it is of detectors that are where their locations say, apart from links."""
        has_id = self._types.category(self._types.of(placed.component)).has_id
        motion = self._motions.of_elements(placed.component, placed.places.element)
        return has_id and not motion and not self._conventions.neutronic

    def _place(self, placed: PlacedComponent, around: Surroundings) -> None:
        """Place a component at all its places within what is around it."""
        kind, count = self._types.of(placed.component), len(placed.places.names)
        category = self._types.category(kind)
        self._ids.start_list(placed.component)
        self._total += count
        if self._total > MOST_COMPONENTS:
            raise NotUnderstood(f"more than {MOST_COMPONENTS} components")
        if category.has_id:
            ids = self._ids.take(count, placed.component)
            self._detectors(placed, around, ids, category is Category.MONITOR)
        elif category is not Category.OTHER:
            for place in range(count):
                self._part(placed, place, around)

    def _detectors(
        self, placed: PlacedComponent, around: Surroundings, ids: DetectorIds, monitor: bool
    ) -> None:
        """Add detectors, in one block if nothing moves them by themselves."""
        bank = around.scope.bank or around.scope.top or plain_name(own_name(placed.component))
        monitor = monitor or placed.monitor
        if self._conventions.neutronic and placed.places.neutronic is None:
            return  # as in Mantid: such a detector is not part of the instrument
        if not self._may_move(placed, ids):
            built = placed.places.positions(around.placement.built)
            self.found.add(ids, around.placement.final_positions(built), monitor, bank)
            return
        for place in range(len(placed.places.names)):
            motion = self._motion(placed, place, around.names)
            motion |= self._motions.by_id.get(int(ids[place]), Motion())
            placement = self._placement(placed, place, around.placement, motion)
            self._wait(motion, placed.full_name(place))
            position = placement.final.position[None]
            self.found.add(ids[place : place + 1], position, monitor, bank)

    def _may_move(self, placed: PlacedComponent, ids: DetectorIds) -> bool:
        motions = self._motions
        return bool(
            self._conventions.neutronic
            or motions.links_by_name
            or motions.of_elements(placed.component, placed.places.element)
            or (motions.by_id and np.isin(ids, list(motions.by_id)).any())
        )

    def _motion(self, placed: PlacedComponent, place: int, names: tuple[str, ...]) -> Motion:
        """The motion of a component at a place, without that of its id."""
        motion = self._motions.of_elements(placed.component, placed.places.element)
        return motion | self._motions.of_links((*names, placed.full_name(place)))

    def _placement(
        self, placed: PlacedComponent, place: int, parent: Placement, motion: Motion
    ) -> Placement:
        """Where a component is at a place within its parent."""
        places = placed.places
        if self._types.category(self._types.of(placed.component)) is Category.MESH:
            # Mantid does not turn structured detectors to what they face.
            built = places.turned_frame(parent.built, place, parent.built.rotation)
        else:
            built = places.frame(parent.built, place)
        placement = parent.within(built)
        if places.neutronic is not None:
            turned = placement.neutronic.rotation
            neutronic = places.neutronic.turned_frame(parent.neutronic, place, turned)
            final = neutronic.carried(parent.neutronic, parent.final)
            placement = Placement(built, neutronic, final)
        return motion.moved(placement, parent)

    def _part(self, placed: PlacedComponent, place: int, around: Surroundings) -> None:
        """Place a component that is no detector at one place."""
        name, kind = placed.name(place), self._types.of(placed.component)
        motion = self._motion(placed, place, around.names)
        placement = self._placement(placed, place, around.placement, motion)
        inside = Surroundings(
            placement,
            around.scope.inside(name),
            (*around.names, placed.full_name(place)),
            (*around.types, kind),
        )
        marks, blocks = len(self.found.marked), len(self.found.ids)
        self._mark(placed.component, kind, placement.final)
        if len(self.found.marked) > marks:
            self.marks_waiting |= dict.fromkeys(motion.waiting.values())
        category = self._types.category(kind)
        if category in (Category.PANEL, Category.MESH):
            self._panel(placed.component, kind, inside, name)
        elif category is Category.PARTS:
            if kind in around.types or len(inside.types) > DEEPEST:
                raise NotUnderstood(f"{tag_text(kind)} holds itself, or types nest too deep")
            self._parts(placed, inside)
        self.found.scale(motion, placement.final, blocks)
        if (marks, blocks) != (len(self.found.marked), len(self.found.ids)):
            self._wait(motion, placed.full_name(place))

    def _mark(self, component: Element, kind: Element, frame: Frame) -> None:
        """Keep the position of the source or the sample; as in Mantid, the first one counts."""
        marked = mark(kind)
        if marked is None:
            return
        if marked in self.found.marked:
            fact = f"{tag_text(component)} is a second {kind.get('is')}: the first one counts"
            self._conventions.notes.add(fact)
            return
        self.found.marked[marked] = frame.position

    def _parts(self, placed: PlacedComponent, inside: Surroundings) -> None:
        """Place the components of a type, without those that ``<exclude>`` names."""
        kind = inside.types[-1]
        if not placed.excluded:
            for each in self._components_of(kind):
                self._place(each, inside)
            return
        left_out = set()
        for component in kind.findall("component"):
            for each in self._placed_components(component):
                names = {each.name(0)} & placed.excluded
                left_out |= names
                if not names:
                    self._place(each, inside)
        for unknown in sorted(placed.excluded - left_out):
            fact = f"{tag_text(placed.component)}: <exclude> of {unknown}, which is not in it"
            self._conventions.notes.add(fact)

    def _panel(self, component: Element, kind: Element, inside: Surroundings, name: str) -> None:
        """Add the pixels of a rectangular, grid or structured detector."""
        mesh = self._types.category(kind) is Category.MESH
        most, notes = MOST_COMPONENTS - self._total, self._conventions.notes
        pixels = (mesh_pixels if mesh else grid_pixels)(component, kind, most, notes)
        self._total += pixels.ids.size
        frame = inside.placement.final
        positions: Vectors = frame.position + pixels.positions @ frame.rotation.T
        self.found.add(pixels.ids, positions, False, inside.scope.bank or name)

    def _wait(self, motion: Motion, name: str) -> None:
        """Remember the parameters of a component that follow logs whose values are not known."""
        for parameter, log in motion.waiting.items():
            self.waiting.setdefault(log, []).append(f"{parameter} of {name}")
