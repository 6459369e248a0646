"""A component of a Mantid instrument definition at its places, and the bank of its detectors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.component_types import Category
from reduction.definitions.frames import Frame, Vectors
from reduction.definitions.idf_xml import check_contents
from reduction.definitions.locations import Locations
from reduction.definitions.motions import Motion

DetectorIds = NDArray[np.int32]


@dataclass(frozen=True)
class BankScope:
    """The components around detectors that name their bank.

    The bank of a detector is the outermost component around it whose name begins with ``bank``. If
    no name does, the bank is the rectangular detector that the detector is a pixel of. Without one,
    the bank is the component directly below the instrument.
    """

    top: str
    bank: str = ""

    def inside(self, name: str) -> BankScope:
        """The scope of the detectors in a component called ``name`` within this scope."""
        bank = self.bank or (name if name.lower().startswith("bank") else "")
        return BankScope(self.top or name, bank)


@dataclass
class FoundDetectors:
    """The detectors found in a definition, in blocks, and the positions of source and sample.

    For each block: ids (n,), positions (n, 3) in m, whether they are monitors, and the bank.
    """

    ids: list[DetectorIds] = field(default_factory=list)
    positions: list[Vectors] = field(default_factory=list)
    monitor: list[bool] = field(default_factory=list)
    bank: list[str] = field(default_factory=list)
    marked: dict[Category, Vectors] = field(default_factory=dict)

    def add(self, ids: DetectorIds, positions: Vectors, monitor: bool, bank: str) -> None:
        self.ids.append(ids)
        self.positions.append(positions)
        self.monitor.append(monitor)
        self.bank.append("" if monitor else bank)

    def scale(self, motion: Motion, frame: Frame, first: int) -> None:
        """Scale the component that the blocks from ``first`` on are in, and whose frame it is."""
        for block in range(first, len(self.positions)):
            self.positions[block] = motion.scaled(self.positions[block], frame)


@dataclass(frozen=True, eq=False)
class PlacedComponent:
    """A ``<component>`` at several places, in the order of the file."""

    component: Element
    places: Locations

    def name(self, place: int) -> str:
        """Its name at a place in the form that Mask and Groups take."""
        return plain_name(self.full_name(place))

    def full_name(self, place: int) -> str:
        """Its name at a place, as in Mantid: of the location, else the component, else the type."""
        return self.places.names[place] or own_name(self.component)

    @property
    def monitor(self) -> bool:
        """Whether an attribute marks it as a monitor, which is the older way."""
        marks = [each.get("mark-as") for each in (self.component, self.places.element)]
        return "monitor" in marks

    @cached_property
    def excluded(self) -> frozenset[str]:
        """Names of the child components that ``<exclude>`` leaves out."""
        excludes = [each for each in self.places.element if each.tag == "exclude"]
        for each in excludes:
            check_contents(each, frozenset(("sub-part",)), frozenset())
        return frozenset(plain_name(each.get("sub-part", "")) for each in excludes)

    def joins(self, other: PlacedComponent) -> bool:
        """Whether the places of ``other`` can be added to these. Both must be of detectors."""
        same = ("type", "name")
        return (
            all(self.component.get(key) == other.component.get(key) for key in same)
            and "idlist" not in other.component.attrib
            and (self.monitor, self.places.polar) == (other.monitor, other.places.polar)
            and not self.places.moves + other.places.moves
        )


def own_name(component: Element) -> str:
    """The name of a component, or of its type if the component has no name."""
    return component.get("name", "") or component.get("type", "")


def plain_name(name: str) -> str:
    """A name in the form that Mask and Groups take: without blanks, commas and colons."""
    plain = re.sub(r"[^!-~]+|[,;:]", "_", name.strip())
    return f"bank{plain}" if re.fullmatch(r"[+-]?\d+", plain) else plain
