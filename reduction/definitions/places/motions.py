"""Parameters of a Mantid instrument definition by which components move.

Mantid applies them after it has built the instrument (ExperimentInfo::populateInstrumentParameters
of Mantid 3.13). They are constants, or follow a log.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.places.frames import (
    Frames,
    Placements,
    Scaling,
    Vectors,
    cartesian,
    rotation_matrices,
    transposed,
    turned,
)
from reduction.definitions.places.idf_xml import NotUnderstood, float_attribute, tag_text
from reduction.definitions.places.parameter_values import (
    COORDINATES,
    POLAR_COORDINATES,
    ROTATIONS,
    SCALES,
    NoValue,
    constant,
    moving_name,
    value_of_log,
    without_log,
)
from reduction.definitions.places.valid_values import valid_value
from reduction.parameters.specs import nearest

MOST_MOVED = 5000
"""Most elements whose parameters move components, each of which takes 0.1 ms. Mantid's have 96."""


@dataclass(frozen=True)
class Motion:
    """What the parameters of one component change, by their names.

    ``values`` are in m and degrees, or factors. ``waiting`` are the other parameters of it, and why
    they have no value.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    waiting: Mapping[str, NoValue] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.waiting)

    def __or__(self, other: Motion) -> Motion:
        """Both, where ``other`` comes first for what both change, also if it has no value."""
        if not (other.values or other.waiting):
            return self
        values = {name: each for name, each in self.values.items() if name not in other.waiting}
        waiting = {name: why for name, why in self.waiting.items() if name not in other.values}
        return Motion({**values, **other.values}, {**waiting, **other.waiting})

    def moved(self, placement: Placements, parents: Placements) -> Placements:
        """The placements of n components after this motion, each within its parent."""
        if not self.values:
            return placement
        final = placement.final
        position, rotation = final.position, final.rotation
        if (relative := self._position(placement.neutronic)) is not None:
            position = parents.final.position + turned(parents.final.rotation, relative)
        if any(name in self.values for name in ROTATIONS):
            rotation = parents.final.rotation @ self._rotation()
        if position is final.position and rotation is final.rotation:
            return placement
        return Placements(
            placement.built, placement.neutronic, Frames(position, rotation, final.polar)
        )

    def _position(self, unmoved: Frames) -> Vectors | None:
        """The positions within the parents, (n, 3) in m; None if no parameter gives them.

        Coordinates that no parameter gives are those within the instrument, as in Mantid.
        """
        values, position = self.values, None
        if "r-position" in values:
            polar = np.array([values.get(name, 0.0) for name in POLAR_COORDINATES])
            position = np.broadcast_to(cartesian(polar), unmoved.position.shape)
        if any(name in values for name in COORDINATES):
            position = (unmoved.position if position is None else position).copy()
            for column, name in enumerate(COORDINATES):
                if name in values:
                    position[:, column] = values[name]
        return position

    def _rotation(self) -> Vectors:
        """The rotation (3, 3) that the parameters make."""
        rotation = np.eye(3)
        for name, axis in zip(ROTATIONS, np.eye(3), strict=True):
            angle = np.array([self.values.get(name, 0.0)])
            rotation = rotation @ rotation_matrices(angle, axis[None])[0]
        return rotation

    def scaling(self, frames: Frames) -> Scaling | None:
        """How it scales detectors in components whose final ``frames`` these are; None: not."""
        if not self.values:
            return None
        factors = np.array([*(self.values.get(name, 1.0) for name in SCALES), 1.0])
        if (factors == 1).all():
            return None
        matrix = (frames.rotation * factors) @ transposed(frames.rotation)
        return Scaling(matrix, frames.position - turned(matrix, frames.position))


NO_MOTION = Motion()

SHOWN_NAMES = 3
"""Most parameters without a value for the same reason that are listed."""


class WaitingParameters:
    """The parameters of components that have no value, by the reason."""

    def __init__(self) -> None:
        self._names: dict[NoValue, list[str]] = {}
        self._counts: Counter[NoValue] = Counter()

    def add(self, motion: Motion, names: Iterable[str], count: int) -> None:
        """Add what the same motion of ``count`` components waits for; ``names`` are theirs."""
        for (parameter, why), shown_names in zip(
            motion.waiting.items(), itertools.tee(names, len(motion.waiting)), strict=True
        ):
            listed = self._names.setdefault(why, [])
            more = itertools.islice(shown_names, SHOWN_NAMES - len(listed))
            listed += [f"{parameter} of {name}" for name in more]
            self._counts[why] += count

    def texts(self) -> Iterator[str]:
        """For each reason the parameters that have no value."""
        for why, listed in self._names.items():
            if not why.followed:
                continue
            left = self._counts[why] - len(listed)
            those = ", ".join(listed) + (f" and {left} more" if left else "")
            yield f"{those} would follow {why.followed}: the position without it is taken"


class Motions:
    """The motions of all components of a definition, given the values of ``logs`` by name.

    ``more``, the root of a parameter file, has further links; they come before those of the
    definition. ``by_name``, ``by_path`` and ``by_id`` are the motions that links make; a path has
    the names from the outermost on. ``link_names`` are the names of the first. Raises
    `NotUnderstood` for parameters without a number, and for logs that move nothing.
    """

    def __init__(
        self, root: Element, logs: Mapping[str, float], more: Element | None = None
    ) -> None:
        self._logs = logs
        self.log_names: set[str] = set()
        self._of: dict[Element, Motion] = {}
        for parent in itertools.chain(root.iter(), () if more is None else more):
            if len(parent) and (motion := self._read(parent)):
                self._of[parent] = motion
        if len(self._of) > MOST_MOVED:
            raise NotUnderstood(f"parameters move more than {MOST_MOVED} components or links")
        self.of_instrument = self._of.get(root, NO_MOTION)
        self.by_name: dict[str, Motion] = {}
        self.by_id: dict[int, Motion] = {}
        self.by_path: dict[tuple[str, ...], Motion] = {}
        for link in (link for each in (root, more) if each is not None for link in each):
            if link.tag == "component-link" and link in self._of:
                self._link(link, root.get("name", ""))
        self.link_names = {name: name for name in self.by_name}
        self.of_instrument |= self.by_name.get(root.get("name", ""), NO_MOTION)
        for name in logs.keys() - self.log_names:
            hint = nearest(name, self.log_names)
            raise NotUnderstood(f"no component follows a log {name!r}{hint}")

    def __bool__(self) -> bool:
        return bool(self._of)

    def _link(self, link: Element, instrument: str) -> None:
        identifier, name = link.get("id", "").strip(), link.get("name", "").strip()
        motion = self._of[link]
        if identifier:
            number = int(float_attribute(link, "id"))
            self.by_id[number] = self.by_id.get(number, NO_MOTION) | motion
        elif "/" in name:
            path = tuple(each for each in name.split("/") if each)
            while path[:1] == (instrument,):
                path = path[1:]
            self.by_path[path] = self.by_path.get(path, NO_MOTION) | motion
        else:
            self.by_name[name] = self.by_name.get(name, NO_MOTION) | motion

    def of_elements(self, *elements: Element) -> Motion:
        """The motion that the parameters in these elements make; the last one counts most."""
        motion = NO_MOTION
        for each in elements:
            motion |= self._of.get(each, NO_MOTION)
        return motion

    def _read(self, parent: Element) -> Motion:
        values: dict[str, float] = {}
        waiting: dict[str, NoValue] = {}
        for each in parent:
            if each.tag != "parameter" or not (name := moving_name(each)):
                continue
            found = self._value(each)
            if found is None:
                continue
            # As in Mantid, the last one of a name counts, also if it has no value.
            values.pop(name, None)
            waiting.pop(name, None)
            if isinstance(found, NoValue):
                waiting[name] = found
            else:
                values[name] = found
        return Motion(values, waiting)

    def _value(self, parameter: Element) -> float | NoValue | None:
        """The value of a parameter, or why it has none; None for an empty one, which is none.

        Raises `NotUnderstood`.
        """
        value, follows = valid_value(parameter), parameter.find(".//logfile")
        if value is not None:
            return constant(value, parameter)
        if follows is None:
            return without_log(parameter)
        log = follows.get("id")
        if log is None:
            raise NotUnderstood(f"{tag_text(parameter)}: <logfile> has no id")
        if not log:
            return NoValue("a log without a name, as in Mantid")
        self.log_names.add(log)
        if log not in self._logs:
            return NoValue(f"the log {log}", log)
        return value_of_log(follows, parameter, self._logs[log])
