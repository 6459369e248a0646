"""From a crystal structure to the Bragg lines of its powder.

The chain is that of Mantid's ``ReflectionGenerator``: all hkl between two d-spacings, those that
the space group extinguishes left out, grouped by the point group of the space group, and their
structure factors for neutrons.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from reduction.parameters.specs import Misfit
from simulator.powder import structure
from simulator.powder.structure import Atom

UISO_TEMPERATURE_K = 295.0
"""The temperature at which Uiso of the atoms is given."""

MAX_LINES = 20_000
"""Most Bragg lines of a sample, estimated before they are made."""

MAX_INDICES_TRIED = 2_000_000
"""Most hkl to look at."""

MAX_PHASES = 20_000_000
"""Most terms of all structure factors together: lines × images of atoms."""

EXTINCT = 1e-20
"""Smaller F², relative to the square of the summed scattering lengths, is rounding error."""

SAME_SITE_ANGSTROM = 0.01
"""Images of an atom that are nearer than this are the same site: 0.3333 is taken for 1/3."""


@dataclass(frozen=True, eq=False)
class Reflections:
    """The Bragg lines of a powder, n of them, sorted by hkl; arrays are read-only.

    ``hkl`` (n, 3) int32, of all equivalents the lexicographically greatest; ``d_angstrom`` (n,)
    float64; ``f_squared_fm2`` (n,) float64, ``|F|²`` of the unit cell in fm²; ``multiplicity`` (n,)
    int64, the number of equivalents under the point group. In a group without inversion h and -h
    are two lines.
    """

    hkl: NDArray[np.int32]
    d_angstrom: NDArray[np.float64]
    f_squared_fm2: NDArray[np.float64]
    multiplicity: NDArray[np.int64]

    def __len__(self) -> int:
        return self.d_angstrom.size

    @property
    def weight(self) -> NDArray[np.float64]:
        """Relative strength of each line, (n,) float64: F² · multiplicity."""
        return self.f_squared_fm2 * self.multiplicity


@dataclass(frozen=True)
class Sample:
    """A powder at a temperature (K) and pressure (GPa), measured from ``d_min`` to ``d_max`` (Å).

    Reflections are computed once for equal samples.
    """

    unit_cell: str
    space_group: str
    atoms: str
    d_min: float
    d_max: float
    temperature: float = UISO_TEMPERATURE_K
    pressure: float = 0.0
    bulk_modulus: float = 100.0

    @property
    def length_scale(self) -> float:
        """A length at this pressure, relative to the length at none.

        A constant bulk modulus K = -V dP/dV integrates to V = V0·exp(-P/K).
        """
        return math.exp(-self.pressure / (3 * self.bulk_modulus))

    @property
    def lattice_parameter(self) -> float:
        """Cell edge a at this pressure, Å."""
        return structure.unit_cell(self.unit_cell).a * self.length_scale

    @property
    def reflections(self) -> Reflections:
        """The lines with d_min ≤ d ≤ d_max at this pressure; raises `Misfit` if there are none."""
        return _reflections(self)


@functools.lru_cache(maxsize=16)
def _reflections(sample: Sample) -> Reflections:
    if sample.d_min >= sample.d_max:
        raise Misfit("DMin", sample.d_min, f"DMin must be below DMax, {sample.d_max:g} Ang")
    cell = structure.unit_cell(sample.unit_cell)
    group = structure.space_group(sample.space_group)
    symmetry = group.operations()
    structure.check_symmetry(cell, group, sample.unit_cell)
    atoms = structure.atoms(sample.atoms)
    _check_size(sample, cell, symmetry, len(atoms))
    hkl, d, multiplicity = _positions(replace(sample, atoms="", temperature=UISO_TEMPERATURE_K))
    f_squared = structure_factors(
        hkl, d, cell, symmetry, _at_temperature(atoms, sample.temperature)
    )
    most = sum(a.occupancy * abs(a.scattering_length_fm) for a in atoms) ** 2
    if not f_squared.max() > EXTINCT * most:
        raise Misfit("Atoms", sample.atoms, "every Bragg line between DMin and DMax has F² = 0")
    f_squared.setflags(write=False)
    return Reflections(hkl, d, f_squared, multiplicity)


@functools.lru_cache(maxsize=4)
def _positions(
    sample: Sample,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
    """Indices, d and multiplicity of the lines: the slow part, which does not depend on atoms."""
    cell = structure.unit_cell(sample.unit_cell)
    symmetry = structure.space_group(sample.space_group).operations()
    inverse = np.linalg.inv(structure.cell_edges(cell) * sample.length_scale).astype(np.float64)
    hkl, d = _between(sample, inverse, symmetry)
    if not d.size:
        raise Misfit(
            "UnitCell",
            sample.unit_cell,
            f"no Bragg line between DMin {sample.d_min:g} and DMax {sample.d_max:g} Ang"
            f" at {sample.pressure:g} GPa",
        )
    multiplicity = _multiplicity(hkl, symmetry)
    for array in (hkl, d, multiplicity):
        array.setflags(write=False)
    return hkl, d, multiplicity


def _bounds(sample: Sample, cell: gemmi.UnitCell) -> list[float]:
    """Greatest |h|, |k|, |l| with d ≥ d_min: h = a·s and |s| = 1/d."""
    return [edge * sample.length_scale / sample.d_min for edge in (cell.a, cell.b, cell.c)]


def _check_size(sample: Sample, cell: gemmi.UnitCell, symmetry: gemmi.GroupOps, atoms: int) -> None:
    """Refuse a sample that would take too long; a cell of volume V has about 4π/3·V/d³ indices."""
    tried = math.prod(2 * bound + 1 for bound in _bounds(sample, cell))
    volume = cell.volume * sample.length_scale**3
    shell = sample.d_min**-3 - sample.d_max**-3
    order, centrings = len(symmetry.sym_ops), len(symmetry.cen_ops)
    lines = 4 / 3 * math.pi * volume * shell / (order * centrings)
    if tried > MAX_INDICES_TRIED or lines > MAX_LINES:
        raise Misfit(
            "DMin",
            sample.d_min,
            f"this cell has about {lines:.0f} Bragg lines down to there, at most {MAX_LINES}"
            f" (of {MAX_INDICES_TRIED} hkl tried) are simulated; raise DMin or take a smaller cell",
        )
    if atoms * order * centrings * lines > MAX_PHASES:
        raise Misfit("Atoms", sample.atoms, f"too many atoms for about {lines:.0f} Bragg lines")


def _between(
    sample: Sample, inverse: NDArray[np.float64], symmetry: gemmi.GroupOps
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Lines in range: hkl (n, 3), d (n,). ``inverse`` (3, 3) turns index rows into 1/Å."""
    edges = np.linalg.norm(np.linalg.inv(inverse), axis=0)
    # One more than the bound, so that rounding does not lose an index on the bound.
    axes = [np.arange(-n, n + 1) for n in (edges / sample.d_min).astype(np.int64) + 1]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[np.any(hkl != 0, axis=1)]
    d = 1 / np.linalg.norm(hkl @ inverse, axis=1)
    near = (d > sample.d_min * (1 - 1e-6)) & (d < sample.d_max * (1 + 1e-6))
    hkl = hkl[near]
    for rotation in structure.point_rotations(symmetry):
        # Each round drops indices that have a greater equivalent, so later rounds are short.
        hkl = hkl[_rank(hkl @ rotation) <= _rank(hkl)]
    unique = np.ascontiguousarray(hkl, np.int32)
    unique = unique[~symmetry.systematic_absences(unique)]
    d = 1 / np.linalg.norm(unique @ inverse, axis=1)
    inside = (d >= sample.d_min) & (d <= sample.d_max)
    return unique[inside], d[inside]


