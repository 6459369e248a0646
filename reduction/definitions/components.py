"""The components of a Mantid instrument definition: walked, placed and given their detector ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.detector_ids import DetectorIdLists
from reduction.definitions.frames import ORIGIN, Frame, Vectors
from reduction.definitions.idf_xml import (
    NotUnderstood,
    check_contents,
    choice_attribute,
    float_attribute,
    int_attribute,
    tag_text,
)
from reduction.definitions.locations import MOST_PLACES, Conventions, Locations, joined
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

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class BankScope:
    """What holds detectors: the component right below the instrument, and the bank if it is known.

    The bank of a detector is the outermost component around it whose name begins with ``bank``;
    without one the rectangular detector that it is a pixel of; without that the top component.
    """

    top: str
    bank: str = ""

    def inside(self, name: str) -> BankScope:
        """What holds the detectors in a component of that name in this one."""
        bank = self.bank or (name if name.lower().startswith("bank") else "")
        return BankScope(self.top or name, bank)


@dataclass
class FoundDetectors:
    """What the components of a definition are: detectors block by block, and marked places."""

    ids: list[Ids] = field(default_factory=list)
    positions: list[Vectors] = field(default_factory=list)
    monitor: list[bool] = field(default_factory=list)
    bank: list[str] = field(default_factory=list)
    marked: dict[str, Vectors] = field(default_factory=dict)

    def add(self, ids: Ids, positions: Vectors, monitor: bool, bank: str) -> None:
        self.ids.append(ids)
        self.positions.append(positions)
        self.monitor.append(monitor)
        self.bank.append("" if monitor else bank)


@dataclass(frozen=True, eq=False)
class PlacedComponent:
    """Places of a component in the order of the file."""

    component: Element
    places: Locations

    def name(self, place: int) -> str:
        """Mantid's name of the component there: the location's, else its own, else its type."""
        return plain(self.places.names[place] or _own_name(self.component))

    @property
    def monitor(self) -> bool:
        """Whether it is marked as one in the old way."""
        marks = [each.get("mark-as") for each in (self.component, self.places.element)]
        return "monitor" in marks

    @cached_property
    def excluded(self) -> frozenset[str]:
        excludes = [each for each in self.places.element if each.tag == "exclude"]
        for each in excludes:
            check_contents(each, frozenset(("sub-part",)), frozenset())
        return frozenset(plain(each.get("sub-part", "")) for each in excludes)

    def joins(self, other: PlacedComponent) -> bool:
        """Whether ``other``'s places may be had with these, if both are of detectors."""
        same = ("type", "name")
        return (
            all(self.component.get(key) == other.component.get(key) for key in same)
            and "idlist" not in other.component.attrib
            and (self.monitor, self.places.polar) == (other.monitor, other.places.polar)
            and not self.places.moves + other.places.moves
        )


