"""Components that have been placed, and the detectors found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.assemblies import Components
from reduction.definitions.parts.banks import BankNames, BankNumbers, BankScopes
from reduction.definitions.parts.component_types import Category
from reduction.definitions.places.frames import ORIGIN, Placements, Places, Scaling, Vectors
from reduction.definitions.places.idf_xml import Notes, tag_text
from reduction.definitions.places.motions import Motion


@dataclass(frozen=True, eq=False)
class PathToMoved:
    """A component that a link by path moves, seen from one that is around it.

    ``steps`` are the parts that lead to it, and the place in each. ``instance`` is the place of the
    component around it among the instances of its type.
    """

    instance: int
    steps: tuple[tuple[Components, int], ...]
    motion: Motion


@dataclass(frozen=True, eq=False)
class Instances:
    """The n components of a type that have been placed.

    ``first_id`` (n,) is the place of the first id that their detectors take, ``ordinal`` (n,) that
    of the component in the file; ``scaling`` is what scales their detectors. ``linked`` has for
    names of links whether each of them is or is in a component of that name, (n,).
    """

    placements: Placements
    scopes: BankScopes
    first_id: NDArray[np.int64]
    ordinal: NDArray[np.int64]
    scaling: Scaling | None = None
    paths: tuple[PathToMoved, ...] = ()
    linked: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def of_instrument(cls, motion: Motion, paths: tuple[PathToMoved, ...]) -> Instances:
        """The instrument, in which all components are."""
        origin = Placements.unmoved(ORIGIN)
        zero = np.zeros(1, np.int64)
        scopes = BankScopes.of_instrument()
        placements = motion.moved(origin, origin)
        scaling = motion.scaling(placements.final)
        return cls(placements, scopes, zero, zero, scaling, paths)

    @classmethod
    def joined(cls, several: Sequence[Instances]) -> Instances:
        """All of them, in this order."""
        if len(several) == 1:
            return several[0]
        starts = np.cumsum([0, *(each.size for each in several)]).tolist()
        paths = (
            PathToMoved(start + path.instance, path.steps, path.motion)
            for start, each in zip(starts, several, strict=False)
            for path in each.paths
        )
        scaling = None
        if any(each.scaling is not None for each in several):
            scaling = Scaling.joined([each.scaling or Scaling.none(each.size) for each in several])
        return cls(
            Placements.joined([each.placements for each in several]),
            BankScopes.joined([each.scopes for each in several]),
            np.concatenate([each.first_id for each in several]),
            np.concatenate([each.ordinal for each in several]),
            scaling,
            tuple(paths),
            {
                name: np.concatenate([each.is_linked(name) for each in several])
                for name in {name for each in several for name in each.linked}
            },
        )

    @property
    def size(self) -> int:
        """How many there are."""
        return self.first_id.size

    def is_linked(self, name: str) -> NDArray[np.bool_]:
        """Whether each of them is or is in a component of a name that a link has, (n,)."""
        found = self.linked.get(name)
        return np.zeros(self.size, bool) if found is None else found

    def parents(self, part: Components) -> Places:
        """The instance that each component of a part is in, (n times places,)."""
        return np.repeat(np.arange(self.size), len(part.places))

    def first_ids(self, part: Components) -> NDArray[np.int64]:
        """The place of the first id of each component of a part in each instance."""
        inside = part.before.ids + np.arange(len(part.places)) * part.each.ids
        return (self.first_id[:, None] + inside).ravel()

    def ordinals(self, part: Components) -> NDArray[np.int64]:
        """The place in the file of each component of a part in each instance."""
        inside = 1 + part.before.components + np.arange(len(part.places)) * part.each.components
        return (self.ordinal[:, None] + inside).ravel()


@dataclass(frozen=True, eq=False)
class MarkedComponents:
    """The components of a part that mark the source or the sample, of which the first counts.

    ``position`` (3,) in m is that of the first one, ``ordinal`` its place in the file. It would
    follow the ``logs``, if their values were known. ``word`` is how the file marks them.
    """

    component: Element
    word: str
    count: int
    ordinal: int
    position: Vectors
    logs: tuple[str, ...]

    def note_unused(self, unused: int, notes: Notes) -> None:
        """Note that ``unused`` of them have no effect, since the first one counts."""
        if unused:
            fact = f"{tag_text(self.component)} is a second {self.word}: the first one counts"
            notes.add(fact, unused)


@dataclass
class FoundDetectors:
    """The detectors found in a definition, in blocks, and the positions of source and sample.

    For each block: ids (n,), positions (n, 3) in m, whether they are monitors, and banks (n,).
    """

    banks: BankNames = field(default_factory=BankNames)
    ids: list[NDArray[np.int32]] = field(default_factory=list)
    positions: list[Vectors] = field(default_factory=list)
    monitor: list[bool] = field(default_factory=list)
    bank: list[BankNumbers] = field(default_factory=list)
    marked: dict[Category, MarkedComponents] = field(default_factory=dict)

    def add(
        self, ids: NDArray[np.int32], positions: Vectors, monitor: bool, bank: BankNumbers
    ) -> None:
        """Add a block of detectors."""
        self.ids.append(ids)
        self.positions.append(positions)
        self.monitor.append(monitor)
        self.bank.append(bank)

    def mark(self, category: Category, marked: MarkedComponents, notes: Notes) -> None:
        """Keep the position of the source or the sample; as in Mantid, the first one counts."""
        before = self.marked.get(category)
        if before is None:
            marked.note_unused(marked.count - 1, notes)
            self.marked[category] = marked
        elif before.ordinal < marked.ordinal:
            marked.note_unused(marked.count, notes)
        else:
            before.note_unused(1, notes)  # its others are noted already
            marked.note_unused(marked.count - 1, notes)
            self.marked[category] = marked
