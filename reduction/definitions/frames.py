"""Coordinate systems of nested components, and rotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

SNAPPED_M = 1e-6
"""Smaller x and y from polar coordinates are set to 0, as in Mantid's V3D."""


@dataclass(frozen=True, eq=False)
class Frame:
    """The coordinate system of a component within the instrument.

    ``position`` (3,) is its origin in m, ``rotation`` (3, 3) turns its coordinates into those of
    the instrument. ``polar`` (3,) is the sum of r, t, p in m and degrees of all components around
    it, for components whose own r, t, p are offsets.
    """

    position: Vectors
    rotation: Vectors
    polar: Vectors

    def carried(self, old: Frame, new: Frame) -> Frame:
        """The frame after ``old``, to which it is fixed, has moved to ``new``."""
        if new is old:
            return self
        turn = new.rotation @ old.rotation.T
        position = new.position + turn @ (self.position - old.position)
        return Frame(position, turn @ self.rotation, self.polar)


ORIGIN = Frame(np.zeros(3), np.eye(3), np.zeros(3))


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a component is: in three steps, of which most components have one alone.

    ``built`` is the frame that its ``<location>`` gives. ``neutronic`` is the one at which its
    neutrons seem to be, if the definition has such positions. ``final`` is the one after
    parameters have moved it.
    """

    built: Frame
    neutronic: Frame
    final: Frame

    @classmethod
    def unmoved(cls, frame: Frame) -> Placement:
        """A component that is where its location says."""
        return cls(frame, frame, frame)

    def within(self, built: Frame) -> Placement:
        """The placement of a component at ``built`` in this one that nothing moves in it."""
        neutronic = built.carried(self.built, self.neutronic)
        return Placement(built, neutronic, neutronic.carried(self.neutronic, self.final))

    def final_positions(self, built: Vectors) -> Vectors:
        """Where points (n, 3) in m that are fixed to the component are after it has moved."""
        if self.final is self.built:
            return built
        turn = self.final.rotation @ self.built.rotation.T
        positions: Vectors = self.final.position + (built - self.built.position) @ turn.T
        return positions


def cartesian(polar: Vectors) -> Vectors:
    """x, y, z in m of r, t, p in m and degrees, (..., 3) each; t is from z, p from x to y."""
    r, t, p = polar[..., 0], np.radians(polar[..., 1]), np.radians(polar[..., 2])
    x, y = r * np.sin(t) * np.cos(p), r * np.sin(t) * np.sin(p)
    x, y = (np.where(np.abs(each) < SNAPPED_M, 0.0, each) for each in (x, y))
    return np.stack([x, y, r * np.cos(t)], axis=-1)


def rotation_matrix(degrees: float, axis: Vectors) -> Vectors:
    """The matrix (3, 3) of a rotation about an axis (3,) of length 1, by Rodrigues' formula."""
    if not degrees:
        return np.eye(3)
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.radians(degrees)
    rotated: Vectors = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotated


def facing_away(point: Vectors, position: Vectors, rotation: Vectors) -> Vectors:
    """``rotation`` (3, 3), then the smallest rotation that turns z away from ``point``."""
    direction = rotation.T @ (position - point)
    length = np.linalg.norm(direction)
    if not length:
        return rotation
    x, y, z = direction / length
    sine = np.hypot(x, y)
    axis = np.array([-y, x, 0.0]) / sine if sine else np.array([0.0, -1.0, 0.0])
    rotated: Vectors = rotation @ rotation_matrix(float(np.degrees(np.arctan2(sine, z))), axis)
    return rotated
