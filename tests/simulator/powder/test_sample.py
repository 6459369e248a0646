"""The crystal against Mantid's reflections, its physics, and what it refuses."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from reduction.parameters.specs import Refused
from simulator.parameters import SimulatorSettings
from simulator.powder import structure
from simulator.powder.sample import Sample, structure_factors
from tests.support.cost import costs_at_most
from tests.support.engines import reference_data as reference

CRYSTALS: list[dict[str, Any]] = reference.MANIFEST["crystals"]
SEARS_1992_FM = {"Si": 4.1491, "O": 5.803, "Na": 3.63, "Cl": 9.577, "Al": 3.449, "Ce": 4.84}
"""The scattering lengths that Mantid has; periodictable has later ones for Si, O and Cl."""

each_crystal = pytest.mark.parametrize("crystal", CRYSTALS, ids=lambda c: c["atoms"].split(";")[0])


def sample_of(crystal: dict[str, Any]) -> Sample:
    return Sample(
        *(crystal[key] for key in ("unit_cell", "space_group", "atoms", "d_min", "d_max"))
    )


def settings(**changes: Any) -> SimulatorSettings:
    return SimulatorSettings(**changes)


@each_crystal
def test_lines_are_those_of_mantid(crystal: dict[str, Any]) -> None:
    lines = sample_of(crystal).reflections
    found = dict(zip(map(tuple, lines.hkl.tolist()), lines.multiplicity.tolist(), strict=True))
    expected = dict(zip(map(tuple, crystal["hkl"]), crystal["multiplicity"], strict=True))
    assert found == expected
    assert lines.hkl.tolist() == sorted(lines.hkl.tolist())


@each_crystal
def test_d_spacings_and_structure_factors_are_those_of_mantid(crystal: dict[str, Any]) -> None:
    lines = sample_of(crystal).reflections
    at = {tuple(hkl): i for i, hkl in enumerate(lines.hkl.tolist())}
    order = [at[tuple(hkl)] for hkl in crystal["hkl"]]
    np.testing.assert_allclose(lines.d_angstrom[order], crystal["d"], rtol=0, atol=1e-9)
    expected = np.array(crystal["f_squared"])
    # Scattering lengths are newer than Mantid's, which weighs most where atoms cancel in part.
    for share, tolerance in ((0.2, 1e-3), (0.01, 2e-3)):
        strong = expected > share * expected.max()
        found = lines.f_squared_fm2[order][strong]
        np.testing.assert_allclose(found, expected[strong], rtol=tolerance)


@each_crystal
def test_with_mantids_scattering_lengths_structure_factors_agree_to_rounding(
    crystal: dict[str, Any],
) -> None:
    atoms = [
        dataclasses.replace(atom, scattering_length_fm=SEARS_1992_FM[atom.symbol])
        for atom in structure.atoms(crystal["atoms"])
    ]
    found = structure_factors(
        np.array(crystal["hkl"], np.int32),
        np.array(crystal["d"]),
        structure.unit_cell(crystal["unit_cell"]),
        structure.space_group(crystal["space_group"]).operations(),
        atoms,
    )
    np.testing.assert_allclose(found, crystal["f_squared"], rtol=1e-9, atol=1e-20)


def test_reflections_of_equal_samples_are_worked_out_once() -> None:
    first, second = settings(), settings(pulse_rate=3, relative_peak_width=0.01)
    assert first.sample.reflections is second.sample.reflections
    with pytest.raises(ValueError, match="read-only"):
        first.sample.reflections.d_angstrom[0] = 1


def test_doubling_the_temperature_doubles_the_uiso() -> None:
    cold, hot = settings(), settings(temperature=590)
    ratio = hot.sample.reflections.f_squared_fm2 / cold.sample.reflections.f_squared_fm2
    d = cold.sample.reflections.d_angstrom
    bragg = cold.sample.reflections.f_squared_fm2 > 1
    expected = np.exp(-4 * math.pi**2 * 0.006 / d**2)
    np.testing.assert_allclose(ratio[bragg], expected[bragg], rtol=1e-12)


def test_pressure_shrinks_every_length_by_a_third_of_pressure_over_bulk_modulus() -> None:
    free = settings().sample
    pressed = settings(pressure=9.78).sample
    assert pressed.lattice_parameter == pytest.approx(5.431 * math.exp(-0.1 / 3), rel=1e-14)
    at = dict(zip(map(tuple, free.reflections.hkl), free.reflections.d_angstrom, strict=True))
    for hkl, d in zip(pressed.reflections.hkl, pressed.reflections.d_angstrom, strict=True):
        assert d == pytest.approx(at[tuple(hkl)] * math.exp(-0.1 / 3), rel=1e-14)


def test_lines_are_chosen_by_their_d_under_pressure() -> None:
    free = settings(d_max=3.1).sample.reflections
    pressed = settings(d_max=3.1, pressure=9.78).sample.reflections
    assert [1, 1, 1] not in free.hkl.tolist()
    assert [1, 1, 1] in pressed.hkl.tolist()
    assert pressed.d_angstrom.min() >= 0.5


def test_coordinates_may_be_fractions_and_occupancy_and_uiso_may_be_left_out() -> None:
    titanium_fm: Any = pytest.approx(-3.37, abs=0.1)
    oxygen_fm: Any = pytest.approx(5.80, abs=0.01)
    assert structure.atoms("Ti 1/3 2/3 0.25 ; O 0 0 -1/4 0.5") == (
        structure.Atom("Ti", (1 / 3, 2 / 3, 0.25), 1.0, 0.0, titanium_fm),
        structure.Atom("O", (0, 0, -0.25), 0.5, 0.0, oxygen_fm),
    )


def test_a_special_position_written_with_few_digits_is_one_site() -> None:
    magnesium = {"unit_cell": "3.209 3.209 5.211 90 90 120", "space_group": "P 63/m m c"}
    exact = settings(**magnesium, atoms="Mg 1/3 2/3 0.25 1 0.01").sample.reflections
    rough = settings(**magnesium, atoms="Mg 0.3333 0.6667 0.25 1 0.01").sample.reflections
    np.testing.assert_allclose(rough.f_squared_fm2, exact.f_squared_fm2, rtol=1e-4, atol=1e-3)


def test_the_other_origin_and_rhombohedral_axes_describe_the_same_crystals() -> None:
    first = settings().sample.reflections
    second = settings(space_group="F d -3 m:2", atoms="Si 1/8 1/8 1/8 1.0 0.006").sample.reflections
    np.testing.assert_allclose(second.f_squared_fm2, first.f_squared_fm2, atol=1e-9)
    bismuth = settings(unit_cell="4.7459 4.7459 4.7459 57.24 57.24 57.24", space_group="R -3 m:R")
    assert len(bismuth.sample.reflections) > 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit_cell": "5.4 5.4"}, "UnitCell: '5.4 5.4' refused: it takes 3 numbers"),
        ({"unit_cell": "5.4 x 5.4"}, "UnitCell.*x is not a number"),
        ({"unit_cell": "5.4 nan 5.4"}, "UnitCell.*nan is not a finite number"),
        ({"unit_cell": "5.4 -5.4 5.4"}, "UnitCell.*lengths are above 0"),
        ({"unit_cell": "5 5 5 90 90 180"}, "UnitCell.*between 0° and 180°"),
        ({"unit_cell": "5 5 5 30 30 90", "space_group": "P 1"}, "UnitCell.*no volume"),
        ({"unit_cell": "5.4 5.4 5.5"}, "UnitCell.*F d -3 m:1 needs a = b = c"),
        ({"space_group": "P 32 2 1"}, "UnitCell.*needs a = b, alpha = beta = 90 and gamma = 120"),
        ({"space_group": "P 1 21/c 1", "unit_cell": "5 6 7 91 95 90"}, "alpha = gamma = 90"),
        ({"space_group": "R -3 c:R", "unit_cell": "5 5 6"}, "a = b = c and alpha = beta = gamma"),
        ({"space_group": "F d -3 q"}, "SpaceGroup: 'F d -3 q' refused.*did you mean F d -3 m"),
        ({"space_group": ""}, "SpaceGroup: '' refused: no Hermann-Mauguin symbol"),
        ({"atoms": ""}, "Atoms.*at least one atom"),
        ({"atoms": "Si 0 0"}, "Atoms: 'Si 0 0' refused: an atom is"),
        ({"atoms": "Si 0 0 0 1 0 0"}, "Atoms.*an atom is"),
        ({"atoms": "Si 0 0 zero"}, "Atoms.*zero is not a number"),
        ({"atoms": "Si 0 0 1/0"}, "Atoms.*1/0 divides by zero"),
        ({"atoms": "Si 0 0 inf"}, "Atoms.*inf is not a finite number"),
        ({"atoms": "Sj 0 0 0"}, "Atoms.*no element Sj; did you mean .*Si or"),
        ({"atoms": "si 0 0 0"}, "Atoms.*no element si; did you mean Si[?]"),
        ({"atoms": "Po 0 0 0"}, "Atoms.*scattering length of Po is not known"),
        ({"atoms": "Si 0 0 0 1.5"}, "Atoms.*occupancy 1.5 is not within 0 … 1"),
        ({"atoms": "Si 0 0 0 1 -0.01"}, "Atoms.*Uiso -0.01 is below 0"),
        ({"atoms": "Si 0 0 0 0"}, "Atoms.*every Bragg line.*F² = 0"),
        ({"d_min": 3.0, "d_max": 2.0}, "DMin: 3 refused: DMin must be below DMax, 2 Ang"),
        ({"d_min": 2.0, "d_max": 3.0}, "UnitCell.*no Bragg line between DMin 2 and DMax 3"),
        ({"pressure": 100, "bulk_modulus": 5}, "UnitCell.*no Bragg line .* at 100 GPa"),
    ],
)
def test_what_makes_no_crystal_is_refused_with_the_reason(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit_cell": "1e300 1e300 1e300"}, "DMin.*raise DMin or take a smaller cell"),
        ({"unit_cell": "200 200 200", "d_min": 0.2}, "DMin.*raise DMin"),
        ({"unit_cell": "5 60 700", "space_group": "P 1"}, "DMin.*raise DMin"),
        ({"unit_cell": "33 34 35", "space_group": "P 1", "atoms": "C 0 0 0;" * 249}, "DMin.*raise"),
        (
            {"unit_cell": "50 50 50", "d_min": 1, "atoms": "H .1 .2 .3;" * 180},
            "Atoms.*too many atoms for about",
        ),
    ],
)
def test_a_crystal_too_large_is_refused_at_once(changes: dict[str, Any], message: str) -> None:
    with costs_at_most(2), pytest.raises(Refused, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_cell": "49 49 49", "d_min": 0.8},
        {"unit_cell": "20 21 22 88 93 101", "space_group": "P 1", "d_min": 1.3},
    ],
)
def test_the_largest_crystals_taken_are_quick(changes: dict[str, Any]) -> None:
    with costs_at_most(10):
        assert len(settings(**changes).sample.reflections) > 1000
