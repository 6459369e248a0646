"""Places that definitions leave to chance in Mantid, and those next to them that they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.definitions.idf_reader import read_definition
from reduction.instrument.geometry import Instrument

ENDS = """
<component type="source"><location z="-12"/></component><type name="source" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/>
<type name="pixel" is="detector"/>
<type name="panel" is="rectangular_detector" type="pixel" xpixels="2" xstart="0.1" xstep="0.1"
 ypixels="1" ystart="0.5"/>
"""
FACING = '<defaults><components-are-facing x="0" y="0" z="0"/></defaults>'


def read(tmp_path: Path, body: str, defaults: str = "") -> Instrument:
    path = tmp_path / "MADE_Definition.xml"
    path.write_text(
        f'<instrument name="MADE" valid-from="2020-01-01">{defaults}{ENDS}{body}</instrument>'
    )
    return read_definition(path)


def arm(location: str) -> str:
    return f"""<component type="arm">{location}</component><type name="arm">
        <component type="panel" idstart="1"><location z="-2"/></component></type>"""


COS, SIN = np.cos(np.radians(30)), np.sin(np.radians(30))


@pytest.mark.parametrize(
    ("location", "first"),
    [
        ("<location/>", [-0.1, 0.5, -2]),
        ('<location rot="30"/>', [-0.1 * COS - 0.5 * SIN, 0.5 * COS - 0.1 * SIN, -2]),
        (
            '<location rot="30" axis-x="0" axis-y="1" axis-z="0"/>',
            [-0.1 * COS - 2 * SIN, 0.5, 0.1 * SIN - 2 * COS],
        ),
    ],
    ids=["straight", "about z", "about y"],
)
def test_what_faces_its_point_after_half_a_turn_turns_about_y(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, location: str, first: list[float]
) -> None:
    made = read(tmp_path, arm(location), FACING)
    np.testing.assert_allclose(made.position_m[0], first, atol=1e-12)
    assert "half a turn about y, as in Mantid before 4.0" in caplog.text


def test_half_a_turn_about_an_axis_that_rounding_decides_is_refused(tmp_path: Path) -> None:
    tilted = '<location rot="30" axis-x="1" axis-y="0" axis-z="0"/>'
    with pytest.raises(ValueError, match='type="panel">: it faces its point after half a turn'):
        read(tmp_path, arm(tilted), FACING)
    one = """<component type="arm" idlist="a"><location rot="30" axis-x="1" axis-y="0" axis-z="0"/>
        </component><type name="arm"><component type="pixel"><location z="-2"/></component></type>
        <idlist idname="a"><id val="7"/></idlist>"""
    made = read(tmp_path, one, FACING)  # how a pixel is turned moves nothing
    np.testing.assert_allclose(made.position_m, [[0, 2 * SIN, -2 * COS]], atol=1e-12)


def scaled(outer: str, inner: str, place: str) -> str:
    return f"""<component type="arm"><location z="2"/>{outer}</component><type name="arm">
        <component type="panel" idstart="1"><location {place}/>{inner}</component></type>"""


def factor(name: str, value: float) -> str:
    return f'<parameter name="{name}"><value val="{value}"/></parameter>'


def test_a_scale_within_a_scale_is_read_where_the_order_of_both_does_not_matter(
    tmp_path: Path,
) -> None:
    twice = factor("scalex", 2), factor("scalex", 3) + factor("scaley", 5)
    made = read(tmp_path, scaled(*twice, 'z="1"'))
    np.testing.assert_allclose(made.position_m, [[0.6, 2.5, 3], [1.2, 2.5, 3]])
    for place in 'x="0.1" z="1"', 'z="1" rot="20"':
        with pytest.raises(ValueError, match='type="panel">: it is scaled about another point'):
            read(tmp_path, scaled(*twice, place))
    across = factor("scaley", 2), factor("scalex", 3)
    made = read(tmp_path, scaled(*across, 'x="0.1" z="1"'))
    np.testing.assert_allclose(made.position_m[0], [0.1 + 3 * 0.1, 1.0, 3])


DELTA = """<defaults><offsets spherical="delta"/><indirect-neutronic-positions/></defaults>"""


def neutronic(outer: str, place: str, inner: str) -> str:
    return f"""<component type="arm" idlist="a"><location r="1" t="90">{outer}</location>
        </component><type name="arm"><component type="pixel"><location {place}>
        <neutronic {inner}/></location></component></type>
        <idlist idname="a"><id val="7"/></idlist>"""


def at(r: float, degrees: float) -> list[float]:
    return [r * np.sin(np.radians(degrees)), 0, r * np.cos(np.radians(degrees))]


@pytest.mark.parametrize(
    ("outer", "place", "inner", "expected"),
    [
        # r = 1 + 2 + 3 and t = 90 - 30 + 10 from r = 1 + 2 and t = 90 - 30, in the place of the arm
        ("", 'r="2" t="-30"', 'r="3" t="10"', np.add(at(1, 90), np.subtract(at(6, 70), at(3, 60)))),
        ("", 'x="1"', 'r="3" t="10"', np.add(at(1, 90), np.subtract(at(4, 100), at(1, 90)))),
        ("", 'r="2" t="-30"', 'x="0.5"', np.add(at(1, 90), [0.5, 0, 0])),
        ('<neutronic z="7"/>', 'x="1"', 'r="3"', np.add([0, 0, 7], at(3, 90))),
    ],
    ids=["own angles", "of the parent", "no angles", "the parent moves"],
)
def test_neutronic_offsets_add_to_the_angles_of_the_place_that_is_seen(
    tmp_path: Path, outer: str, place: str, inner: str, expected: list[float]
) -> None:
    made = read(tmp_path, neutronic(outer, place, inner), DELTA)
    np.testing.assert_allclose(made.position_m, [expected], atol=1e-12)


def test_neutronic_offsets_to_angles_that_may_be_neutronic_are_refused(tmp_path: Path) -> None:
    body = neutronic('<neutronic r="2" t="5"/>', 'x="1"', 'r="3" t="10"')
    with pytest.raises(ValueError, match="adds to angles of its parent, which has neutronic ones"):
        read(tmp_path, body, DELTA)
    read(tmp_path, body.replace('x="1"', 'r="1"'), DELTA)


LINKED = """<component type="pixel" idlist="a"><location z="1" name="one"/></component>
<idlist idname="a"><id val="7"/></idlist><component-link name="one"><parameter name="x">{}
</parameter></component-link>"""


@pytest.mark.parametrize(
    ("values", "x"),
    [
        ('<value val="1" valid-to="2010-01-01"/><value val="2" valid-from="2010-01-02"/>', 2),
        ('<value val="2" valid-from="2010-01-02 10:00:00"/><value val="1"/>', 2),
        ('<value val="1"/><value val="2" valid-from="9000-01-01T00:00:00Z"/>', 1),
        (
            '<value val="1" valid-from="2001-01-01"/>'
            '<value val="2" valid-from="2001-01-01" valid-to="9000-01-01"/>',
            2,
        ),
        ('<value val="3"/><value val="3"/>', 3),
    ],
    ids=["the later one", "since then", "not yet", "the shorter one", "the same twice"],
)
def test_of_several_values_that_counts_which_holds_now(
    tmp_path: Path, values: str, x: float
) -> None:
    made = read(tmp_path, LINKED.format(values))
    assert made.position_m.tolist() == [[x, 0, 1]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ('<value val="1"/><value val="2"/>', "2 values, which differ"),
        ('<value val="1" valid-to="2010-01-01"/>', "none of its values is valid now"),
        ('<value val="1" valid-from="yesterday"/>', "valid-from = 'yesterday' is no time, like"),
    ],
)
def test_values_of_which_none_counts_for_certain_are_refused(
    tmp_path: Path, values: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        read(tmp_path, LINKED.format(values))
