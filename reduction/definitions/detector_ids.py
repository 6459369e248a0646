"""Assigns the ids of a Mantid instrument definition to its detectors, in their order."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.idf_xml import (
    NO_NAMES,
    Notes,
    NotUnderstood,
    check_contents,
    int_attribute,
    tag_text,
)
from reduction.definitions.locations import MOST_COMPONENTS
from reduction.parameters.specs import nearest

ID_RANGE = frozenset(("start", "end", "step"))


class DetectorIdLists:
    """Assigns the ids of one ``<idlist>`` at a time.

    A component that names a list starts that list, unless it is in use already. The components
    within this component take the next ids of the list, and so do, as in Mantid, the components
    after it.
    """

    def __init__(self, root: Element, notes: Notes) -> None:
        self._lists: dict[str, Element] = {}
        self._notes = notes
        for each in root.iter("idlist"):
            if self._lists.setdefault(each.get("idname", ""), each) is not each:
                raise NotUnderstood(f"{tag_text(each)} stands twice")
        self._known: dict[str, NDArray[np.int32]] = {}
        self.begin()

    def begin(self) -> None:
        """Use no list: another component right below the instrument begins."""
        self._name, self._given = "", 0
        self._ids = np.empty(0, np.int32)

    def start_list(self, component: Element) -> None:
        """Start the list that a component names, unless it is the list in use."""
        name = component.get("idlist", self._name)
        if name == self._name:
            return
        if name not in self._lists:
            hint = nearest(name, self._lists)
            raise NotUnderstood(f"{tag_text(component)}: no idlist is called {name!r}{hint}")
        if name not in self._known:
            self._known[name] = _ids(self._lists[name], self._notes)
        self._name, self._given, self._ids = name, 0, self._known[name]

    def take(self, count: int, component: Element) -> NDArray[np.int32]:
        """The next ``count`` ids, (count,) int32; raises `NotUnderstood` if there are fewer."""
        left = self._ids.size - self._given
        if count > left:
            where = f"idlist {self._name!r} has {left} ids left" if self._name else "no idlist"
            raise NotUnderstood(f"{tag_text(component)}: {where} for {count} detectors")
        self._given += count
        return self._ids[self._given - count : self._given]

    def end(self, component: Element) -> None:
        """Raises `NotUnderstood` if the list in use has ids left."""
        if self._given < self._ids.size:
            many = f"{self._ids.size} ids for {self._given} detectors"
            raise NotUnderstood(f"{tag_text(component)}: idlist {self._name!r} has {many}")


def _ids(element: Element, notes: Notes) -> NDArray[np.int32]:
    check_contents(element, ID_RANGE | {"idname"}, frozenset(("id",)))
    if "start" in element.attrib:
        return _range(element, notes)
    for each in element:
        check_contents(each, ID_RANGE | {"val"}, NO_NAMES)
    if not len(element):
        raise NotUnderstood(f"{tag_text(element)} has no <id>")
    return np.concatenate([_range(each, notes) for each in element])


def _range(element: Element, notes: Notes) -> NDArray[np.int32]:
    """The ids of one element: ``start`` to ``end``, both included, or ``val``."""
    key = "val" if "val" in element.attrib else "start"
    if key not in element.attrib:
        raise NotUnderstood(f"{tag_text(element)} has neither val nor start")
    start = int_attribute(element, key, 0, notes)
    end, step = (start, 1) if key == "val" else (int_attribute(element, "end", start, notes), 1)
    step = int_attribute(element, "step", step, notes)
    if step == 0 or (end - start) % step or (end - start) // step not in range(MOST_COMPONENTS):
        raise NotUnderstood(f"{tag_text(element)}: no ids from {start} to {end} in steps of {step}")
    return np.arange(start, end + np.sign(step), step).astype(np.int32)
