"""Assigns the ids of a Mantid instrument definition to its detectors, in their order.

A component that names a list starts that list, unless it is in use already. The components within
this component take the next ids of the list, and so do, as in Mantid, the components after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.places.attribute_columns import AlikeElements, shape
from reduction.definitions.places.idf_xml import (
    NO_NAMES,
    Notes,
    NotUnderstood,
    check_contents,
    tag_text,
)
from reduction.definitions.places.locations import MOST_COMPONENTS
from reduction.parameters.specs import nearest

ID_RANGE = frozenset(("start", "end", "step"))


@dataclass(frozen=True)
class TakenIds:
    """Takes the next ``count`` ids of a list; ``name`` None: of the list in use."""

    name: str | None
    count: int


def taken_in_turn(several: Iterable[TakenIds], component: Element) -> tuple[TakenIds, ...]:
    """The same ids in as few steps as possible; only the first may be of the list in use.

    Raises `NotUnderstood` if a list is started twice.
    """
    found: list[TakenIds] = []
    for each in several:
        if found and each.name in (None, found[-1].name):
            found[-1] = TakenIds(found[-1].name, found[-1].count + each.count)
            continue
        if found and not found[-1].count:
            found.pop()
        if each.name is not None and any(each.name == before.name for before in found):
            why = f"idlist {each.name!r} starts again, so its ids stand twice"
            raise NotUnderstood(f"{tag_text(component)}: {why}")
        found.append(each)
    return tuple(found)


def repeated(taken: Sequence[TakenIds], times: int, component: Element) -> tuple[TakenIds, ...]:
    """The ids of ``times`` equal components one after another; raises `NotUnderstood`."""
    if times == 1:
        return tuple(taken)
    twice = taken_in_turn((*taken, *taken), component)
    more = (times - 2) * sum(each.count for each in taken)
    return (*twice[:-1], TakenIds(twice[-1].name, twice[-1].count + more))


@dataclass(frozen=True, eq=False)
class IdRuns:
    """The ids of a list in runs: ``start``, ``step`` and ``count`` of each run, (runs,)."""

    start: NDArray[np.int64]
    step: NDArray[np.int64]
    count: NDArray[np.int64]

    @property
    def size(self) -> int:
        """How many ids there are."""
        return int(self.count.sum())

    def first(self, count: int) -> NDArray[np.int32]:
        """The first ``count`` ids, of which there must be as many."""
        if self.start.size == 1:
            return np.asarray(self.start[0] + np.arange(count) * self.step[0], np.int32)
        ends = np.cumsum(self.count)
        used = int(np.searchsorted(ends, count)) + 1
        start, step, counts = self.start[:used], self.step[:used], self.count[:used]
        within = np.arange(ends[used - 1]) - np.repeat(ends[:used] - counts, counts)
        found = np.repeat(start, counts) + within * np.repeat(step, counts)
        return np.asarray(found[:count], np.int32)


class DetectorIdLists:
    """The ids of each ``<idlist>``; raises `NotUnderstood` for two of the same name."""

    def __init__(self, root: Element, notes: Notes) -> None:
        self._lists: dict[str, Element] = {}
        self._known: dict[str, IdRuns] = {}
        self._notes = notes
        for each in root.iter("idlist"):
            if self._lists.setdefault(each.get("idname", ""), each) is not each:
                raise NotUnderstood(f"{tag_text(each)} stands twice")

    def check(self, component: Element) -> None:
        """Raises `NotUnderstood` if the list that a component names is not there."""
        name = component.get("idlist")
        if name and name not in self._lists:
            hint = nearest(name, self._lists)
            raise NotUnderstood(f"{tag_text(component)}: no idlist is called {name!r}{hint}")

    def ids(self, taken: Sequence[TakenIds], component: Element) -> NDArray[np.int32]:
        """The ids of the detectors in a component right below the instrument, (detectors,).

        Raises `NotUnderstood` if a list has fewer ids, or if the last list has more.
        """
        found = [np.empty(0, np.int32)]
        for each in taken:
            if not each.name and each.count:
                why = f"no idlist for {each.count} detectors"
                raise NotUnderstood(f"{tag_text(component)}: {why}")
            if not each.name:
                continue
            runs = self._runs(each.name)
            if runs.size < each.count or (each is taken[-1] and runs.size > each.count):
                why = f"idlist {each.name!r} has {runs.size} ids for {each.count} detectors"
                raise NotUnderstood(f"{tag_text(component)}: {why}")
            if each.count:
                found.append(runs.first(each.count))
        return np.concatenate(found)

    def _runs(self, name: str) -> IdRuns:
        if name not in self._known:
            self._known[name] = _runs(self._lists[name], self._notes)
        return self._known[name]


def _runs(element: Element, notes: Notes) -> IdRuns:
    """The ids of an ``<idlist>``; raises `NotUnderstood`."""
    check_contents(element, ID_RANGE | {"idname"}, frozenset(("id",)))
    if "start" in element.attrib:
        return _alike_runs(AlikeElements([element], notes))
    alike = [AlikeElements(list(each), notes) for _, each in groupby(element, shape)]
    for each in alike:
        check_contents(each.first, ID_RANGE | {"val"}, NO_NAMES)
    if not alike:
        raise NotUnderstood(f"{tag_text(element)} has no <id>")
    runs = [_alike_runs(each) for each in alike]
    if len(runs) == 1:
        return runs[0]
    return IdRuns(
        np.concatenate([each.start for each in runs]),
        np.concatenate([each.step for each in runs]),
        np.concatenate([each.count for each in runs]),
    )


def _alike_runs(alike: AlikeElements) -> IdRuns:
    """The ids of elements: ``start`` to ``end`` of each, both included, or ``val``."""
    key = "val" if alike.has("val") else "start"
    if not alike.has(key):
        raise NotUnderstood(f"{tag_text(alike.first)} has neither val nor start")
    start = alike.integers(key)
    end = start if key == "val" or not alike.has("end") else alike.integers("end")
    step = alike.integers("step", 1)
    steps = (end - start) // np.where(step, step, 1)
    odd = (step == 0) | (start + steps * step != end) | (steps < 0) | (steps >= MOST_COMPONENTS)
    for place in np.flatnonzero(odd)[:1].tolist():
        why = f"no ids from {start[place]} to {end[place]} in steps of {step[place]}"
        raise NotUnderstood(f"{tag_text(alike.elements[place])}: {why}")
    return IdRuns(start, step, steps + 1)
