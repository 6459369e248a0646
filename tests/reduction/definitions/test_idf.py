"""Mantid's instrument definitions, read without Mantid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from reduction.definitions.idf_reader import read_definition
from reduction.definitions.sources import read_instrument
from reduction.instrument.geometry import Instrument
from tests.support.engines import reference_data as reference

COLUMNS = (
    *("detector_id", "position_m", "is_monitor", "l1_m"),
    *("l2_m", "two_theta_rad", "difc_us_per_angstrom"),
)
ENDS = """
<component type="source"><location z="-20"/></component><type name="source" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/>
<type name="pixel" is="detector"/><type name="monitor" is="Monitor"/>
"""
PIXEL = '<component type="pixel" idlist="a"><location x="1"/></component>'
ONE_ID = '<idlist idname="a"><id val="7"/></idlist>'


def read(tmp_path: Path, body: str, ends: str = ENDS) -> Instrument:
    path = tmp_path / "MADE_Definition.xml"
    path.write_text(f'<instrument name="MADE" valid-from="2020-01-01">{ends}{body}</instrument>')
    return read_definition(path)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", reference.NAMES)
def test_a_definition_gives_what_mantid_makes_of_it(name: str, column: str) -> None:
    found = getattr(read_instrument(str(reference.FOLDER / f"{name}.xml")), column)
    expected = reference.table(f"geometry_{name}")[column]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_banks_are_of_panels_and_of_components_right_below_the_instrument() -> None:
    panels, arc = (read_definition(reference.FOLDER / f"{name}.xml") for name in ("panels", "arc"))
    assert (panels.name, panels.bank_names) == ("PANELS", ("bank90", "bank150"))
    assert np.bincount(panels.bank + 1).tolist() == [1, 384, 400]
    assert arc.bank_names == ("arc",)
    assert not arc.bank.any()


def test_the_outermost_component_that_is_called_bank_is_the_bank(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        """
        <component type="all" idlist="a"><location/></component>
        <type name="all"><component type="bank7"><location x="1"/><location x="2" name="Bank8"/>
        </component><component type="pixel"><location x="3"/></component></type>
        <type name="bank7"><component type="bank7-tube"><locations y="0" y-end="1" n-elements="2"/>
        </component></type>
        <type name="bank7-tube"><component type="pixel"><location z="1"/></component></type>
        <idlist idname="a"><id start="1" end="5"/></idlist>""",
    )
    assert made.bank_names == ("bank7", "Bank8", "all")
    assert made.bank.tolist() == [0, 0, 1, 1, 2]
    assert made.position_m[3].tolist() == [2, 1, 1]


def test_names_of_banks_can_be_written_in_lists_of_groups(tmp_path: Path) -> None:
    ids = ONE_ID.replace("7", "8").replace('"a"', '"b"')
    body = '<component type="pixel" idlist="{}" name="{}"><location x="1"/></component>'
    made = read(tmp_path, body.format("a", "90 deg, a:b") + body.format("b", "3") + ONE_ID + ids)
    assert made.bank_names == ("90_deg__a_b", "bank3")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ('<id start="4" end="8" step="2"/>', [4, 6, 8]),
        ('<id start="9" end="7" step="-1"/>', [7, 8, 9]),
        ('<id val="-1"/><id start="5"/><id val="3"/>', [-1, 3, 5]),
    ],
)
def test_ids_are_given_out_in_the_order_of_the_list(
    tmp_path: Path, ids: str, expected: list[int]
) -> None:
    component = '<component type="pixel" idlist="a"><locations x="1" x-end="3" n-elements="3"/>'
    made = read(tmp_path, f'{component}</component><idlist idname="a">{ids}</idlist>')
    assert made.detector_id.tolist() == expected
    place = {-1: 1, 5: 2, 3: 3, 4: 1, 6: 2, 8: 3 if 4 in expected else 2, 9: 1, 7: 3}
    assert made.position_m[:, 0].tolist() == [place[each] for each in expected]


def test_an_inner_idlist_takes_over_and_keeps_on(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        """
        <component type="all" idlist="a"><location/></component>
        <type name="all"><component type="pixel"><location x="1"/></component>
        <component type="pixel" idlist="b"><location x="2"/></component>
        <component type="pixel"><location x="3"/></component></type>
        <idlist idname="a"><id val="1"/></idlist><idlist idname="b" start="2" end="3"/>""",
    )
    assert made.position_m[:, 0].tolist() == [1, 2, 3]


def test_monitors_are_known_in_any_case_and_when_they_are_marked(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        """
        <component type="monitor" idlist="a"><location z="-2"/></component>
        <component type="pixel" idlist="b" mark-as="monitor"><location z="-1"/></component>
        <component type="pixel" idlist="c"><location x="1"/></component>
        <idlist idname="a" start="1"/><idlist idname="b" start="2"/><idlist idname="c" start="3"/>
        """,
    )
    assert made.is_monitor.tolist() == [True, True, False]
    assert made.bank.tolist() == [-1, -1, 0]


def test_positions_are_from_the_sample_with_z_along_the_beam(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        f"""<defaults><reference-frame><along-beam axis="x"/><pointing-up axis="z"/>
        </reference-frame></defaults>
        <component type="source"><location x="-10" y="1"/></component>
        <type name="source" is="source"/>
        <component type="sample"><location x="5" y="1"/></component>
        <type name="sample" is="samplePos"/><type name="pixel" is="Detector"/>
        <component type="pixel" idlist="a"><location x="5.5" y="3" z="4"/></component>{ONE_ID}""",
        ends="",
    )
    assert made.l1_m == 15
    assert made.position_m.tolist() == [[2, 4, 0.5]]


def test_angles_may_be_in_radians_and_offsets_to_those_of_the_parent(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        f"""<defaults><angle unit="radian"/><offsets spherical="delta"/></defaults>
        <component type="arm" idlist="a"><location r="1" t="0.5" p="0.1"/></component>
        <type name="arm"><component type="pixel"><location r="2" t="0.25" p="0.1"/></component>
        </type>{ONE_ID}""",
    )
    ((x, y, z),) = made.position_m
    assert np.allclose([np.hypot(x, y) / z, y / x], [np.tan(0.75), np.tan(0.2)])
    assert np.allclose(made.l2_m, 3)


def test_what_faces_the_sample_turns_its_parts_with_it(tmp_path: Path) -> None:
    panel = """<type name="panel"><component type="pixel"><location x="0.1"/></component></type>
        <component type="panel" idlist="a"><location x="2">{}</location></component>"""
    facing = read(tmp_path, panel.format('<facing x="0" y="0" z="0"/>') + ONE_ID)
    np.testing.assert_allclose(facing.position_m, [[2, 0, -0.1]], atol=1e-15)
    default = '<defaults><components-are-facing x="0" y="0" z="0"/></defaults>'
    everything = read(tmp_path, default + panel.format("") + ONE_ID)
    np.testing.assert_allclose(everything.position_m, facing.position_m)
    otherwise = read(tmp_path, default + panel.format('<facing val="none"/>') + ONE_ID)
    np.testing.assert_allclose(otherwise.position_m, [[2.1, 0, 0]])


def test_what_is_excluded_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = """<component type="all" idlist="a"><location><exclude sub-part="{}"/></location>
        </component><type name="all"><component type="pixel"><location x="1" name="one"/>
        <location x="2" name="two"/></component></type>"""
    assert read(tmp_path, body.format("one") + ONE_ID).position_m.tolist() == [[2, 0, 0]]
    two_ids = '<idlist idname="a" start="1" end="2"/>'
    assert read(tmp_path, body.format("three") + two_ids).position_m.tolist() == [
        [1, 0, 0],
        [2, 0, 0],
    ]
    assert "<exclude> of three, which is not in it" in caplog.text


@pytest.mark.parametrize(
    ("attributes", "ids"),
    [
        ('idstart="10"', [10, 11, 12, 13, 14, 15]),
        ('idstart="10" idfillbyfirst="x"', [10, 13, 11, 14, 12, 15]),
        ('idstart="10" idstepbyrow="100" idstep="2"', [10, 12, 110, 112, 210, 212]),
    ],
)
def test_pixels_of_a_panel_have_ids_by_column_or_by_row(
    tmp_path: Path, attributes: str, ids: list[int]
) -> None:
    made = read(
        tmp_path,
        f"""<component type="panel" {attributes}><location z="1" name="p"/></component>
        <type name="panel" is="RectangularDetector" type="pixel"
         xpixels="3" xstart="-1" xstep="1" ypixels="2" ystart="0" ystep="0.5"/>""",
    )
    place = dict(zip(made.detector_id.tolist(), made.position_m.tolist(), strict=True))
    expected = [[x, y, 1] for x in (-1, 0, 1) for y in (0, 0.5)]
    assert [place[each] for each in ids] == expected


numbers = st.floats(-3, 3).map(lambda x: round(x, 3))
angles = st.floats(-180, 180).map(lambda x: round(x, 3))
axes = st.tuples(numbers, numbers, numbers).filter(lambda v: np.linalg.norm(v) > 0.01)
steps = st.tuples(st.tuples(numbers, numbers, numbers), angles, axes, angles, axes)


@given(st.lists(steps, min_size=1, max_size=5))
def test_nested_places_are_those_of_plain_rotations(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    body, position, turned = "", np.zeros(3), Rotation.identity()
    for depth, ((x, y, z), angle, axis, inner, about) in enumerate(steps):
        inside = f"t{depth}" if depth else None
        component = (
            f'<component type="t{depth + 1}" {"" if depth else "idlist=" + repr("a")}>'
            f'<location x="{x}" y="{y}" z="{z}" rot="{angle}" {_axis(axis)}>'
            f'<rot val="{inner}" {_axis(about)}/></location></component>'
        )
        body += f'<type name="{inside}">{component}</type>' if inside else component
        position = position + turned.apply([x, y, z])
        turned = turned * _rotation(angle, axis) * _rotation(inner, about)
    last = '<component type="pixel"><location x="0.5" y="0.25"/></component>'
    body += f'<type name="t{len(steps)}">{last}</type>{ONE_ID}'
    made = read(tmp_path_factory.mktemp("nested"), body)
    expected = position + turned.apply([0.5, 0.25, 0])
    np.testing.assert_allclose(made.position_m, [expected], atol=1e-12)


def _axis(axis: tuple[float, float, float]) -> str:
    return " ".join(f'axis-{name}="{value}"' for name, value in zip("xyz", axis, strict=True))


def _rotation(degrees: float, axis: tuple[float, float, float]) -> Rotation:
    return Rotation.from_rotvec(np.radians(degrees) * np.array(axis) / np.linalg.norm(axis))


def component(inside: str, more: str = "") -> str:
    return f'<component type="pixel" idlist="a" {more}>{inside}</component>{ONE_ID}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (component('<location x="one"/>'), "<location>: x = 'one' is no number"),
        (component('<location x="1e300"/>'), "x = '1e300' is no number, or huge"),
        (component('<location x="nan"/>'), "x = 'nan' is no number"),
        (component('<location x="1" r="1"/>'), "both r and x, y or z"),
        (component('<location ang="1"/>'), "ang is no rotation"),
        (component('<location spin="1"/>'), "<location>: attribute 'spin' is not understood"),
        (component("<location><shift/></location>"), "<shift> in it is not understood"),
        (component("<location><rot/><turn/></location>"), "<turn> in it is not understood"),
        (component('<location rot="1" axis-z="0"/>'), "rot about an axis of length 0"),
        (component('<locations x="1"/>'), "n-elements is 1 to 12500000, not 0"),
        (component('<locations n-elements="999999999"/>'), "n-elements is 1 to 12500000"),
        (component('<locations n-elements="2" x-end="1"/>'), "x-end without x"),
        (component('<locations n-elements="2" R="1"/>'), "attribute 'R' is not understood"),
        (component(""), '<component type="pixel"> has no <location>'),
        (component("<location/>", 'idorder="xyz"'), "attribute 'idorder'"),
        (component("<location/><location/>"), "idlist 'a' has 1 ids for 2 detectors"),
        (PIXEL, "no idlist is called 'a'"),
        (PIXEL + PIXEL + ONE_ID, "detector 7 stands twice"),
        (PIXEL + ONE_ID + ONE_ID, '<idlist idname="a"> stands twice'),
        (PIXEL + ONE_ID.replace('val="7"', 'start="1" end="2"'), "2 ids for 1 detectors"),
        (PIXEL + ONE_ID.replace('val="7"', 'start="1" end="4" step="2"'), "no ids from 1 to 4"),
        (PIXEL + ONE_ID.replace("7", "7000000000"), "val = 7000000000 does not fit 32 bits"),
        (PIXEL.replace("pixel", "pixl") + ONE_ID, "no type is called 'pixl'; did you mean pixel"),
        (
            '<type name="g" is="GridDetector"/><component type="g"><location/></component>',
            '<type name="g">: 0 by 0 by 1 pixels',
        ),
        (
            '<type name="s" is="StructuredDetector" xpixels="1" ypixels="2"/>'
            '<component type="s"><location/></component>',
            '<type name="s">: 1 by 2 pixels have 0 vertices, not 6',
        ),
        (
            '<type name="t"><component type="t"><location/></component></type>'
            '<component type="t"><location/></component>',
            '<type name="t"> holds itself',
        ),
        (
            PIXEL + ONE_ID + '<component-link name="x"><parameter name="r-position">'
            '<value val="2 m"/></parameter></component-link>',
            "<parameter name=\"r-position\">: val = '2 m' is no number",
        ),
        ('<defaults><length unit="inch"/></defaults>', "unit = 'inch' is not understood"),
        (
            '<defaults><angle unit="Radian"/></defaults>',
            "<angle>: unit = 'Radian' is not understood, but degree, radian; did you mean radian",
        ),
        (
            '<defaults><offsets spherical=" delta"/></defaults>',
            "<offsets>: spherical = ' delta' is not understood",
        ),
        (
            '<defaults><reference-frame><handedness val="odd"/></reference-frame></defaults>',
            "<handedness>: val = 'odd' is not understood, but right",
        ),
        (
            "<defaults><indirect-positions/></defaults>",
            "<indirect-positions> in it is not understood",
        ),
        ("<parts/>", "<parts> in it is not understood"),
        ("", "no detectors"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(ValueError, match="MADE_Definition") as refused:
        read(tmp_path, body)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (ENDS.replace("Source", "chopper"), 'no component has a type with is="Source"'),
        (ENDS.replace("SamplePos", "chopper"), 'no component has a type with is="SamplePos"'),
        (ENDS.replace("SamplePos", "Source"), 'no component has a type with is="SamplePos"'),
        (ENDS.replace('z="-20"', 'x="-20"'), "the beam is not along z: it comes from -20, 0, 0 m"),
        (ENDS.replace('z="-20"', 'z="20"'), "the beam is not along z"),
        (ENDS.replace('z="-20"', ""), "the beam is not along z"),
    ],
)
def test_an_instrument_without_its_beam_is_refused(tmp_path: Path, ends: str, words: str) -> None:
    with pytest.raises(ValueError, match="MADE_Definition") as refused:
        read(tmp_path, PIXEL + ONE_ID, ends)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<instrument>\n<type></instrument>", "no well-formed XML: mismatched tag: line 2"),
        ("", "no well-formed XML: no element found"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><instrument>&b;</instrument>', "<!DOCTYPE a> is not taken"),
        ("<parameter-file/>", "<parameter-file> is no <instrument>"),
        ('<?xml version="1.0" encoding="none"?><instrument/>', "no well-formed XML"),
    ],
)
def test_a_file_that_is_no_definition_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "odd.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match="odd") as refused:
        read_definition(path)
    assert words in str(refused.value)
    with pytest.raises(ValueError, match=r"absent\.xml: No such file"):
        read_definition(tmp_path / "absent.xml")
