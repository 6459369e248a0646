"""Components that are placed many times are where they would be if each were written by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.definitions.idf_reader import read_definition
from reduction.instrument.geometry import Instrument
from tests.support.cost import costs_at_most

ENDS = """
<component type="source"><location z="-20"/></component><type name="source" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/>
"""
PLACES = 5
X_M = np.linspace(0.5, 2.5, PLACES)
ROTATION = np.linspace(10, 90, PLACES)


def read(folder: Path, body: str, defaults: str = "") -> Instrument:
    path = folder / "MADE_Definition.xml"
    path.write_text(f"<instrument name='MADE'>{defaults}{ENDS}{body}</instrument>")
    return read_definition(path)


def arms(inside: str) -> str:
    """Two arms, each of which holds tubes as ``inside`` says, and a rotated arm in an arm."""
    return f"""
<component type="arm" idlist="all">
<location y="0.5" rot="20" axis-x="1" axis-z="0" name="up"/>
<location r="3" t="30" p="40" name="out"/></component>
<type name="arm"><component type="rack" name="rack">
<location z="1" rot="15"/></component>
{inside}</type>
<type name="rack">{inside}</type>"""


def one_by_one(more: str, in_location: str) -> str:
    """The tubes, each with a type of its own, which cannot be read with its neighbours."""
    places = zip(range(PLACES), X_M.tolist(), ROTATION.tolist(), strict=True)
    return "".join(
        f'<component type="tube{n}" name="tube{n}">{more}'
        f'<location x="{x!r}" rot="{angle!r}" axis-y="1" axis-z="0" name="tube{n}">{in_location}'
        f"</location></component>"
        for n, x, angle in places
    )


def listed(more: str, in_location: str) -> str:
    """The tubes as one component at several places."""
    places = zip(range(PLACES), X_M.tolist(), ROTATION.tolist(), strict=True)
    return (
        f'<component type="tube0" name="tube">{more}'
        + "".join(
            f'<location x="{x!r}" rot="{angle!r}" axis-y="1" axis-z="0" name="tube{n}">'
            f"{in_location}</location>"
            for n, x, angle in places
        )
        + "</component>"
    )


def types(pixel: str) -> str:
    return "".join(
        f'<type name="tube{n}"><component type="pixel">{pixel}</component></type>'
        for n in range(PLACES)
    )


ALL_IDS = f'<type name="pixel" is="detector"/><idlist idname="all" start="1" end="{PLACES * 12}"/>'
PIXELS = "".join(f'<location r="{n + 1}" t="{n * 20 + 5}" p="30"/>' for n in range(3))


def parameter(name: str, value: float) -> str:
    return f'<parameter name="{name}"><value val="{value}"/></parameter>'


LATER = parameter("z", 4)
FACING = '<defaults><components-are-facing x="0.1" y="0.2" z="-1"/></defaults>'
OFFSETS = '<defaults><offsets spherical="delta"/></defaults>'
NEUTRONIC = "<defaults><indirect-neutronic-positions/></defaults>"
SEEN = (
    '<location x="0.1"><neutronic x="0.3"/></location><location><neutronic r="1" t="9"/></location>'
)
KINDS = {
    "plain": ("", "", "", ""),
    "nested moves": ("", "", '<rot val="7"><trans x="0.1" y="0.2"/></rot>', ""),
    "facing": (FACING, "", "", ""),
    "facing each a point": ("", "", '<facing r="2" t="50" p="9" rot="3"/>', ""),
    "polar offsets": (OFFSETS, "", '<trans r="0.1" t="2" p="5"/>', ""),
    "moved by a parameter": ("", parameter("y", 0.25) + parameter("roty", 12), "", ""),
    "scaled": ("", parameter("scaley", 1.5), "", ""),
    "polar parameter": ("", parameter("r-position", 2) + parameter("t-position", 8), "", ""),
    "moved by name": (
        "",
        "",
        "",
        f'<component-link name="tube3">{parameter("z", 4)}</component-link>',
    ),
    "moved by path": (
        "",
        *("", ""),
        f'<component-link name="MADE/up/rack/tube2">{parameter("rotz", 40)}</component-link>',
    ),
    "moved by id": ("", "", "", f'<component-link id="17">{parameter("x", 9)}</component-link>'),
    "scaled by name": (
        *("", parameter("scalex", 2.0), ""),
        f'<component-link name="rack">{parameter("scaley", 3.0)}</component-link>',
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_places_of_one_component_are_those_of_as_many_components(tmp_path: Path, kind: str) -> None:
    defaults, more, in_location, links = KINDS[kind]
    alone, together = (
        read(tmp_path, arms(write(more, in_location)) + types(PIXELS) + ALL_IDS + links, defaults)
        for write in (one_by_one, listed)
    )
    assert np.array_equal(alone.detector_id, together.detector_id)
    np.testing.assert_allclose(together.position_m, alone.position_m, atol=1e-12)
    assert np.array_equal(alone.bank, together.bank)
    assert alone.bank_names == together.bank_names == ("up", "out")


def test_neutronic_places_of_one_component_are_those_of_as_many(tmp_path: Path) -> None:
    inside = '<neutronic x="0.2" z="1" rot="12"/>'
    ids = ALL_IDS.replace(str(PLACES * 12), str(PLACES * 8))
    alone, together = (
        read(tmp_path, arms(write("", inside)) + types(SEEN) + ids, NEUTRONIC)
        for write in (one_by_one, listed)
    )
    np.testing.assert_allclose(together.position_m, alone.position_m, atol=1e-12)


def test_places_between_two_ends_are_those_that_are_listed(tmp_path: Path) -> None:
    spanned = (
        f'<component type="tube0"><locations n-elements="{PLACES}" x="0.5" x-end="2.5" rot="10"'
        f' rot-end="90" axis-y="1" axis-z="0" name="tube"/></component>'
    )
    link = f'<component-link name="tube3">{parameter("z", 4)}</component-link>'
    one, other = (
        read(tmp_path, arms(inside) + types(PIXELS) + ALL_IDS + link)
        for inside in (spanned, listed("", ""))
    )
    np.testing.assert_allclose(one.position_m, other.position_m, atol=1e-12)


def test_banks_that_are_numbered_have_the_order_of_the_file(tmp_path: Path) -> None:
    body = """<component type="wall" idlist="all">
