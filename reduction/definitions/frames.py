"""Coordinates of components in each other, and rotations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

SNAPPED_M = 1e-6
"""x and y from polar coordinates that are smaller are 0, as in Mantid's V3D."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates of a component: ``position`` (3,) in m and ``rotation`` (3, 3) of the whole.

    ``polar`` (3,) are r, t, p in m and degrees as they add up, for those that are offset by them.
    """

    position: Vectors
    rotation: Vectors
    polar: Vectors


ORIGIN = Frame(np.zeros(3), np.eye(3), np.zeros(3))


def cartesian(polar: Vectors) -> Vectors:
    """x, y, z of r, t, p, (..., 3), in m and degrees; t is from z, p from x to y."""
    r, t, p = polar[..., 0], np.radians(polar[..., 1]), np.radians(polar[..., 2])
    x, y = r * np.sin(t) * np.cos(p), r * np.sin(t) * np.sin(p)
    x, y = (np.where(np.abs(each) < SNAPPED_M, 0.0, each) for each in (x, y))
    return np.stack([x, y, r * np.cos(t)], axis=-1)


def rotation_matrix(degrees: float, axis: Vectors) -> Vectors:
    """The matrix (3, 3) of a rotation about an axis of length 1, by Rodrigues' formula."""
    if not degrees:
        return np.eye(3)
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.radians(degrees)
    turned: Vectors = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turned


def facing_away(point: Vectors, position: Vectors, rotation: Vectors) -> Vectors:
    """``rotation`` and then the shortest turn after which z looks away from a point."""
    direction = rotation.T @ (position - point)
    length = np.linalg.norm(direction)
    if not length:
        return rotation
    x, y, z = direction / length
    sine = np.hypot(x, y)
    axis = np.array([-y, x, 0.0]) / sine if sine else np.array([0.0, -1.0, 0.0])
    turned: Vectors = rotation @ rotation_matrix(float(np.degrees(np.arctan2(sine, z))), axis)
    return turned
