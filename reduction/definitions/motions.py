"""Parameters of a Mantid instrument definition by which components move.

Mantid applies them after it has built the instrument (ExperimentInfo::populateInstrumentParameters
of Mantid 3.13). They are constants, or follow a log.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np

from reduction.definitions.equations import evaluated
from reduction.definitions.frames import Frame, Placement, Vectors, cartesian, rotation_matrix
from reduction.definitions.idf_xml import Notes, NotUnderstood, float_attribute, tag_text
from reduction.parameters.specs import nearest, shown

COORDINATES = ("x", "y", "z")
POLAR_COORDINATES = ("r-position", "t-position", "p-position")
ROTATIONS = ("rotx", "roty", "rotz")
SCALES = ("scalex", "scaley")
MOVING = frozenset((*COORDINATES, *POLAR_COORDINATES, *ROTATIONS, *SCALES))


@dataclass(frozen=True)
class Motion:
    """What the parameters of one component change, by their names.

    ``values`` are in m and degrees, or factors. ``waiting`` are the logs that other parameters of
    it would follow if their values were known.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.waiting)

    def __or__(self, other: Motion) -> Motion:
        """Both, where ``other`` comes first for what both change."""
        if not (other.values or other.waiting):
            return self
        waiting = {**self.waiting, **other.waiting}
        kept = {name: log for name, log in waiting.items() if name not in other.values}
        return Motion({**self.values, **other.values}, kept)

    def moved(self, placement: Placement, parent: Placement) -> Placement:
        """The placement after this motion within the ``parent``."""
        final = placement.final
        position, rotation = final.position, final.rotation
        if (relative := self._position(placement.neutronic)) is not None:
            position = parent.final.position + parent.final.rotation @ relative
        if any(name in self.values for name in ROTATIONS):
            rotation = parent.final.rotation @ self._rotation()
        if position is final.position and rotation is final.rotation:
            return placement
        return Placement(
            placement.built, placement.neutronic, Frame(position, rotation, final.polar)
        )

    def _position(self, unmoved: Frame) -> Vectors | None:
        """The position within the parent, (3,) in m; None if no parameter gives one.

        Coordinates that no parameter gives are those within the instrument, as in Mantid.
        """
        values, position = self.values, None
        if "r-position" in values:
            position = cartesian(np.array([values.get(name, 0.0) for name in POLAR_COORDINATES]))
        if any(name in values for name in COORDINATES):
            others = unmoved.position if position is None else position
            pairs = zip(COORDINATES, others, strict=True)
            position = np.array([values.get(name, other) for name, other in pairs])
        return position

    def _rotation(self) -> Vectors:
        rotation = np.eye(3)
        for name, axis in zip(ROTATIONS, np.eye(3), strict=True):
            rotation = rotation @ rotation_matrix(self.values.get(name, 0.0), axis)
        return rotation

    def scaled(self, positions: Vectors, frame: Frame) -> Vectors:
        """Positions (n, 3) of the detectors in a component whose final ``frame`` this is."""
        factors = np.array([self.values.get(name, 1.0) for name in SCALES] + [1.0])
        if (factors == 1).all():
            return positions
        inside = (positions - frame.position) @ frame.rotation
        scaled: Vectors = frame.position + (inside * factors) @ frame.rotation.T
        return scaled


NO_MOTION = Motion()


class Motions:
    """The motions of all components of a definition, given the values of ``logs`` by name.

    ``more``, the root of a parameter file, has further links; they come before those of the
    definition. Raises `NotUnderstood` for parameters without a number, and for logs that move
    nothing.
    """

    def __init__(
        self, root: Element, logs: Mapping[str, float], more: Element | None = None
    ) -> None:
        self._logs = logs
        self.log_names: set[str] = set()
        self._of: dict[Element, Motion] = {}
        for parent in itertools.chain(root.iter(), () if more is None else more):
            if motion := self._read(parent):
                self._of[parent] = motion
        self.of_instrument = self._of.get(root, NO_MOTION)
        self._by_name: dict[str, Motion] = {}
        self._by_id: dict[int, Motion] = {}
        self._by_path: dict[tuple[str, ...], Motion] = {}
        for link in (link for each in (root, more) if each is not None for link in each):
            if link.tag == "component-link" and link in self._of:
                self._link(link, root.get("name", ""))
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
            self._by_id[number] = self._by_id.get(number, NO_MOTION) | motion
        elif "/" in name:
            path = tuple(each for each in name.split("/") if each)
            path = path[1:] if path[:1] == (instrument,) else path
            self._by_path[path] = self._by_path.get(path, NO_MOTION) | motion
        else:
            self._by_name[name] = self._by_name.get(name, NO_MOTION) | motion

    def of_elements(self, *elements: Element) -> Motion:
        """The motion that the parameters in these elements make; the last one counts most."""
        motion = NO_MOTION
        for each in elements:
            motion |= self._of.get(each, NO_MOTION)
        return motion

    def of_links(self, path: tuple[str, ...]) -> Motion:
        """The motion that links to a component make; ``path`` are names from the outermost on.

        A link by path is to the first component at it, so it is used up.
        """
        by_name = self._by_name.get(path[-1], NO_MOTION)
        return by_name | self._by_path.pop(path, NO_MOTION)

    @property
    def links_by_name(self) -> bool:
        return bool(self._by_name or self._by_path)

    @property
    def by_id(self) -> Mapping[int, Motion]:
        return self._by_id

    def _read(self, parent: Element) -> Motion:
        values: dict[str, float] = {}
        waiting: dict[str, str] = {}
        for each in parent:
            name = each.get("name", "")
            if each.tag != "parameter" or name not in MOVING:
                continue
            if log := self._log(each):
                waiting[name] = log
            else:
                values.update((name, value) for value in self._value(each))
        return Motion(values, waiting)

    def _log(self, parameter: Element) -> str:
        """The log that a parameter waits for; empty if it waits for none."""
        follows = parameter.find(".//logfile")
        if follows is None or parameter.find(".//value") is not None:
            return ""
        name = follows.get("id", "")
        self.log_names.add(name)
        return "" if name in self._logs else name

    def _value(self, parameter: Element) -> Iterator[float]:
        """The value of a parameter, or none if it has no value; raises `NotUnderstood`."""
        value, follows = parameter.find(".//value"), parameter.find(".//logfile")
        if value is not None:
            notes = Notes()
            number = float_attribute(value, "val", math.nan, notes)
            if math.isnan(number) or notes.texts:
                text = value.get("val", "")
                raise NotUnderstood(f"{tag_text(parameter)}: val = {shown(text)} is no number")
            yield number
        elif follows is not None:
            log_value = self._logs[follows.get("id", "")]
            try:
                yield evaluated(follows.get("eq", "") or "value", log_value)
            except ValueError as error:
                raise NotUnderstood(f"{tag_text(parameter)}: eq = {error}") from None
