"""Preferred orientation: densities of normals against crystals that are turned one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.parameters.specs import Refused
from simulator.parameters import SimulatorSettings
from simulator.powder.sample import Sample
from simulator.powder.texture import (
    NODES,
    Texture,
    TextureAxis,
    march_density,
    node_of_detectors,
    pole_densities,
)
from simulator.uneven_parameters import UnevenSettings

CUBIC = Sample("5.431 5.431 5.431", "F d -3 m", "Si 0 0 0 1.0 0.006", 1.0, 4.0)
TETRAGONAL = Sample("4 4 6", "P 4/m m m", "Si 0 0 0 1 0", 1.9, 7.0)
VERTICAL = TextureAxis.VERTICAL
ANGLES = np.linspace(0, np.pi / 2, NODES)


def mean_over_directions(density: NDArray[np.float64]) -> Any:
    """The mean over the sphere of what depends on the angle to an axis, in the last dimension."""
    return np.trapezoid(density * np.sin(ANGLES), ANGLES, axis=-1)


@pytest.mark.parametrize("march", [0.4, 0.7, 1.0, 1.6, 2.5])
def test_texture_moves_intensity_and_makes_none(march: float) -> None:
    assert mean_over_directions(march_density(np.cos(ANGLES), march)) == pytest.approx(1, abs=1e-3)
    densities = pole_densities(CUBIC, Texture(march, "1 1 1", VERTICAL))
    np.testing.assert_allclose(mean_over_directions(densities), 1, atol=2e-3)


def test_a_coefficient_of_one_is_a_powder_without_texture() -> None:
    densities = pole_densities(CUBIC, Texture(1.0, "1 1 1", VERTICAL))
    np.testing.assert_allclose(densities, 1.0, atol=1e-12)
    assert UnevenSettings(texture_hkl="0 0 1").texture is None


def test_normals_of_plates_are_along_the_axis_and_those_of_needles_across() -> None:
    hkl = TETRAGONAL.reflections.hkl.tolist()
    line = hkl.index([0, 0, 1])
    for march in (0.5, 2.0):
        density = pole_densities(TETRAGONAL, Texture(march, "0 0 1", VERTICAL))[line]
        np.testing.assert_allclose(density, march_density(np.cos(ANGLES), march), rtol=1e-3)
        assert (density[0] > density[-1]) == (march < 1)


@pytest.mark.parametrize(
    ("sample", "preferred"), [(CUBIC, "1 1 1"), (CUBIC, "1 0 0"), (TETRAGONAL, "1 0 1")]
)
def test_a_line_has_the_density_of_crystals_turned_one_by_one(
    sample: Sample, preferred: str
) -> None:
    densities = pole_densities(sample, Texture(0.6, preferred, VERTICAL))
    lines = sample.reflections
    for line in range(0, len(lines), 3):
        for node in (0, 40, 90, 133, 180):
            expected = density_by_turns(sample, lines.hkl[line], preferred, node)
            assert densities[line, node] == pytest.approx(expected, rel=3e-3)


def density_by_turns(sample: Sample, hkl: Any, preferred: str, node: int) -> float:
    """The mean of W over all orientations in which a plane of the form hkl scatters to a node.

    Of axes and cells with right angles, whose symmetry exchanges and inverts axes of equal length.
    """
    a, b, c = (float(each) for each in sample.unit_cell.split())
    edges = np.array([a, b, c])
    cubic = a == c
    orders = [(0, 1, 2), (1, 0, 2)]
    orders += [(0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1)] if cubic else []
    signs = np.array(np.meshgrid(*[[1, -1]] * 3)).reshape(3, -1).T
    family = np.concatenate([np.asarray(hkl)[list(order)] * signs for order in orders]) / edges
    normal = np.array([float(each) for each in preferred.split()]) / edges
    normal /= np.linalg.norm(normal)
    angle = ANGLES[node]
    q = np.array([np.sin(angle), np.cos(angle), 0.0])  # the axis is y
    side = np.array([0.0, 0.0, 1.0])
    turn = (np.arange(180) * 2 + 0.3)[:, None] * np.pi / 180
    lab_across = np.cos(turn) * side + np.sin(turn) * np.cross(q, side)
    total = 0.0
    for each in family:
        along = each / np.linalg.norm(each)
        across = np.cross(along, [0.3, 0.5, 0.8123])
        across /= np.linalg.norm(across)
        # The preferred normal in the crystal's own directions, and then in those of the laboratory.
        first, second, third = np.stack([along, across, np.cross(along, across)]) @ normal
        lab = first * q + second * lab_across + third * np.cross(q, lab_across)
        cosine = lab[:, 1]
        total += np.mean((0.36 * cosine**2 + (1 - cosine**2) / 0.6) ** -1.5)
    return total / len(family)


def test_detectors_see_the_angle_of_the_scattering_vector_to_the_axis() -> None:
    instrument = Instrument(
        "three",
        np.array([1, 2, 3], np.int32),
        np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, -3]]),
        np.zeros(3, np.bool_),
        10.0,
    )
    # Scattering vectors: half way from x, and from y, to -z; and -z.
    half = (NODES - 1) / 2
    for axis, nodes in (
        (VERTICAL, [2 * half, half, 2 * half]),
        (TextureAxis.HORIZONTAL, [half, 2 * half, 2 * half]),
        (TextureAxis.BEAM, [half, half, 0]),
    ):
        np.testing.assert_allclose(node_of_detectors(instrument, axis), nodes, atol=1e-6)


@pytest.mark.parametrize("hkl", ["", "0 0 0", "1 1", "1 1 1 1", "1 1 x", "nan 0 0", "1e9 0 0"])
def test_planes_that_cannot_be_are_refused_by_name(hkl: str) -> None:
    with pytest.raises(Refused, match="TextureHKL"):
        SimulatorSettings(uneven=UnevenSettings(texture_hkl=hkl))
