"""Links of a definition: by name, by path and by id, they move the components that Mantid moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from reduction.definitions.idf_reader import read_definition
from tests.reduction.definitions.places.test_motions import (
    ARM_AT,
    ENDS,
    EYES,
    TABLE,
    TILT,
    constant,
    definition,
    followed,
    positions,
)


def test_detectors_are_moved_by_name_by_path_and_by_id(tmp_path: Path) -> None:
    still = positions(tmp_path)
    away = constant("r-position", 9)
    expected = ARM_AT + (TABLE * TILT).apply([0, 0, 9])
    for link, moved in (
        ('name="eye"', [True, True]),
        ('name="ARM/table/arm1/eye"', [True, False]),
        ('name="table/arm/eye"', [False, False]),
        ('name="ARM/eye"', [True, False]),
        ('name="table/eye"', [True, False]),
        ('name="ARM/ARM/table/table/eye"', [True, False]),
        ('name="eye/arm1"', [False, False]),
        ('id="4"', [False, True]),
        ('id="5"', [False, False]),
    ):
        found = positions(tmp_path, links=f"<component-link {link}>{away}</component-link>")
        np.testing.assert_allclose(found[moved], np.tile(expected, (sum(moved), 1)), atol=1e-12)
        np.testing.assert_allclose(found[np.invert(moved)], still[np.invert(moved)], atol=1e-12)


def test_a_path_leads_to_the_highest_component_of_a_name_and_there_to_the_first(
    tmp_path: Path,
) -> None:
    body = """<component type="deep" idlist="a"><location/></component>
    <component type="arm" name="wanted" idlist="b"><location/><location/></component>
    <type name="deep"><component type="arm" name="in"><location name="wanted"/></component></type>
    <type name="arm"><component type="pixel" name="eye"><location/></component></type>
    <idlist idname="a"><id val="1"/></idlist><idlist idname="b" start="2" end="3"/>"""
    for path, moved in (("ARM/wanted", [2]), ("wanted/eye", [2]), ("deep/wanted", [1])):
        link = f'<component-link name="{path}">{constant("x", 7)}</component-link>'
        file = tmp_path / "ARM_Definition.xml"
        file.write_text(f'<instrument name="ARM">{ENDS}{body}{link}</instrument>')
        found = read_definition(file)
        assert found.detector_id[found.position_m[:, 0] == 7].tolist() == moved


def test_a_name_moves_nothing_inside_a_component_of_that_name(tmp_path: Path) -> None:
    link = f'<component-link name="arm1">{constant("x", 4)}</component-link>'
    expected = positions(tmp_path, links=link)
    path = definition(tmp_path, links=link)
    path.write_text(path.read_text().replace('name="eye"', 'name="arm1"'))
    np.testing.assert_allclose(read_definition(path).position_m, expected, atol=1e-12)


def test_the_name_of_the_instrument_moves_all_of_it(tmp_path: Path) -> None:
    link = f'<component-link name="ARM">{constant("x", 4)}{constant("y", -2)}</component-link>'
    found = positions(tmp_path, links=link)
    np.testing.assert_allclose(found, positions(tmp_path), atol=1e-12)


def test_of_parameters_of_one_name_the_last_one_counts_also_if_its_log_is_not_known(
    tmp_path: Path,
) -> None:
    still, moved = positions(tmp_path), positions(tmp_path, on_arm=constant("y", 2))
    log, link = followed("y", "stage"), '<component-link name="arm1">{}</component-link>'
    for inside, expected in (
        ({"on_arm": constant("y", 2) + log}, still),
        ({"on_arm": log + constant("y", 2)}, moved),
        ({"on_arm": constant("y", 2), "links": link.format(log)}, still),
        ({"on_arm": log, "links": link.format(constant("y", 2))}, moved),
    ):
        np.testing.assert_allclose(positions(tmp_path, **inside), expected, atol=1e-12)


def test_links_that_take_long_to_follow_are_refused(tmp_path: Path) -> None:
    many = range(1000)
    kinds = "".join(
        f'<type name="k{each}"><component type="pixel"><location/></component></type>'
        for each in many
    )
    inside = "".join(f'<component type="k{each}"><location/></component>' for each in many)
    links = "".join(
        f'<component-link name="ARM/p{each}">{constant("x", 1)}</component-link>' for each in many
    )
    kinds += f'<type name="top">{inside}</type><idlist idname="a" start="1" end="1000"/>'
    kinds += '<component type="top" idlist="a"><location/></component>'
    path = tmp_path / "ARM_Definition.xml"
    path.write_text(f'<instrument name="ARM">{ENDS}{kinds}{links}</instrument>')
    with pytest.raises(ValueError, match=r"<component-link> by path: more than 300000 types"):
        read_definition(path)


def test_a_link_comes_before_what_is_at_the_component(tmp_path: Path) -> None:
    link = f'<component-link name="arm1">{constant("roty", 5)}</component-link>'
    found = positions(tmp_path, on_arm=constant("roty", 70) + constant("rotx", 9), links=link)
    turned = TABLE * Rotation.from_euler("XY", [9, 5], degrees=True)
    np.testing.assert_allclose(found, ARM_AT + turned.apply(EYES), atol=1e-12)
