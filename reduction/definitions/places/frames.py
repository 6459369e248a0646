"""Coordinate systems of nested components, many at a time, and rotations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]
Places = NDArray[np.intp]

UNTURNED = np.eye(3)
UNTURNED.setflags(write=False)

TURNED_AT_ONCE = 1 << 15
"""Points that are turned together: so few that they stay in the second-level cache."""

ROUNDING = 1e-9
"""Matrices and offsets in m that differ by less are the same."""

SNAPPED_M = 1e-6
"""Smaller x and y from polar coordinates are set to 0, as in Mantid's V3D."""


@dataclass(frozen=True, eq=False)
class Frames:
    """The coordinate systems of n components within the instrument.

    ``position`` (n, 3) are their origins in m, ``rotation`` (n, 3, 3) turn their coordinates into
    those of the instrument. ``polar`` (n, 3) are the sums of r, t, p in m and degrees of all
    components around them, for components whose own r, t, p are offsets.
    """

    position: Vectors
    rotation: Vectors
    polar: Vectors

    def take(self, places: Places) -> Frames:
        """The frames at some places, (m,); a place may be there several times."""
        return Frames(self.position[places], self.rotation[places], self.polar[places])

    def carried(self, old: Frames, new: Frames) -> Frames:
        """The frames after ``old``, to which they are fixed, have moved to ``new``."""
        if new is old:
            return self
        turn = new.rotation @ transposed(old.rotation)
        position = new.position + turned(turn, self.position - old.position)
        return Frames(position, turn @ self.rotation, self.polar)


ORIGIN = Frames(np.zeros((1, 3)), np.eye(3)[None], np.zeros((1, 3)))


@dataclass(frozen=True, eq=False)
class Placements:
    """Where n components are: in three steps, of which most components have one alone.

    ``built`` are the frames that their ``<location>`` give. ``neutronic`` are those at which their
    neutrons seem to be, if the definition has such positions. ``final`` are those after parameters
    have moved them.
    """

    built: Frames
    neutronic: Frames
    final: Frames

    @classmethod
    def unmoved(cls, frames: Frames) -> Self:
        """Components that are where their locations say."""
        return cls(frames, frames, frames)

    @classmethod
    def joined(cls, several: Sequence[Placements]) -> Placements:
        """The components of all of them."""
        if len(several) == 1:
            return several[0]
        built = _joined([each.built for each in several])
        if all(each.final is each.built for each in several):
            return cls.unmoved(built)
        neutronic = _joined([each.neutronic for each in several])
        return cls(built, neutronic, _joined([each.final for each in several]))

    def take(self, places: Places) -> Placements:
        """The placements at some places, (m,)."""
        built = self.built.take(places)
        neutronic = built if self.neutronic is self.built else self.neutronic.take(places)
        final = neutronic if self.final is self.neutronic else self.final.take(places)
        return Placements(built, neutronic, final)

    def within(self, built: Frames) -> Placements:
        """The placements of components at ``built``, one in each of these, that nothing moves."""
        neutronic = built.carried(self.built, self.neutronic)
        return Placements(built, neutronic, neutronic.carried(self.neutronic, self.final))

    def with_final(self, changes: Iterable[tuple[Places, Frames]]) -> Placements:
        """These placements with other final frames at some places, (m,) of each change."""
        position, rotation = self.final.position.copy(), self.final.rotation.copy()
        for places, final in changes:
            position[places], rotation[places] = final.position, final.rotation
        changed = Frames(position, rotation, self.final.polar)
        return Placements(self.built, self.neutronic, changed)

    def final_positions(self, built: Vectors) -> Vectors:
        """Where points (n, m, 3) in m, m fixed to each component, are after it has moved.

        They take the place of ``built``.
        """
        if self.final is self.built:
            return built
        turn = self.final.rotation @ transposed(self.built.rotation)
        at_once = max(TURNED_AT_ONCE // max(built.shape[1], 1), 1)
        for begin in range(0, len(built), at_once):
            here = slice(begin, begin + at_once)
            inside = built[here] - self.built.position[here, None]
            built[here] = self.final.position[here, None] + turned_points(turn[here], inside)
        return built


@dataclass(frozen=True, eq=False)
class Scaling:
    """Scales the detectors in n components: ``matrix`` (n, 3, 3) and then ``offset`` (n, 3)."""

    matrix: Vectors
    offset: Vectors

    @classmethod
    def none(cls, count: int) -> Self:
        """A scaling that changes nothing."""
        return cls(np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3)))

    @classmethod
    def joined(cls, several: Sequence[Scaling]) -> Self:
        """The scaling of the components of all of them."""
        matrix = np.concatenate([each.matrix for each in several])
        return cls(matrix, np.concatenate([each.offset for each in several]))

    def take(self, places: Places) -> Scaling:
        """The scaling of the components at some places, (m,)."""
        return Scaling(self.matrix[places], self.offset[places])

    def after(self, inner: Scaling) -> Scaling:
        """The ``inner`` scaling, then this one."""
        offset = turned(self.matrix, inner.offset) + self.offset
        return Scaling(self.matrix @ inner.matrix, offset)

    def commutes(self, inner: Scaling) -> bool:
        """Whether the ``inner`` scaling may also come after this one."""
        one, other = self.after(inner), inner.after(self)
        same = np.allclose(one.matrix, other.matrix, 0, ROUNDING)
        return same and np.allclose(one.offset, other.offset, 0, ROUNDING)

    def scaled(self, positions: Vectors) -> Vectors:
        """Points (n, m, 3) in m, m in each component, after it."""
        return turned_points(self.matrix, positions) + self.offset[:, None]


