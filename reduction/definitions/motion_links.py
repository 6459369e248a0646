"""Finds the components that ``<component-link>`` elements of a Mantid definition move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reduction.definitions.assemblies import Components, Contents
from reduction.definitions.component_names import places_called
from reduction.definitions.frames import Places
from reduction.definitions.motions import NO_MOTION, Motion, Motions
from reduction.definitions.placed_components import Instances, PathToMoved

NamePath = tuple[str, ...]
Steps = tuple[tuple[Components, int], ...]


@dataclass(frozen=True, eq=False)
class LinkedMotion:
    """The motion of the components of a part at some ``places``, (m,), among all its components."""

    places: Places
    motion: Motion


def linked_motions(part: Components, around: Instances, motions: Motions) -> Iterator[LinkedMotion]:
    """The motions of the components of a part that links move by name or by path, with its own.

    Of two for the same component the later one holds.
    """
    count = len(part.places)
    for places, motion in places_called(part.names, motions.by_name):
        everywhere = (np.arange(around.size)[:, None] * count + places).ravel()
        yield LinkedMotion(everywhere, part.motion | motion)
    for path in around.paths:
        (at, place), *more = path.steps
        if at is part and not more:
            named = motions.by_name.get(part.names[place], NO_MOTION)
            here = np.array([path.instance * count + place])
            yield LinkedMotion(here, part.motion | (named | path.motion))


def paths_inside(part: Components, around: Instances) -> tuple[PathToMoved, ...]:
    """The paths that lead on into the components of a part."""
    count = len(part.places)
    return tuple(
        PathToMoved(path.instance * count + path.steps[0][1], path.steps[1:], path.motion)
        for path in around.paths
        if path.steps[0][0] is part and path.steps[1:]
    )


class PathFinder:
    """Finds components by the names of all that is around them, from the outermost on."""

    def __init__(self, motions: Motions) -> None:
        self._motions = motions
        self._names: dict[Contents, dict[str, list[tuple[Components, int]]]] = {}

    def paths(self, instrument: Contents) -> tuple[PathToMoved, ...]:
        """The paths to the components that links move; as in Mantid, the first one of each path."""
        found = (
            (self._steps(instrument, path, set()), motion)
            for path, motion in self._motions.by_path.items()
        )
        return tuple(PathToMoved(0, steps, motion) for steps, motion in found if steps)

    def _steps(self, contents: Contents, path: NamePath, tried: set[tuple[Contents, int]]) -> Steps:
        """The steps to the first component of a path; empty if there is none."""
        if (contents, len(path)) in tried:
            return ()
        tried.add((contents, len(path)))
        for part, place in self._named(contents).get(path[0], ()):
            if len(path) == 1:
                return ((part, place),)
            if part.inside is not None and (more := self._steps(part.inside, path[1:], tried)):
                return ((part, place), *more)
        return ()

    def _named(self, contents: Contents) -> dict[str, list[tuple[Components, int]]]:
        """The parts of contents by the names in paths, and the first place of a name in each."""
        if contents not in self._names:
            wanted = {name: name for path in self._motions.by_path for name in path}
            found = defaultdict(list)
            for part in contents.parts:
                firsts: dict[str, int] = {}
                for places, name in places_called(part.names, wanted):
                    firsts.setdefault(name, int(places[0]))
                for name, place in firsts.items():
                    found[name].append((part, place))
            self._names[contents] = dict(found)
        return self._names[contents]
