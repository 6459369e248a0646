"""Preferred orientation: how strong each Bragg line of a powder is in each direction.

The powder has a fibre texture with the distribution of March and Dollase (Dollase, J. Appl. Cryst.
19 (1986) 267-272).
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from simulator.powder import structure
from simulator.powder.sample import Sample

NODES = 181
"""Angles at which densities are computed: every half degree from 0° to 90°, both included."""

TURNS = 90
"""Orientations about the scattering vector that a density is the mean of."""


class TextureAxis(enum.StrEnum):
    """The direction in the laboratory about which the texture is symmetric."""

    VERTICAL = "Vertical"
    HORIZONTAL = "Horizontal"
    BEAM = "Beam"

    @property
    def direction(self) -> NDArray[np.float64]:
        """The axis as a unit vector (3,): x, y up, z along the beam."""
        place = (TextureAxis.HORIZONTAL, TextureAxis.VERTICAL, TextureAxis.BEAM).index(self)
        direction = np.zeros(3)
        direction[place] = 1.0
        return direction


@dataclass(frozen=True)
class Texture:
    """A fibre texture: the normals of planes ``hkl`` prefer the ``axis``, or avoid it.

    ``march`` is the coefficient r of March and Dollase: below 1 normals are along the axis, as of
    plates that lie flat; above 1 they are across it, as of needles that lie along it.
    """

    march: float
    hkl: str
    axis: TextureAxis


def march_density(cosine: NDArray[np.float64], march: float) -> NDArray[np.float64]:
    """The density of normals at angles to the axis, relative to a powder without texture.

    Takes cosines of the angles, and has their shape. The mean over all directions is 1: W = (r²
    cos² + sin²/r)^(-3/2), equation 5 of Dollase (1986).
    """
    square = cosine**2
    density: NDArray[np.float64] = (march**2 * square + (1 - square) / march) ** -1.5
    return density


def pole_densities(sample: Sample, texture: Texture) -> NDArray[np.float64]:
    """How strong each line is, relative to a powder without texture, (lines, NODES) float64.

    The columns are angles between the scattering vector and the axis, evenly from 0° to 90°.
    """
    angles = _angles_to_preferred(sample, texture.hkl)
    ring = _ring_densities(texture.march)
    densities = np.zeros((len(angles), NODES))
    for place in (angles * (2 * (NODES - 1) / np.pi)).T:
        low = np.minimum(place.astype(np.int64), NODES - 2)
        share = (place - low)[:, None]
        densities += (1 - share) * ring[low] + share * ring[low + 1]
    densities /= angles.shape[1]
    return densities


def node_of_detectors(instrument: Instrument, axis: TextureAxis) -> NDArray[np.float64]:
    """Which column of `pole_densities` each detector sees, 0 to NODES - 1, (detectors,) float64.

    It lies between two columns, and is NaN for a detector without a scattering angle.
    """
    outgoing = instrument.position_m / instrument.l2_m[:, None]
    q = outgoing - np.array([0.0, 0.0, 1.0])
    cosine = np.abs(q @ axis.direction) / np.linalg.norm(q, axis=1)
    node: NDArray[np.float64] = np.arccos(np.minimum(cosine, 1.0)) * (2 * (NODES - 1) / np.pi)
    return np.minimum(node, NODES - 1.0)


@functools.lru_cache(maxsize=2)
def _ring_densities(march: float) -> NDArray[np.float64]:
    """Densities by the angles of a line's normal to the preferred one and to the axis.

    Of shape (NODES, NODES), both from 0° to 90°.

    Crystals that scatter into a detector have any orientation about the scattering vector, so this
    is the mean over a circle of directions.
    """
    angle = np.linspace(0, np.pi / 2, NODES)
    turn = (np.arange(TURNS) + 0.5) * (np.pi / TURNS)
    along = np.cos(angle)[:, None] * np.cos(angle)
    across = np.sin(angle)[:, None] * np.sin(angle)
    total = np.zeros((NODES, NODES))
    for each in np.cos(turn):
        total += march_density(along + across * each, march)
    return total / TURNS


def _angles_to_preferred(sample: Sample, hkl: str) -> NDArray[np.float64]:
    """Angles in rad, 0 to π/2, of each line's equivalents to the preferred normal.

    Of shape (lines, operations of the point group).
    """
    inverse = np.linalg.inv(structure.cell_edges(structure.unit_cell(sample.unit_cell)))
    group = structure.space_group(sample.space_group)
    rotations = structure.point_rotations(group.operations())
    equivalents = np.einsum("ni,oij->noj", sample.reflections.hkl, rotations) @ inverse
    preferred = np.array(structure.plane(hkl)) @ inverse
    lengths = np.linalg.norm(equivalents, axis=2) * np.linalg.norm(preferred)
    cosines = np.abs(equivalents @ preferred) / lengths
    angles: NDArray[np.float64] = np.arccos(np.minimum(cosines, 1.0))
    return angles