def _joined(frames: Sequence[Frames]) -> Frames:
    return Frames(
        np.concatenate([each.position for each in frames]),
        np.concatenate([each.rotation for each in frames]),
        np.concatenate([each.polar for each in frames]),
    )


def transposed(rotation: Vectors) -> Vectors:
    """The transposed matrices, (..., 3, 3)."""
    return rotation.swapaxes(-1, -2)


def turned(rotation: Vectors, vectors: Vectors) -> Vectors:
    """Vectors (..., 3), each turned by its own matrix of (..., 3, 3)."""
    found: Vectors = (rotation @ vectors[..., None])[..., 0]
    return found


def turned_points(rotation: Vectors, points: Vectors) -> Vectors:
    """Points (n or 1, m, 3), m turned by each matrix of (n or 1, 3, 3): (n, m, 3).

    The values of a coordinate are side by side in memory, so the processor takes several at once.
    """
    count, many = max(len(rotation), len(points)), points.shape[1]
    rotation = np.broadcast_to(rotation, (count, 3, 3))
    points = np.broadcast_to(points, (count, many, 3))
    found = np.empty((3, count, many))
    at_once = max(TURNED_AT_ONCE // max(many, 1), 1)
    for begin in range(0, count, at_once):
        here = slice(begin, begin + at_once)
        x, y, z = np.moveaxis(points[here], -1, 0)
        for coordinate in range(3):
            of_x, of_y, of_z = np.moveaxis(rotation[here, coordinate, :, None], 1, 0)
            turned_here = np.multiply(of_x, x, out=found[coordinate, here])
            turned_here += of_y * y
            turned_here += of_z * z
    return np.moveaxis(found, 0, -1)


def cartesian(polar: Vectors) -> Vectors:
    """x, y, z in m of r, t, p in m and degrees, (..., 3) each; t is from z, p from x to y."""
    r, t, p = polar[..., 0], np.radians(polar[..., 1]), np.radians(polar[..., 2])
    x, y = r * np.sin(t) * np.cos(p), r * np.sin(t) * np.sin(p)
    x, y = (np.where(np.abs(each) < SNAPPED_M, 0.0, each) for each in (x, y))
    return np.stack([x, y, r * np.cos(t)], axis=-1)


def rotation_matrices(degrees: Vectors, axis: Vectors) -> Vectors:
    """The matrices (n, 3, 3) of rotations by angles (n,) about axes (n or 1, 3) of length 1.

    By Rodrigues' formula.
    """
    x, y, z = axis.T
    cross = np.zeros((len(axis), 3, 3))
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    cross[:, 1, 0], cross[:, 2, 0], cross[:, 2, 1] = z, -y, x
    angle = np.radians(degrees)[:, None, None]
    found: Vectors = UNTURNED + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return found


def facing_away(point: Vectors, position: Vectors, rotation: Vectors) -> Vectors:
    """``rotation`` (n, 3, 3), then the smallest rotations that turn z away from a point.

    ``point`` (n or 1, 3) and ``position`` (n, 3) are in m. What is at its point is not turned.
    """
    direction = turned(transposed(rotation), position - point)
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    x, y, z = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0).T
    z = np.where(length[:, 0] > 0, z, 1.0)
    sine = np.hypot(x, y)
    slant = np.where(sine > 0, sine, 1.0)
    axis = np.stack([-y / slant, np.where(sine > 0, x / slant, -1.0), np.zeros_like(x)], axis=1)
    found: Vectors = rotation @ rotation_matrices(np.degrees(np.arctan2(sine, z)), axis)
    return found