<locations n-elements="2" name="wall"/></component>
<type name="wall"><component type="tile"><locations n-elements="3" x="0" x-end="2" name="bank"
 name-count-start="7"/></component><component type="pixel"><location z="1"/></component></type>
<type name="tile"><component type="pixel"><location/></component></type>
<type name="pixel" is="detector"/><idlist idname="all" start="1" end="8"/>"""
    made = read(tmp_path, body)
    assert made.bank_names == ("bank7", "bank8", "bank9", "wall0", "wall1")
    assert made.bank.tolist() == [0, 1, 2, 3, 0, 1, 2, 4]


def test_numbers_of_names_rise_by_the_increment_that_is_told(tmp_path: Path) -> None:
    body = """<component type="tile" idlist="all"><locations n-elements="3" x="0" x-end="2"
 name="bank" name-count-start="7" name-count-increment="{}"/></component>
<type name="tile"><component type="pixel"><location/></component></type>
<type name="pixel" is="detector"/><idlist idname="all" start="1" end="3"/>"""
    link = "".join(
        f'<component-link name="{name}">{parameter("z", 4)}</component-link>'
        for name in ("bank8", "bank9", "bank13")
    )
    made = read(tmp_path, body.format(2) + link)
    assert made.bank_names == ("bank7", "bank9", "bank11")
    assert made.position_m.tolist() == [[0, 0, 0], [1, 0, 4], [2, 0, 0]]
    with pytest.raises(ValueError, match="name-count-increment is 0, not above 0"):
        read(tmp_path, body.format(0))


def test_a_list_that_an_inner_component_starts_goes_on_at_its_next_place(tmp_path: Path) -> None:
    body = """<component type="arm" idlist="first"><locations n-elements="3"/></component>