class Components:
    """Walks the components under the root of a definition, depth first."""

    def __init__(self, root: Element, conventions: Conventions) -> None:
        self._root, self._conventions = root, conventions
        self._types = {each.get("name", ""): each for each in root.iter("type")}
        if len(self._types) < len(root.findall("type")):
            raise NotUnderstood("more than one <type> of the same name")
        self._ids = DetectorIdLists(root)
        self._steps: dict[Element, list[PlacedComponent]] = {}
        self._placed = 0
        self.found = FoundDetectors()

    def walk(self) -> FoundDetectors:
        """All that is found; raises `NotUnderstood`."""
        for component in self._root.findall("component"):
            self._ids.begin()
            for step in self._of(component):
                self._place(step, ORIGIN, BankScope(""), ())
            self._ids.end(component)
        return self.found

    def _of(self, component: Element) -> Iterator[PlacedComponent]:
        check_contents(component, COMPONENT | PANEL_IDS, IN_COMPONENT)
        places = [each for each in component if each.tag in ("location", "locations")]
        if not places:
            raise NotUnderstood(f"{tag_text(component)} has no <location>")
        for each in places:
            yield PlacedComponent(component, Locations.of(each, self._conventions))

    def _inside(self, kind: Element) -> list[PlacedComponent]:
        """The steps of a type; detectors that follow each other are one step."""
        if kind not in self._steps:
            steps: list[PlacedComponent] = []
            for component in kind.findall("component"):
                steps += self._of(component)
            self._steps[kind] = self._fewer(steps)
        return self._steps[kind]

    def _fewer(self, steps: list[PlacedComponent]) -> list[PlacedComponent]:
        runs: list[list[PlacedComponent]] = []
        for step in steps:
            leaf = self._category(self._type(step.component)) in DETECTOR_TYPES
            if leaf and runs and runs[-1][0].joins(step):
                runs[-1].append(step)
            else:
                runs.append([step])
        return [
            PlacedComponent(run[0].component, joined([each.places for each in run]))
            if run[1:]
            else run[0]
            for run in runs
        ]

    def _type(self, component: Element) -> Element:
        name = component.get("type", "")
        if name not in self._types:
            hint = nearest(name, self._types)
            raise NotUnderstood(f"{tag_text(component)}: no type is called {name!r}{hint}")
        return self._types[name]

    def _category(self, kind: Element) -> str:
        """What a type without parts is, in lower case; ``parts`` for one that has them."""
        if kind.find("component") is not None:
            combined = kind.find("combine-components-into-one-shape") is not None
            if not combined:
                return "parts"
        category = kind.get("is", "").lower()
        if category not in (*DETECTOR_TYPES, *PANEL_TYPES, *MARKED_TYPES, *IGNORED_TYPES):
            raise NotUnderstood(f'{tag_text(kind)}: is="{kind.get("is")}" is not understood')
        return category

    def _place(
        self, step: PlacedComponent, parent: Frame, holder: BankScope, above: tuple[Element, ...]
    ) -> None:
        kind, count = self._type(step.component), len(step.places.names)
        self._ids.turn_to(step.component)
        self._placed += count
        if self._placed > MOST_PLACES:
            raise NotUnderstood(f"more than {MOST_PLACES} components")
        category = self._category(kind)
        if category in DETECTOR_TYPES:
            monitor = category == "monitor" or step.monitor
            bank = holder.bank or holder.top or plain(_own_name(step.component))
            ids = self._ids.take(count, step.component)
            self.found.add(ids, step.places.positions(parent), monitor, bank)
        elif category not in IGNORED_TYPES:
            for place in range(count):
                frame, name = step.places.frame(parent, place), step.name(place)
                self._part(step, frame, holder.inside(name), (*above, kind), name)

    def _part(
        self,
        step: PlacedComponent,
        frame: Frame,
        holder: BankScope,
        above: tuple[Element, ...],
        name: str,
    ) -> None:
        """What is more than a detector, at one of its places; ``above`` ends with its type."""
        kind = above[-1]
        mark = kind.get("is", "").lower()
        if (
            mark in MARKED_TYPES
            and self.found.marked.setdefault(mark, frame.position) is not frame.position
        ):
            raise NotUnderstood(f"{tag_text(step.component)}: a second {kind.get('is')}")
        category = self._category(kind)
        if category in PANEL_TYPES:
            self._panel(step.component, kind, frame, holder.bank or name)
        elif category == "parts":
            if kind in above[:-1] or len(above) > DEEPEST:
                raise NotUnderstood(f"{tag_text(kind)} holds itself, or types nest too deep")
            self._parts(step, frame, holder, above)

    def _parts(
        self, step: PlacedComponent, frame: Frame, holder: BankScope, above: tuple[Element, ...]
    ) -> None:
        kind = above[-1]
        if not step.excluded:
            for each in self._inside(kind):
                self._place(each, frame, holder, above)
            return
        left_out = set()
        for component in kind.findall("component"):
            for each in self._of(component):
                names = {each.name(0)} & step.excluded
                left_out |= names
                if not names:
                    self._place(each, frame, holder, above)
        if unknown := step.excluded - left_out:
            raise NotUnderstood(f"{tag_text(step.component)}: <exclude> of {', '.join(unknown)}")

    def _panel(self, component: Element, kind: Element, frame: Frame, bank: str) -> None:
        """The pixels of a rectangular detector, column by column."""
        check_contents(kind, PANEL | PIXELS, frozenset((*(each.tag for each in kind),)))
        count = [int_attribute(kind, f"{axis}pixels", 0) for axis in "xy"]
        if min(count) <= 0 or count[0] * count[1] > MOST_PLACES - self._placed:
            raise NotUnderstood(f"{tag_text(kind)}: {count[0]} by {count[1]} pixels")
        self._placed += count[0] * count[1]
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


def _own_name(component: Element) -> str:
    return component.get("name", "") or component.get("type", "")


def plain(name: str) -> str:
    """A name as it can be written in a list of names and ids."""
    plain = re.sub(r"[^!-~]+|[,;:]", "_", name.strip())
    return f"bank{plain}" if re.fullmatch(r"[+-]?\d+", plain) else plain
