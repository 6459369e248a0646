"""Finds the components that ``<component-link>`` elements of a Mantid definition move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.assemblies import Components, Contents
from reduction.definitions.parts.component_names import places_called
from reduction.definitions.parts.placed_components import Instances, PathToMoved
from reduction.definitions.places.frames import Places
from reduction.definitions.places.idf_xml import NotUnderstood
from reduction.definitions.places.motions import NO_MOTION, Motion, Motions

NamePath = tuple[str, ...]
Steps = tuple[tuple[Components, int], ...]

MOST_LOOKS = 300_000
"""Most types that are searched for the components of paths, each of which takes 2 µs."""


@dataclass(frozen=True, eq=False)
class LinkedMotion:
    """The motion of the components of a part at some ``places``, (m,), among all its components."""

    places: Places
    motion: Motion


def linked_motions(part: Components, around: Instances, motions: Motions) -> Iterator[LinkedMotion]:
    """The motions of the components of a part that links move by name or by path, with its own.

    Of two for the same component the later one holds. As in Mantid, a link by name moves nothing
    inside a component of that name.
    """
    count = len(part.places)
    for places, name in places_called(part.names, motions.link_names):
        outermost = np.flatnonzero(~around.is_linked(name))
        here = (outermost[:, None] * count + places).ravel()
        if here.size:
            yield LinkedMotion(here, part.motion | motions.by_name[name])
    for path in around.paths:
        (at, place), *more = path.steps
        if at is part and not more:
            name = part.names[place]
            is_inside = around.is_linked(name)[path.instance]
            named = NO_MOTION if is_inside else motions.by_name.get(name, NO_MOTION)
            here = np.array([path.instance * count + place])
            yield LinkedMotion(here, part.motion | (named | path.motion))


def linked_inside(
    part: Components, around: Instances, motions: Motions
) -> dict[str, NDArray[np.bool_]]:
    """For names of links whether each component of a part is or is in one of that name, (n,)."""
    parents = around.parents(part)
    found = {name: linked[parents] for name, linked in around.linked.items()}
    for places, name in places_called(part.names, motions.link_names):
        called = np.zeros(len(part.places), bool)
        called[places] = True
        found[name] = np.tile(called, around.size) | around.is_linked(name)[parents]
    return found


def paths_inside(part: Components, around: Instances) -> tuple[PathToMoved, ...]:
    """The paths that lead on into the components of a part."""
    count = len(part.places)
    return tuple(
        PathToMoved(path.instance * count + path.steps[0][1], path.steps[1:], path.motion)
        for path in around.paths
        if path.steps[0][0] is part and path.steps[1:]
    )


@dataclass(frozen=True, eq=False)
class _Held:
    """What some contents hold: the ``first`` place of each wanted name, and what holds more."""

    first: Mapping[str, tuple[Components, int]]
    assemblies: tuple[tuple[Components, Contents], ...]


class PathFinder:
    """Finds components by names of what is around them, from the outermost on, as Mantid does.

    A path may leave out names. Of components with the same name the highest one is taken, and of
    these the first one in the file; if what follows in the path is not in it, nothing is found.
    """

    def __init__(self, motions: Motions) -> None:
        self._motions = motions
        self._wanted = {name: name for path in motions.by_path for name in path}
        self._known: dict[Contents, _Held] = {}
        self._looks = 0

    def paths(self, instrument: Contents) -> tuple[PathToMoved, ...]:
        """The paths to the components that links move; raises `NotUnderstood` if it takes long."""
        found = (
            (self._steps(instrument, path), motion)
            for path, motion in self._motions.by_path.items()
        )
        return tuple(PathToMoved(0, steps, motion) for steps, motion in found if steps)

    def _steps(self, instrument: Contents, path: NamePath) -> Steps:
        """The steps to the component of a path; empty if there is none."""
        steps: Steps = ()
        contents: Contents | None = instrument
        for name, before in zip(path, ("", *path), strict=False):
            if name == before:
                continue  # Mantid finds a component by its name in itself
            more = () if contents is None else self._steps_to_name(contents, name)
            if not more:
                return ()
            steps += more
            contents = more[-1][0].inside
        return steps

    def _steps_to_name(self, contents: Contents, name: str) -> Steps:
        """The steps to the first of the highest components of a name; empty if there is none."""
        level: list[tuple[Contents, Steps]] = [(contents, ())]
        seen = {contents}
        while level:
            self._look(len(level))
            for holder, steps in level:
                if name in self._held(holder).first:
                    return (*steps, self._held(holder).first[name])
            deeper = []
            for holder, steps in level:
                for part, inside in self._held(holder).assemblies:
                    if inside not in seen:
                        seen.add(inside)
                        deeper.append((inside, (*steps, (part, 0))))
            level = deeper
        return ()

    def _look(self, count: int) -> None:
        self._looks += count
        if self._looks > MOST_LOOKS:
            raise NotUnderstood(f"<component-link> by path: more than {MOST_LOOKS} types to search")

    def _held(self, contents: Contents) -> _Held:
        if contents not in self._known:
            first: dict[str, tuple[Components, int]] = {}
            assemblies: dict[Contents, Components] = {}
            for part in contents.parts:
                for places, name in places_called(part.names, self._wanted):
                    first.setdefault(name, (part, int(places[0])))
                if part.inside is not None:
                    assemblies.setdefault(part.inside, part)
            self._known[contents] = _Held(
                first, tuple((part, inside) for inside, part in assemblies.items())
            )
        return self._known[contents]