def _rank(hkl: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number per hkl that orders them lexicographically; indices are far below 2^20."""
    packed: NDArray[np.int64] = (hkl[..., 0] << 42) + (hkl[..., 1] << 21) + hkl[..., 2]
    return packed


def _multiplicity(hkl: NDArray[np.int32], symmetry: gemmi.GroupOps) -> NDArray[np.int64]:
    """Different equivalents of each hkl under the point group, (n,) int64."""
    rotations = structure.point_rotations(symmetry)
    equivalents = np.einsum("ni,oij->noj", hkl.astype(np.int64), rotations)
    ranks = np.sort(_rank(equivalents), axis=1)
    different: NDArray[np.int64] = 1 + np.count_nonzero(np.diff(ranks, axis=1), axis=1)
    return different


def _at_temperature(atoms: Sequence[Atom], temperature_k: float) -> list[Atom]:
    """The atoms with their Uiso at a temperature in K.

    Above the Debye temperature <u²> = 3ħ²T/(m·k·Θ²) is proportional to T (Willis & Pryor, Thermal
    Vibrations in Crystallography, 1975, ch. 4); zero-point motion is left out.
    """
    factor = temperature_k / UISO_TEMPERATURE_K
    return [replace(atom, u_iso=atom.u_iso * factor) for atom in atoms]


def structure_factors(
    hkl: NDArray[np.int32],
    d: NDArray[np.float64],
    cell: gemmi.UnitCell,
    symmetry: gemmi.GroupOps,
    atoms: Sequence[Atom],
) -> NDArray[np.float64]:
    """``|F|²`` in fm², (n,) float64, F = Σ occ·b·exp(-2π²U/d²)·exp(2πi h·x) over the cell.

    The sum runs over all images of an atom, divided by how many fall on one site.
    """
    operations = list(symmetry)
    rotations = np.array([op.rot for op in operations]) / gemmi.Op.DEN
    shifts = np.array([op.tran for op in operations]) / gemmi.Op.DEN
    factors = np.zeros(len(d), np.complex128)
    for atom in atoms:
        position = np.array(atom.position)
        images = rotations @ position + shifts
        apart = images - position
        distance = np.linalg.norm((apart - np.round(apart)) @ structure.cell_edges(cell).T, axis=1)
        share = atom.occupancy / np.count_nonzero(distance < SAME_SITE_ANGSTROM)
        phases = np.exp(2j * np.pi * (hkl @ images.T)).sum(axis=1)
        damping = np.exp(-2 * np.pi**2 * atom.u_iso / d**2)
        factors += share * atom.scattering_length_fm * damping * phases
    squared: NDArray[np.float64] = np.abs(factors) ** 2
    return squared