<type name="arm"><component type="pixel" {}><location/></component>
<component type="pixel" idlist="second"><location/></component></type>
<type name="pixel" is="detector"/>
<idlist idname="first" start="1" end="{}"/><idlist idname="second" start="11" end="{}"/>"""
    made = read(tmp_path, body.format("", 1, 15))
    assert made.detector_id.tolist() == [1, 11, 12, 13, 14, 15]
    with pytest.raises(ValueError, match="idlist 'first' starts again, so its ids stand twice"):
        read(tmp_path, body.format("idlist='first'", 3, 13))


def test_a_panel_at_two_places_is_refused_before_its_pixels_are_made(tmp_path: Path) -> None:
    body = """<component type="panel" idstart="1"><locations n-elements="2" x="0" x-end="1"/>
</component><type name="panel" is="rectangular_detector" xpixels="2000" ypixels="2000"/>"""
    with pytest.raises(ValueError, match="stand at 2 places, so their ids stand twice"):
        read(tmp_path, body)


MANY = 300_000
NESTED = f"""<component type="a" idlist="all">
<locations n-elements="100" x="0" x-end="5"/></component>
<type name="a"><component type="b"><locations n-elements="100" y="0" y-end="1"/></component></type>
<type name="b"><component type="c"><locations n-elements="30" z="1" z-end="2"/></component></type>
<type name="c"><component type="pixel"><location {{}}/></component></type>
<type name="pixel" is="detector"/><idlist idname="all" start="1" end="{MANY}"/>"""


@pytest.mark.parametrize(
    ("inside", "defaults"),
    [("", ""), ('rot="9"', FACING), ('r="1" t="3"', OFFSETS)],
    ids=["plain", "facing", "offsets"],
)
def test_a_small_file_that_places_many_components_is_read_soon(
    tmp_path: Path, inside: str, defaults: str
) -> None:
    with costs_at_most(5):  # it takes 0.1 to 0.4; 12 one by one
        made = read(tmp_path, NESTED.format(inside), defaults)
    assert made.detector_id.size == MANY


def test_assemblies_without_number_are_refused(tmp_path: Path) -> None:
    body = NESTED.format("").replace('n-elements="30"', 'n-elements="51"')
    with pytest.raises(ValueError, match="more than 500000 components that hold others"):
        read(tmp_path, body)


def test_components_that_are_all_different_are_refused_in_great_number(tmp_path: Path) -> None:
    places = "".join(f'<location {"xy"[n % 2]}="{n}"/>' for n in range(20_001))
    body = f"""<component type="pixel" idlist="all">{places}</component>
<type name="pixel" is="detector"/><idlist idname="all" start="1" end="20001"/>"""
    with pytest.raises(ValueError, match="more than 20000 groups of components that are not alike"):
        read(tmp_path, body)


def test_of_several_sources_the_first_in_the_file_counts_however_deep_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "MADE_Definition.xml"
    path.write_text(
        f"""<instrument name="MADE"><component type="box">
<locations n-elements="2" z="-7" z-end="-6"/></component>
<type name="box"><component type="source" name="inner"><location/></component></type>
{ENDS}<component type="pixel" idlist="all"><location z="1"/></component>
<type name="pixel" is="detector"/><idlist idname="all" start="1" end="1"/></instrument>"""
    )
    assert read_definition(path).l1_m == 7
    assert sorted(caplog.messages) == [
        f'{path}: <component name="inner"> is a second Source: the first one counts',
        f'{path}: <component type="source"> is a second Source: the first one counts',
    ]
