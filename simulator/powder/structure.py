"""Parses the texts of a crystal structure: unit cell, space group and atoms.

Every function parses a text that a user has written. It raises `Refused` with the name of the
process variable that has the text. The syntax is that of Mantid's
``CrystalStructure``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import gemmi
import numpy as np
import periodictable
from numpy.typing import NDArray

from reduction.parameters.specs import Misfit, Refused, nearest

METRIC_TOLERANCE = 1e-5
"""Relative difference of metric tensors up to which a cell has the symmetry of its group."""

FARTHEST = 1000.0
"""Largest fractional coordinate: rounding is still far below an atom's size."""


@dataclass(frozen=True)
class Atom:
    """One site of the asymmetric unit.

    ``position`` has fractional coordinates. ``u_iso`` is in Å², at the temperature for which it is
    given. ``scattering_length_fm`` is the real part of the bound coherent scattering length.
    """

    symbol: str
    position: tuple[float, float, float]
    occupancy: float
    u_iso: float
    scattering_length_fm: float


def unit_cell(text: str) -> gemmi.UnitCell:
    """The cell ``a b c [alpha beta gamma]`` in Å and degrees; angles are 90 if left out."""
    numbers = [_number("UnitCell", text, word) for word in text.split()]
    if len(numbers) not in (3, 6):
        raise Refused("UnitCell", text, "it takes 3 numbers (a b c) or 6 (and alpha beta gamma)")
    lengths, angles = numbers[:3], numbers[3:] or [90.0, 90.0, 90.0]
    if min(lengths) <= 0:
        raise Refused("UnitCell", text, "lengths are above 0 Ang")
    if not all(0 < angle < 180 for angle in angles):
        raise Refused("UnitCell", text, "angles are between 0° and 180°")
    alpha, beta, gamma = (math.cos(math.radians(angle)) for angle in angles)
    if 1 - alpha**2 - beta**2 - gamma**2 + 2 * alpha * beta * gamma < 1e-9:
        raise Refused("UnitCell", text, "a cell with these angles has no volume")
    return gemmi.UnitCell(*lengths, *angles)


def space_group(text: str) -> gemmi.SpaceGroup:
    """The group of a Hermann-Mauguin symbol: first origin choice, hexagonal axes for R.

    An extension chooses another origin or cell: ``F d -3 m:2``, ``R -3 c:R``.
    """
    group = gemmi.find_spacegroup_by_name(text)
    if group is None:
        symbols = [each.hm for each in gemmi.spacegroup_table()]
        raise Refused(
            "SpaceGroup",
            text,
            f"no Hermann-Mauguin symbol of a space group{nearest(text, symbols)}",
        )
    return group


def cell_edges(cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """The edges of the cell as columns of a (3, 3) float64 matrix, in Å."""
    return np.array(cell.orth.mat.tolist())


def point_rotations(symmetry: gemmi.GroupOps) -> NDArray[np.int64]:
    """The rotations of the point group, (operations, 3, 3); an index row turns as h' = h·R."""
    return np.array([op.rot for op in symmetry.sym_ops], np.int64) // gemmi.Op.DEN


def check_symmetry(cell: gemmi.UnitCell, group: gemmi.SpaceGroup, text: str) -> None:
    """Raises `Misfit` if a cell, written as ``text``, does not have the symmetry of its group."""
    if not cell.is_compatible_with_spacegroup(group, METRIC_TOLERANCE):
        raise Misfit("UnitCell", text, f"space group {group.xhm()} needs {_needed(group)}")


def _needed(group: gemmi.SpaceGroup) -> str:
    """The condition that ``group`` puts on a cell, in words."""
    match group.crystal_system_str():
        case "monoclinic":
            free = {"a": "alpha", "b": "beta", "c": "gamma"}[group.monoclinic_unique_axis()]
            right = [angle for angle in ("alpha", "beta", "gamma") if angle != free]
            return f"{right[0]} = {right[1]} = 90"
        case "orthorhombic":
            return "alpha = beta = gamma = 90"
        case "tetragonal":
            return "a = b and alpha = beta = gamma = 90"
        case "trigonal" if group.ext == "R":
            return "a = b = c and alpha = beta = gamma"
        case "trigonal" | "hexagonal":
            return "a = b, alpha = beta = 90 and gamma = 120"
        case "cubic":
            return "a = b = c and alpha = beta = gamma = 90"
        case other:
            raise ValueError(f"{other} puts no condition on a cell")


def plane(text: str) -> tuple[float, float, float]:
    """The indices ``h k l`` of a lattice plane."""
    numbers = [_number("TextureHKL", text, word) for word in text.split()]
    match numbers:
        case [h, k, l] if all(abs(each) <= FARTHEST for each in numbers) and any(numbers):
            return h, k, l
    raise Refused("TextureHKL", text, f"it takes three numbers h k l up to {FARTHEST:g}, not all 0")


def atoms(text: str) -> tuple[Atom, ...]:
    """The sites ``symbol x y z [occupancy [Uiso]]; ...``; occupancy 1 and Uiso 0 if left out."""
    sites = [site for site in text.split(";") if site.strip()]
    if not sites:
        raise Refused("Atoms", text, "it takes at least one atom: symbol x y z occupancy Uiso")
    return tuple(_atom(site.strip()) for site in sites)


def _atom(site: str) -> Atom:
    symbol, *words = site.split()
    length = _scattering_length_fm(symbol, site)
    if not 3 <= len(words) <= 5:
        raise Refused("Atoms", site, "an atom is: symbol x y z [occupancy [Uiso]]")
    x, y, z, *rest = (_coordinate(site, word) for word in words)
    occupancy, u_iso = (*rest, *(1.0, 0.0)[len(rest) :])
    if not 0 <= occupancy <= 1:
        raise Refused("Atoms", site, f"occupancy {occupancy:g} is not within 0 … 1")
    if u_iso < 0:
        raise Refused("Atoms", site, f"Uiso {u_iso:g} is below 0")
    return Atom(symbol, (x, y, z), occupancy, u_iso, length)


def _scattering_length_fm(symbol: str, site: str) -> float:
    """The bound coherent scattering length (Sears 1992 and updates, as periodictable has them)."""
    known = ["D", "T", *(each.symbol for each in periodictable.elements if each.number > 0)]
    if symbol not in known:
        # Two letters are too few for a search by similar spelling: compare first letters.
        alike = [each for each in known if each == symbol.capitalize()]
        alike = alike or [each for each in known if each[0] == symbol[0].upper()]
        hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
        raise Refused("Atoms", site, f"no element {symbol}{hint}")
    length = periodictable.elements.symbol(symbol).neutron.b_c
    if length is None:
        raise Refused("Atoms", site, f"the neutron scattering length of {symbol} is not known")
    return float(length)


def _coordinate(site: str, word: str) -> float:
    """A number or a fraction such as ``1/3``."""
    above, slash, below = word.partition("/")
    divisor = _number("Atoms", site, below) if slash else 1.0
    if divisor == 0:
        raise Refused("Atoms", site, f"{word} divides by zero")
    number = _number("Atoms", site, above) / divisor
    if not abs(number) <= FARTHEST:
        raise Refused("Atoms", site, f"{word} is farther than {FARTHEST:g} cells away")
    return number


def _number(pv: str, text: str, word: str) -> float:
    try:
        number = float(word.replace("_", "?"))  # only Python takes 1_0 for a number
    except ValueError:
        raise Refused(pv, text, f"{word} is not a number") from None
    if not math.isfinite(number):
        raise Refused(pv, text, f"{word} is not a finite number")
    return number
