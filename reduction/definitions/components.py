"""Places the components of a Mantid instrument definition, and finds its detectors.

All components of a type are placed together, after all that hold them, however many there are. So
the time is that of the elements of the file, and of array operations over what they make.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.assemblies import AssemblyReader, Components, Contents
from reduction.definitions.parts.banks import NAMELESS
from reduction.definitions.parts.component_names import component_name, plain_name
from reduction.definitions.parts.component_types import Category, mark
from reduction.definitions.parts.detector_ids import taken_in_turn
from reduction.definitions.parts.motion_links import (
    LinkedMotion,
    PathFinder,
    linked_inside,
    linked_motions,
    paths_inside,
)
from reduction.definitions.parts.panels import grid_pixels, mesh_pixels
from reduction.definitions.parts.placed_components import (
    FoundDetectors,
    Instances,
    MarkedComponents,
)
from reduction.definitions.places.about_turns import check_facing
from reduction.definitions.places.frames import (
    Frames,
    Placements,
    Places,
    Scaling,
    Vectors,
    turned_points,
)
from reduction.definitions.places.idf_xml import NotUnderstood, tag_text
from reduction.definitions.places.locations import MOST_COMPONENTS, Conventions
from reduction.definitions.places.motions import Motion, Motions, WaitingParameters

MOST_ASSEMBLIES = 500_000
"""Most components that are neither detectors nor pixels: each takes 1 µs and some 0.3 kB."""

SLICE = 1 << 16
"""How many detectors that are not placed by their location alone are placed at once."""


class ComponentWalk:
    """Places the components under the root of a definition, a type at a time."""

    def __init__(self, root: Element, conventions: Conventions, motions: Motions) -> None:
        self._conventions, self._motions = conventions, motions
        self._reader = AssemblyReader(root, conventions, motions)
        self._instrument = self._reader.contents(root)
        self._ids = np.empty(0, np.int32)
        self._placed: dict[Contents, list[Instances]] = {}
        self.found = FoundDetectors()
        self.waiting = WaitingParameters()

    def walk(self) -> FoundDetectors:
        """All detectors, and where source and sample are; raises `NotUnderstood`."""
        self._check_amount()
        self._ids = self._all_ids()
        paths = PathFinder(self._motions).paths(self._instrument)
        whole = Instances.of_instrument(self._motions.of_instrument, paths)
        self._placed[self._instrument] = [whole]
        for contents in reversed(self._reader.known.values()):
            if contents in self._placed:
                around = Instances.joined(self._placed.pop(contents))
                for part in contents.parts:
                    self._place(part, around)
        return self.found

    def _check_amount(self) -> None:
        amount = self._instrument.amount
        if amount.components > MOST_COMPONENTS:
            raise NotUnderstood(f"more than {MOST_COMPONENTS} components")
        if amount.assemblies > MOST_ASSEMBLIES:
            raise NotUnderstood(f"more than {MOST_ASSEMBLIES} components that hold others")

    def _all_ids(self) -> NDArray[np.int32]:
        """The ids that detectors take from lists, in the order of the file."""
        found = [np.empty(0, np.int32)]
        for component, parts in groupby(self._instrument.parts, lambda part: part.component):
            every = (each for part in parts for each in part.taken)
            found.append(self._reader.lists.ids(taken_in_turn(every, component), component))
        return np.concatenate(found)

    def _place(self, part: Components, around: Instances) -> None:
        """Place the components of a part in each instance of what is around it."""
        for name in part.inside.unknown if part.inside is not None else ():
            fact = f"{tag_text(part.component)}: <exclude> of {name}, which is not in it"
            self._conventions.notes.add(fact, around.size * len(part.places))
        if part.category.has_id:
            self._detectors(part, around)
        elif part.matters:
            self._assemblies(part, around)

    def _detectors(self, part: Components, around: Instances) -> None:
        """Add detectors, at once if their locations alone place them."""
        places = part.places
        if self._conventions.neutronic and places.neutronic is None:
            return  # as in Mantid: such a detector is not part of the instrument
        ids = self._ids[around.first_ids(part)]
        positions = self._detector_positions(part, around, ids)
        if around.scaling is not None:
            by_parent = positions.reshape(around.size, len(places), 3)
            positions = around.scaling.scaled(by_parent).reshape(-1, 3)
        bank = np.full(around.size, NAMELESS, np.int32)
        is_monitor = part.monitor or part.category is Category.MONITOR
        if not is_monitor:
            name = plain_name(component_name(part.component))
            bank = around.scopes.of_detectors(self.found.banks.number(name))
            self.found.banks.see(bank, around.ordinal + part.before.components)
        self.found.add(ids, positions, is_monitor, np.repeat(bank, len(places)))

    def _detector_positions(
        self, part: Components, around: Instances, ids: NDArray[np.int32]
    ) -> Vectors:
        """Positions of the detectors of a part, (n, 3) in m, not scaled."""
        links = list(linked_motions(part, around, self._motions))
        links += self._motions_by_id(part, ids, links)
        self._wait(part, ids.size, links)
        by_location = not (
            self._conventions.neutronic or part.motion or part.places.turns_before_it_moves
        )
        if by_location:
            built = part.places.positions(around.placements.built)
            positions = around.placements.final_positions(built).reshape(-1, 3)
        else:
            positions = np.empty((ids.size, 3))
            for begin in range(0, ids.size, SLICE):
                places = np.arange(begin, min(begin + SLICE, ids.size))
                positions[places] = self._moved(part, around, places, part.motion).final.position
        for each in links:
            moved = self._moved(part, around, each.places, each.motion)
            positions[each.places] = moved.final.position
        return positions

    def _motions_by_id(
        self, part: Components, ids: NDArray[np.int32], links: Sequence[LinkedMotion]
    ) -> Iterator[LinkedMotion]:
        """The motions of the detectors of a part that links move by id, with all others of them."""
        if not self._motions.by_id:
            return
        before = {place: each.motion for each in links for place in each.places.tolist()}
        for place in np.flatnonzero(np.isin(ids, list(self._motions.by_id))).tolist():
            motion = before.get(place, part.motion) | self._motions.by_id[int(ids[place])]
            yield LinkedMotion(np.array([place]), motion)

    def _unmoved(self, part: Components, parents: Placements, places: Places) -> Placements:
        """Where n components of a part are, each at a place in its parent, by their locations."""
        if part.category is Category.MESH:
            # Mantid does not turn structured detectors to what they face.
            turns = parents.built.rotation
            built = part.places.turned_frames(parents.built, places, turns)
        else:
            built = part.places.frames(parents.built, places)
            if part.category in (Category.PARTS, Category.PANEL):
                check_facing(part.component, part.places, parents.built, places)
        placements = parents.within(built)
        # Mantid gives assemblies and detectors neutronic positions, and nothing else.
        has_neutronic = part.category is Category.PARTS or part.category.has_id
        if part.places.neutronic is None or not has_neutronic:
            return placements
        turns = placements.neutronic.rotation
        around = self._around_neutronic(part, built, parents)
        neutronic = part.places.neutronic.turned_frames(around, places, turns)
        if not part.places.neutronic.adds_angles:
            neutronic = Frames(neutronic.position, neutronic.rotation, built.polar)
        return Placements(built, neutronic, neutronic.carried(parents.neutronic, parents.final))

    def _around_neutronic(self, part: Components, built: Frames, parents: Placements) -> Frames:
        """The frames that neutronic positions are in; ``built`` are those of the components.

        As in Mantid, their r, t, p are added to those of the component's own location, where that
        has some, and else to those of its parent: if these are its neutronic ones depends on where
        in memory Mantid has both.
        """
        outer, places = parents.neutronic, part.places
        assert places.neutronic is not None
        if not places.neutronic.adds_angles:
            return outer
        if places.adds_angles:
            return Frames(outer.position, outer.rotation, built.polar)
        if not np.array_equal(outer.polar, parents.built.polar):
            why = "its <neutronic> adds to angles of its parent, which has neutronic ones too"
            raise NotUnderstood(f"{tag_text(part.component)}: {why}")
        return Frames(outer.position, outer.rotation, parents.built.polar)

    def _moved(
        self, part: Components, around: Instances, components: Places, motion: Motion
    ) -> Placements:
        """Where some components of a part are, (n,) among all of them, after a motion."""
        parents, places = np.divmod(components, len(part.places))
        outer = around.placements.take(parents)
        return motion.moved(self._unmoved(part, outer, places), outer)

    def _assemblies(self, part: Components, around: Instances) -> None:
        """Place components that are no detectors."""
        count = around.size * len(part.places)
        links = list(linked_motions(part, around, self._motions))
        placements = self._moved(part, around, np.arange(count), part.motion)
        moved = [
            (each.places, self._moved(part, around, each.places, each.motion).final)
            for each in links
        ]
        placements = placements.with_final(moved) if moved else placements
        parents = around.parents(part)
        inside = Instances(
            placements,
            around.scopes.inside(parents, part.names, self.found.banks),
            around.first_ids(part),
            around.ordinals(part),
            self._scaling(part, around, placements, links),
            paths_inside(part, around),
            linked_inside(part, around, self._motions),
        )
        self._mark(part, inside, links)
        self._wait(part, count, links)
        if part.category in (Category.PANEL, Category.MESH):
            self._panel(part, inside)
        elif part.inside is not None:
            self._placed.setdefault(part.inside, []).append(inside)

    def _scaling(
        self,
        part: Components,
        around: Instances,
        placements: Placements,
        links: Sequence[LinkedMotion],
    ) -> Scaling | None:
        """What scales the detectors in components of a part; None if nothing does."""
        outer = around.scaling and around.scaling.take(around.parents(part))
        scaling = part.motion.scaling(placements.final)
        for each in links:
            changed = each.motion.scaling(placements.final.take(each.places))
            if changed is not None:
                scaling = scaling or Scaling.none(len(part.places) * around.size)
                scaling.matrix[each.places] = changed.matrix
                scaling.offset[each.places] = changed.offset
        if outer is None or scaling is None:
            return scaling or outer
        if not outer.commutes(scaling):
            why = (
                "it is scaled about another point than what it is in; Mantid has no order for both"
            )
            raise NotUnderstood(f"{tag_text(part.component)}: {why}")
        return outer.after(scaling)

    def _mark(self, part: Components, inside: Instances, links: Sequence[LinkedMotion]) -> None:
        """Keep the position of the first component that is the source or the sample."""
        category = mark(part.kind)
        if category is None:
            return
        first = int(np.argmin(inside.ordinal))
        motion = part.motion
        for each in links:
            motion = each.motion if first in each.places else motion
        marked = MarkedComponents(
            part.component,
            part.kind.get("is", ""),
            inside.size,
            int(inside.ordinal[first]),
            inside.placements.final.position[first],
            tuple(each.log for each in motion.waiting.values() if each.log),
        )
        self.found.mark(category, marked, self._conventions.notes)

    def _panel(self, part: Components, inside: Instances) -> None:
        """Add the pixels of a rectangular, grid or structured detector."""
        if inside.size > 1:
            why = f"its pixels stand at {inside.size} places, so their ids stand twice"
            raise NotUnderstood(f"{tag_text(part.component)}: {why}")
        pixels_of = mesh_pixels if part.category is Category.MESH else grid_pixels
        pixels = pixels_of(part.component, part.kind, MOST_COMPONENTS, self._conventions.notes)
        frame = inside.placements.final
        for begin in range(0, pixels.ids.size, SLICE):  # in place: they may take 300 MB
            here = pixels.positions[begin : begin + SLICE]
            placed = turned_points(frame.rotation, here[None])
            placed += frame.position
            if inside.scaling is not None:
                placed = inside.scaling.scaled(placed)
            here[...] = placed[0]
        bank = inside.scopes.bank
        if bank[0] < 0:
            bank = self.found.banks.numbers((part.names[0],))
        self.found.banks.see(bank, inside.ordinal)
        banks = np.repeat(bank, pixels.ids.size)
        self.found.add(pixels.ids, pixels.positions, False, banks)

    def _wait(self, part: Components, count: int, links: Sequence[LinkedMotion]) -> None:
        """Remember the parameters of a part that have no value."""
        motions = {place: each.motion for each in links for place in each.places.tolist()}
        for place, motion in motions.items():
            self.waiting.add(motion, [part.names[place % len(part.places)]], 1)
        if part.motion.waiting:
            others = (place for place in range(count) if place not in motions)
            names = (part.names[place % len(part.places)] for place in others)
            self.waiting.add(part.motion, names, count - len(motions))
