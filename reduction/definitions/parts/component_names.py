"""Names of components at their places, and the form of them that Mask and Groups take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.places.frames import Places
from reduction.definitions.places.idf_xml import NotUnderstood, int_attribute, tag_text

T = TypeVar("T")

PLAIN = re.compile(r"[!-+\-.-9<-~]+")
"""Names that stay as they are: without blanks, commas and colons."""

NUMBER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True)
class NumberedNames:
    """The names at n places: ``name`` and the numbers from ``first`` on; None: ``name`` at all.

    From place to place the number rises by ``step``, which is above 0.
    """

    name: str
    first: int | None
    count: int
    step: int = 1

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(self.count))

    def __getitem__(self, place: int) -> str:
        return self.name if self.first is None else f"{self.name}{self.first + place * self.step}"

    def place(self, name: str) -> int | None:
        """The first place of a name; None if it has none."""
        if self.first is None:
            return 0 if name == self.name else None
        number = name.removeprefix(self.name)
        if not name.startswith(self.name) or len(number) > 20 or not NUMBER.fullmatch(number):
            return None
        place, between = divmod(int(number) - self.first, self.step)
        return place if 0 <= place < self.count and not between else None


PlaceNames = NumberedNames | tuple[str, ...]


def place_names(components: Sequence[Element], locations: Sequence[Element]) -> PlaceNames:
    """The names at the places of ``locations``, each in the component at the same place.

    As in Mantid, a name is that of the location, else of the component, else of the type.
    """
    if locations[0].tag != "locations":
        pairs = zip(components, locations, strict=True)
        return tuple(
            place.get("name", "") or component_name(component) for component, place in pairs
        )
    count = int_attribute(locations[0], "n-elements", 0)
    name = locations[0].get("name", "")
    if not name:
        return NumberedNames(component_name(components[0]), None, count)
    first, step = (
        int_attribute(locations[0], f"name-count-{each}", default)
        for each, default in (("start", 0), ("increment", 1))
    )
    if step < 1:
        raise NotUnderstood(
            f"{tag_text(locations[0])}: name-count-increment is {step}, not above 0"
        )
    return NumberedNames(name, first, count, step)


def places_called(names: PlaceNames, wanted: Mapping[str, T]) -> Iterator[tuple[Places, T]]:
    """For each of the names that is ``wanted`` its places, and what it is wanted for."""
    if isinstance(names, NumberedNames) and names.first is None:
        if names.name in wanted:
            yield np.arange(names.count), wanted[names.name]
    elif isinstance(names, NumberedNames) and names.count > len(wanted):
        for name, value in wanted.items():
            if (place := names.place(name)) is not None:
                yield np.array([place]), value
    else:
        for place, name in enumerate(names):
            if name in wanted:
                yield np.array([place]), wanted[name]


def component_name(component: Element) -> str:
    """The name of a component, or of its type if the component has no name."""
    return component.get("name", "") or component.get("type", "")


def plain_name(name: str) -> str:
    """A name in the form that Mask and Groups take: without blanks, commas and colons."""
    plain = re.sub(r"[^!-~]+|[,;:]", "_", name.strip())
    return f"bank{plain}" if re.fullmatch(r"[+-]?\d+", plain) else plain


def plain_names(names: PlaceNames) -> Sequence[str]:
    """The names in the form that Mask and Groups take."""
    if not isinstance(names, NumberedNames):
        return [plain_name(each) for each in names]
    if names.first is None:
        return [plain_name(names.name)] * names.count
    if PLAIN.fullmatch(names.name) and not re.fullmatch(r"[+-]?\d*", names.name):
        numbers = range(names.first, names.first + names.count * names.step, names.step)
        return [f"{names.name}{number}" for number in numbers]
    return [plain_name(each) for each in names]
