"""Parameters of a definition that move components: constants, and logs with their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ioc.app.cli import main
from reduction.definitions.from_mantid import load_instrument
from reduction.definitions.idf_reader import read_definition
from reduction.instrument.geometry import Instrument
from tests.support.engines.tried import imported

ENDS = """
<component type="source"><location z="-12"/></component><type name="source" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/>
<type name="pixel" is="detector"/>
"""
ARM = """
<component type="table" name="table" idlist="all"><location x="0.5" rot="20" axis-y="1" axis-z="0"/>
{on_table}</component>
<type name="table"><component type="arm" name="arm">{on_arm}
<location x="0.25" z="1" rot="30" axis-x="1" axis-z="0" name="arm1">{on_location}</location>
</component></type>
<type name="arm"><component type="pixel" name="eye"><location x="0.1"/><location y="0.2" z="0.3"/>
</component></type>
<idlist idname="all" start="3" end="4"/>{links}
"""
ON = ("on_table", "on_arm", "on_location", "links")


def constant(name: str, value: float | str) -> str:
    return f'<parameter name="{name}"><value val="{value}"/></parameter>'


def followed(name: str, log: str, equation: str = "") -> str:
    eq = f' eq="{equation}"' if equation else ""
    return f'<parameter name="{name}"><logfile id="{log}"{eq}/></parameter>'


def definition(folder: Path, **inside: str) -> Path:
    path = folder / "ARM_Definition.xml"
    body = ARM.format(**{each: inside.get(each, "") for each in ON})
    path.write_text(
        f'<instrument name="ARM" valid-from="1990-01-01 00:00:00">{ENDS}{body}</instrument>'
    )
    return path


def positions(folder: Path, **inside: str) -> NDArray[np.float64]:
    return read_definition(definition(folder, **inside)).position_m


TABLE = Rotation.from_euler("y", 20, degrees=True)
TILT = Rotation.from_euler("x", 30, degrees=True)
EYES = np.array([[0.1, 0, 0], [0, 0.2, 0.3]])
ARM_AT = np.array([0.5, 0, 0]) + TABLE.apply([0.25, 0, 1])


def test_without_parameters_components_are_where_their_locations_say(tmp_path: Path) -> None:
    np.testing.assert_allclose(positions(tmp_path), ARM_AT + (TABLE * TILT).apply(EYES), atol=1e-12)


@pytest.mark.parametrize("where", ["on_arm", "on_location", "links"])
def test_polar_positions_and_rotations_replace_those_within_the_parent(
    tmp_path: Path, where: str
) -> None:
    moves = "".join(
        constant(name, value)
        for name, value in {
            "rotz": 15,
            "t-position": 90,
            "p-position": 90,
            "r-position": 2,
            "rotx": 40,
            "roty": 25,
        }.items()
    )
    moves = f'<component-link name="arm1">{moves}</component-link>' if where == "links" else moves
    turned = TABLE * Rotation.from_euler("XYZ", [40, 25, 15], degrees=True)
    expected = np.array([0.5, 0, 0]) + TABLE.apply([0, 2, 0]) + turned.apply(EYES)
    np.testing.assert_allclose(positions(tmp_path, **{where: moves}), expected, atol=1e-12)


def test_a_coordinate_leaves_the_others_as_they_are_in_the_instrument(tmp_path: Path) -> None:
    # As Mantid does: within the parent's coordinates, although they were not given in them.
    moved = np.array([ARM_AT[0], -1.5, ARM_AT[2]])
    expected = np.array([0.5, 0, 0]) + TABLE.apply(moved) + (TABLE * TILT).apply(EYES)
    found = positions(tmp_path, on_arm=constant("y", -1.5))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_parts_move_with_what_they_are_in(tmp_path: Path) -> None:
    still = positions(tmp_path, on_location=constant("x", 0.75))
    turned = positions(tmp_path, on_location=constant("x", 0.75), on_table=constant("roty", 65))
    by = Rotation.from_euler("y", 45, degrees=True)
    pivot = np.array([0.5, 0, 0])
    np.testing.assert_allclose(turned, pivot + by.apply(still - pivot), atol=1e-12)


def test_scales_stretch_a_component_along_its_own_axes(tmp_path: Path) -> None:
    found = positions(tmp_path, on_arm=constant("scaley", 2) + constant("scalex", -3))
    expected = ARM_AT + (TABLE * TILT).apply(EYES * [-3, 2, 1])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_source_and_sample_may_move_too(tmp_path: Path) -> None:
    link = f'<component-link name="source">{constant("z", -15)}</component-link>'
    assert read_definition(definition(tmp_path, links=link)).l1_m == 15
    link = f'<component-link name="sample">{constant("z", 1)}</component-link>'
    moved = read_definition(definition(tmp_path, links=link))
    assert moved.l1_m == 13
    np.testing.assert_allclose(moved.position_m, positions(tmp_path) - [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize(
    "parameter",
    [
        constant("pos", 3),
        constant("rot", 3),
        constant("scalez", 3),
        constant("t-position", 3),
        constant("Efixed", 3),
        constant("X", 3),
        '<parameter name="x"/>',
        '<parameter name="track" type="string"><value val="x"/></parameter>',
        '<parameter name="fit:x" type="fitting"><formula eq="1+x"/></parameter>',
    ],
)
def test_parameters_that_move_nothing_in_mantid_move_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, parameter: str
) -> None:
    still = positions(tmp_path)
    np.testing.assert_array_equal(positions(tmp_path, on_arm=parameter), still)
    assert not caplog.records


def test_a_constant_of_what_is_no_detector_does_not_matter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chopper = '<component type="chopper">{}<location/></component><type name="chopper" is="x"/>'
    for parameter in (constant("z", -5), followed("z", "chopper_z")):
        positions(tmp_path, links=chopper.format(parameter))
    assert not caplog.records


def test_a_component_that_follows_a_log_is_where_its_location_says_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = positions(
        tmp_path, on_arm=followed("z", "det_z", "0.001*value") + followed("y", "det_y")
    )
    np.testing.assert_array_equal(found, positions(tmp_path))
    path = tmp_path / "ARM_Definition.xml"
    taken = "the position without it is taken"
    assert f"{path}: z of arm1 would follow the log det_z: {taken}" in caplog.text
    assert f"{path}: y of arm1 would follow the log det_y: {taken}" in caplog.text


@pytest.mark.parametrize("text", [" 5", "5 ", "5m", "0x5", "5_0", ""])
def test_a_constant_that_mantid_does_not_read_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"(<parameter name=.x.>|<value>): val = .* is no number"):
        positions(tmp_path, on_arm=constant("x", text))


def test_many_components_of_a_log_are_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    links = "".join(
        f'<component-link name="{name}">{followed("x", "stage")}</component-link>'
        for name in ("eye", "arm1", "table")
    )
    positions(tmp_path, links=links)
    (line,) = caplog.messages
    assert "x of table, x of arm1, x of eye and 1 more would follow the log stage" in line


def test_with_the_value_of_its_log_a_component_follows_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = definition(tmp_path, on_table=followed("roty", "stage", "2*(value-5)^2+_pi-_pi"))
    moved = read_definition(path, {"stage": 8.0}).position_m
    expected = positions(tmp_path, on_table=constant("roty", 18))
    np.testing.assert_allclose(moved, expected, atol=1e-12)
    assert not caplog.records


@pytest.mark.parametrize(
    ("equation", "value", "expected"),
    [
        ("value", -2, -2),
        ("-1.0*value+0.25", 2, -1.75),
        ("97.5+rint(value*1000)/1000", 1.23456, 98.735),
        ("2.6*sin(2*value*0.0174533)", 45, 2.6),
        ("sqrt(abs(value))", -16, 4),
        ("ln(_e)+log10(100)+log2(value)", 8, 6),
        ("value^2", 3, 9),
        ("rint(value)", 2.5, 3),
        ("sign(-value)*max(1, value, 4)", 3, -4),
        ("min(value, 1)+avg(value, 2)+sum(value, 1, 1)", 4, 10),
        ("180/_pi*atan2(value, value)", 2, 45),
        ("value*1", 12.3456789, 12.3457),
        ("", 12.3456789, 12.3456789),
    ],
)
def test_equations_of_logs_are_computed(
    tmp_path: Path, equation: str, value: float, expected: float
) -> None:
    path = definition(tmp_path, on_location=followed("roty", "log", equation))
    found = read_definition(path, {"log": value}).position_m
    wanted = positions(tmp_path, on_location=constant("roty", expected))
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize(
    "equation",
    [
        "1/(value-1)",
        "__import__('os')",
        "value.real",
        "sin(value",
        "9^9^9^value",
        "log(value)",
        "x",
        "value+x",
        "30",
        "value**2",
        "value+0x10",
        "value+1_0",
        "min()+value",
        "sin(value, 1)",
    ],
)
def test_an_equation_that_gives_no_number_is_refused_by_name(tmp_path: Path, equation: str) -> None:
    path = definition(tmp_path, on_location=followed("roty", "log", equation))
    with pytest.raises(ValueError, match=r'ARM_Def.*<parameter name="roty">: eq = ') as refused:
        read_definition(path, {"log": 1.0})
    assert "\n" not in str(refused.value)


def test_a_log_that_moves_nothing_is_refused_with_what_may_be_meant(tmp_path: Path) -> None:
    path = definition(tmp_path, on_arm=followed("x", "det_x"))
    with pytest.raises(ValueError, match=r"no component follows a log 'detx'; did you mean det_x"):
        read_definition(path, {"detx": 1.0})


def test_values_of_logs_are_given_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(definition(tmp_path, on_table=followed("r-position", "stage:x.RBV", "value/1000")))
    table = str(tmp_path / "arm.npz")
    main(["instrument", "export", path, table, "--logs", "stage:x.RBV=500"])
    z = Instrument.load(Path(table)).position_m[:, 2]
    assert z == pytest.approx(positions(tmp_path)[:, 2] + 0.5, abs=1e-9)
    for logs, words in (
        ("stage", "logs: 'stage' is no NAME=NUMBER"),
        ("stage:x.RBV=much", "is no NAME=NUMBER"),
        ("stage=1", "no component follows a log 'stage'"),
    ):
        with pytest.raises(SystemExit):
            main(["instrument", "show", path, "--logs", logs])
        assert words in capsys.readouterr().err


def beside(definition: Path, links: str, name: str = "ARM_Parameters.xml") -> None:
    """Put a parameter file beside a definition."""
    content = f'<parameter-file instrument="ARM" valid-from="1990-01-01 00:00:00">{links}'
    definition.with_name(name).write_text(f"{content}</parameter-file>")


def test_parameters_of_the_file_beside_the_definition_are_applied(tmp_path: Path) -> None:
    path = definition(tmp_path, on_arm=constant("roty", 70))
    link = f'<component-link name="arm1">{constant("roty", 5)}</component-link>'
    beside(path, link)
    found = read_definition(path).position_m
    (tmp_path / "ARM_Parameters.xml").unlink()
    expected = positions(tmp_path, on_arm=constant("roty", 5))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_parameter_file_of_the_same_version_comes_first(tmp_path: Path) -> None:
    path = definition(tmp_path).rename(tmp_path / "ARM_Definition_2019.xml")
    (tmp_path / "apart").mkdir()
    link = '<component-link name="arm1">{}</component-link>'
    beside(path, link.format(constant("roty", 5)))
    expected = positions(tmp_path / "apart", on_arm=constant("roty", 5))
    np.testing.assert_allclose(read_definition(path).position_m, expected, atol=1e-12)
    beside(path, link.format(constant("rotx", 5)), "ARM_Parameters_2019.xml")
    expected = positions(tmp_path / "apart", on_arm=constant("rotx", 5))
    np.testing.assert_allclose(read_definition(path).position_m, expected, atol=1e-12)


def test_a_damaged_parameter_file_is_not_applied_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ARM_Parameters.xml").write_text("<parameter-file>")
    positions(tmp_path)
    assert "ARM_Parameters.xml is not applied: no well-formed XML" in caplog.text


@pytest.mark.mantid
def test_a_parameter_file_moves_what_it_moves_in_mantid(tmp_path: Path) -> None:
    path = definition(tmp_path, on_arm=constant("roty", 70), on_table=constant("x", 0.3))
    beside(
        path,
        f'<component-link name="arm1">{constant("roty", 5)}{constant("y", 2)}</component-link>'
        f'<component-link name="table/arm1/eye">{constant("z", 1)}</component-link>'
        f'<component-link id="4">{constant("x", 1)}</component-link>',
    )
    here, there = read_definition(path), load_instrument(imported(), path)
    order = np.argsort(there.detector_id)
    np.testing.assert_allclose(there.position_m[order], here.position_m, rtol=0, atol=1e-9)


@pytest.mark.mantid
@pytest.mark.parametrize(
    "inside",
    [
        {"on_arm": constant("y", -1.5) + constant("rotx", 33)},
        {"on_location": constant("x", 2), "on_table": constant("z", 3) + constant("rotz", 12)},
        {
            "on_arm": "".join(
                constant(f"{c}-position", v) for c, v in zip("rtp", (2, 70, 50), strict=True)
            )
        },
        {"on_arm": constant("r-position", 2) + constant("x", 1), "on_table": constant("roty", 7)},
        {"on_table": constant("scalex", 2) + constant("rotx", 9)},
        {"links": f'<component-link name="eye">{constant("z", 4)}</component-link>'},
        {"links": f'<component-link id="3">{constant("y", 4)}</component-link>'},
        {"links": f'<component-link name="ARM/table/arm1">{constant("y", 4)}</component-link>'},
        {"links": f'<component-link name="ARM/eye">{constant("y", 4)}</component-link>'},
        {"links": f'<component-link name="table/table/eye">{constant("y", 4)}</component-link>'},
        {"on_arm": constant("rot", 40) + constant("t-position", 8) + constant("scalez", 3)},
        {"on_arm": followed("x", "nothing") + constant("y", 0.5)},
    ],
    ids=str,
)
def test_what_moves_is_where_mantid_has_it(tmp_path: Path, inside: dict[str, str]) -> None:
    path = definition(tmp_path, **inside)
    here, there = read_definition(path), load_instrument(imported(), path)
    order = np.argsort(there.detector_id)
    np.testing.assert_allclose(there.position_m[order], here.position_m, rtol=0, atol=1e-9)
    assert there.l1_m == pytest.approx(here.l1_m, abs=1e-9)
