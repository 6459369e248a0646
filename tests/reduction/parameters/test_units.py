"""Every unit keeps what its declaration says, and whatever has to be in step with it is."""

from __future__ import annotations

import numpy as np
import pytest

from reduction.instrument.geometry import powder_arc
from reduction.parameters.units import Units
from tests.support.engines import textbook

ARC = powder_arc()
PIXELS = np.flatnonzero(~ARC.is_monitor)
TOF_US = np.geomspace(500.0, 90_000.0, PIXELS.size)
each_unit = pytest.mark.parametrize("units", list(Units))


@each_unit
def test_the_value_of_a_time_of_flight_is_that_of_the_textbook(units: Units) -> None:
    c = units.coefficients(ARC.path_m, ARC.difc_us_per_angstrom)[PIXELS]
    value = {1: TOF_US / c, -1: c / TOF_US, -2: c / TOF_US**2}[units.tof_exponent]
    expected = textbook.value_of_pixels(units, TOF_US, ARC, PIXELS)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


@each_unit
def test_a_unit_is_calibrated_if_its_values_follow_difc(units: Units) -> None:
    c = units.coefficients(ARC.path_m, ARC.difc_us_per_angstrom)[PIXELS]
    other = units.coefficients(ARC.path_m, 1.01 * ARC.difc_us_per_angstrom)[PIXELS]
    assert units.calibrated == bool(np.any(c != other))


@each_unit
def test_a_unit_that_follows_difc_has_no_value_where_there_is_no_difc(units: Units) -> None:
    c = units.coefficients(ARC.path_m, ARC.difc_us_per_angstrom)
    assert np.isnan(c[ARC.is_monitor]).all() == units.calibrated


@each_unit
def test_the_symbol_fits_a_record_and_the_names_a_file(units: Units) -> None:
    assert units.symbol.isascii()
    assert 0 < len(units.symbol) < 8
    assert units.labels.name.isidentifier()
    assert all(units.labels)


def test_no_two_units_have_one_axis_in_files() -> None:
    names = [units.labels.name for units in Units]
    assert len(set(names)) == len(names)


def test_a_unit_is_known_by_its_name() -> None:
    assert [Units(str(units)) for units in Units] == list(Units)
    assert [units.value for units in Units] == [str(units) for units in Units]
