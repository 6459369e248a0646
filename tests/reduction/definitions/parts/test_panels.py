"""Grids of detectors, neutronic positions, and numbers as Mantid reads them."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from reduction.definitions.from_mantid import load_instrument
from reduction.definitions.idf_reader import read_definition
from reduction.instrument.geometry import Instrument
from tests.support.engines.tried import imported

ENDS = """
<component type="source"><location z="-12"/></component><type name="source" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/>
<type name="pixel" is="detector"/>
"""
GRID = """<component type="block" {ids}><location z="2" rot="90" name="block"/></component>
<type name="block" is="{word}" type="pixel" xpixels="2" xstart="-1" xstep="1"
 ypixels="3" ystart="0.5" ystep="0.25" zpixels="4" zstart="3" zstep="2"/>"""


def written(folder: Path, body: str, defaults: str = "") -> Path:
    path = folder / "PANELS_Definition.xml"
    path.write_text(
        f'<instrument name="PANELS" valid-from="1990-01-01 00:00:00">{defaults}{ENDS}{body}'
        "</instrument>"
    )
    return path


def places(made: Instrument) -> dict[int, list[float]]:
    rounded = np.round(made.position_m, 12) + 0.0
    return dict(zip(made.detector_id.tolist(), rounded.tolist(), strict=True))


@pytest.mark.parametrize("word", ["GridDetector", "grid_detector", "griddetector"])
@pytest.mark.parametrize("order", ["".join(each) for each in itertools.permutations("xyz")])
def test_pixels_of_a_grid_have_ids_in_the_order_that_is_told(
    tmp_path: Path, order: str, word: str
) -> None:
    ids = f'idstart="100" idfillorder="{order}" idstepbyrow="10"'
    found = places(read_definition(written(tmp_path, GRID.format(ids=ids, word=word))))
    size = dict(zip("xyz", (2, 3, 4), strict=True))
    for x, y, z in itertools.product(*(range(each) for each in size.values())):
        place = {"x": x, "y": y, "z": z}
        fast, slow, slowest = (place[axis] for axis in order)
        number = 100 + fast + 10 * slow + 10 * size[order[1]] * slowest
        expected = [-(0.5 + 0.25 * y), -1 + x, 2 + 3 + 2 * z]
        assert found[number] == pytest.approx(expected)
    assert len(found) == 24


def test_a_grid_without_pixels_along_z_is_one_plane(tmp_path: Path) -> None:
    body = GRID.format(ids='idstart="1" idfillorder="yxz"', word="GridDetector")
    found = places(read_definition(written(tmp_path, body.replace('zpixels="4"', ""))))
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert {z for _, _, z in found.values()} == {5}


MESH = """<component type="fan" {ids}><location x="1" name="fan"><facing x="5" y="0" z="0"/>
</location></component>
<type name="fan" is="{word}" type="pixel" xpixels="2" ypixels="1">
<vertex x="0" y="0"/><vertex x="1" y="0"/><vertex x="3" y="0"/>
<vertex x="0" y="1"/><vertex x="2" y="1"/><vertex x="4" y="1"/></type>"""


@pytest.mark.parametrize("word", ["StructuredDetector", "structured_detector"])
def test_pixels_of_a_structured_detector_are_amid_their_corners(tmp_path: Path, word: str) -> None:
    body = MESH.format(ids='idstart="7"', word=word)
    found = places(read_definition(written(tmp_path, body)))
    assert found == {7: [1 + 0.75, 0.5, 0], 8: [1 + 2.5, 0.5, 0]}


def test_what_fills_first_other_than_y_is_x_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = """<component type="flat" idstart="1" {}><location z="1"/></component>
        <type name="flat" is="rectangular_detector" type="pixel" xpixels="2" xstart="0" xstep="1"
        ypixels="2" ystart="0" ystep="1"/>"""
    by_x = places(read_definition(written(tmp_path, body.format('idfillbyfirst="x"'))))
    assert not caplog.records
    for word in ("n", "Y", ""):
        caplog.clear()
        path = written(tmp_path, body.format(f'idfillbyfirst="{word}"'))
        assert places(read_definition(path)) == by_x
        assert f"idfillbyfirst = '{word}' is read as x" in caplog.text


def test_what_follows_a_number_is_ignored_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = """<component type="arm" idlist="a"><location x="2.5m" rot="-90/0"/></component>
        <type name="arm"><component type="pixel"><location x="1e-1x"/></component></type>
        <idlist idname="a"><id val="12.0"/></idlist>"""
    found = places(read_definition(written(tmp_path, body)))
    assert found == {12: [2.5, -0.1, 0]}
    for words in (
        "<location>: x = '2.5m' is read as 2.5",
        "<location>: rot = '-90/0' is read as -90",
        "<location>: x = '1e-1x' is read as 1e-1",
        "<id>: val = '12.0' is read as 12",
    ):
        assert words in caplog.text


@pytest.mark.parametrize("text", ["0x10", "1_000", "-", "m", "1e999", "١"])
def test_what_does_not_begin_with_a_number_is_refused(tmp_path: Path, text: str) -> None:
    body = f"""<component type="pixel" idlist="a"><location x="{text}"/></component>
        <idlist idname="a"><id val="1"/></idlist>"""
    with pytest.raises(ValueError, match=r"<location>: x = .* is no number, or huge"):
        read_definition(written(tmp_path, body))


INDIRECT = "<defaults><indirect-neutronic-positions/></defaults>"
ANALYSER = """<component type="tubes" idlist="a"><location z="1" rot="90">
<neutronic y="3" rot="-90" axis-x="1" axis-z="0"/></location></component>
<type name="tubes"><component type="pixel"><location x="0.1"><neutronic x="0.2"/></location>
<location x="0.3"/><location y="0.4"><neutronic y="0.5" type="thin"/></location></component>
</type><type name="thin"/>
<idlist idname="a" start="1" end="3"/>"""


def test_neutronic_positions_replace_the_others_where_they_are_meant_to(tmp_path: Path) -> None:
    built = places(read_definition(written(tmp_path, ANALYSER)))
    assert built == {1: [0, 0.1, 1], 2: [0, 0.3, 1], 3: [-0.4, 0, 1]}
    # By the rotation of the location, then by its own; a detector without one is left out.
    indirect = places(read_definition(written(tmp_path, ANALYSER, INDIRECT)))
    assert indirect == {1: [0, 3.2, 0], 3: [0, 3, -0.5]}


NEUTRONIC_GRID = GRID.replace(
    "/></component>", '><neutronic x="5" rot="30"/></location></component>', 1
)


def test_neutronic_positions_of_panels_have_no_effect_as_in_mantid(tmp_path: Path) -> None:
    ids = 'idstart="100" idfillorder="zxy"'
    panel = GRID.format(ids=ids, word="GridDetector")
    neutronic = NEUTRONIC_GRID.format(ids=ids, word="GridDetector")
    assert neutronic != panel
    expected = places(read_definition(written(tmp_path, panel)))
    assert places(read_definition(written(tmp_path, neutronic, INDIRECT))) == expected


FACED = '<components-are-facing r="2" t="30" p="45"/>'
RADIANS = f'<defaults><angle unit="radian"/>{FACED}</defaults>'
SEEN = """<component type="arm" idlist="a"><location x="1" z="-1"/></component>
<type name="arm"><component type="pixel"><location x="0.2" y="0.1"/></component></type>
<idlist idname="a"><id val="1"/></idlist>"""


def test_the_point_that_all_components_face_is_in_degrees_as_in_mantid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    degrees = places(read_definition(written(tmp_path, SEEN, f"<defaults>{FACED}</defaults>")))
    assert not caplog.records
    assert places(read_definition(written(tmp_path, SEEN, RADIANS))) == degrees
    assert "<components-are-facing>: its angles are read in degrees, as by Mantid" in caplog.text


def test_where_a_picture_shows_a_component_moves_nothing(tmp_path: Path) -> None:
    body = """<component type="pixel" idlist="a"><location x="1" z="2"/>
        <side-by-side-view-location x="-3" y="4"/></component>
        <idlist idname="a"><id val="1"/></idlist>"""
    assert places(read_definition(written(tmp_path, body))) == {1: [1, 0, 2]}


def test_in_a_left_handed_frame_positions_are_those_of_the_file(tmp_path: Path) -> None:
    body = """<component type="pixel" idlist="a"><location x="1" y="2" z="3"/></component>
        <idlist idname="a"><id val="1"/></idlist>"""
    left = '<defaults><reference-frame><handedness val="left"/></reference-frame></defaults>'
    assert places(read_definition(written(tmp_path, body, left))) == {1: [1, 2, 3]}


def test_of_two_sources_the_first_one_counts_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = """<component type="pixel" idlist="a"><location x="1"/></component>
        <idlist idname="a"><id val="1"/></idlist>
        <component type="target"><location z="-99"/></component><type name="target" is="source"/>"""
    assert read_definition(written(tmp_path, body)).l1_m == 12
    assert '<component type="target"> is a second source: the first one counts' in caplog.text


DELTA = '<defaults><offsets spherical="delta"/></defaults>'
STEPS = """<component type="arm" idlist="a"><location {at}><trans r="1" t="10" p="5">
<rot val="30"><trans {then}/></rot></trans></location></component>
<type name="arm"><component type="pixel"><location r="0.5" t="3" p="-20"/></component></type>
<idlist idname="a"><id val="1"/></idlist>"""


def test_offsets_of_moves_are_added_to_those_of_the_component(tmp_path: Path) -> None:
    body = STEPS.format(at='r="2" t="30" p="15"', then='r="0.25" t="5" p="10"')
    (position,) = places(read_definition(written(tmp_path, body, DELTA))).values()
    # By moves, whose vectors are turned with the component.
    assert np.linalg.norm(position) == pytest.approx(3.75, abs=0.2)


BESIDE = """<component type="arm" idlist="a"><location x="1">{}</location></component>
<type name="arm"><component type="pixel"><location x="2"/></component></type>
<idlist idname="a"><id val="1"/></idlist>"""


def test_of_moves_beside_each_other_one_counts_and_it_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for moves, at, told in (
        ('<rot val="90"/><trans y="5"/><trans y="7"/>', [3, 5, 0], "a <trans>"),
        ('<rot val="90"/><rot val="45"/>', [1, 2, 0], "a <rot>"),
    ):
        caplog.clear()
        assert places(read_definition(written(tmp_path, BESIDE.format(moves)))) == {1: at}
        assert f"<location>: of several <rot> and <trans> in it only one counts, {told}" in (
            caplog.text
        )


def test_a_source_whose_place_is_told_by_a_log_alone_is_refused_with_its_log(
    tmp_path: Path,
) -> None:
    body = """<component type="pixel" idlist="a"><location x="1"/></component>
        <idlist idname="a"><id val="1"/></idlist>"""
    path = written(tmp_path, body)
    moved = '<location/><parameter name="z"><logfile id="msd" eq="-0.001*value"/></parameter>'
    path.write_text(path.read_text().replace('<location z="-12"/>', moved))
    with pytest.raises(
        ValueError, match=r"comes from 0, 0, 0 m; its place follows the log msd: see --logs"
    ):
        read_definition(path)
    assert read_definition(path, {"msd": 40000}).l1_m == 40


@pytest.mark.mantid
@pytest.mark.parametrize(
    ("body", "defaults"),
    [
        (GRID.format(ids='idstart="100" idfillorder="zxy"', word="GridDetector"), ""),
        (
            GRID.format(
                ids='idstart="100" idfillorder="yzx" idstepbyrow="50" idstep="3"',
                word="grid_detector",
            ),
            "",
        ),
        (MESH.format(ids='idstart="7" idfillbyfirst="n"', word="StructuredDetector"), ""),
        (ANALYSER, ""),
        (SEEN, RADIANS),
        (ANALYSER, INDIRECT),
        (
            NEUTRONIC_GRID.format(ids='idstart="100" idfillorder="zxy"', word="GridDetector"),
            INDIRECT,
        ),
        (BESIDE.format('<rot val="90"/><trans y="5"/><trans y="7"/>'), ""),
        (BESIDE.format('<rot val="90"/><rot val="45"/>'), ""),
        (STEPS.format(at='r="2" t="30" p="15"', then='r="0.25" t="5" p="10"'), DELTA),
        (STEPS.format(at='r="2" t="30" p="15"', then='x="0.25" y="-0.5"'), DELTA),
        (STEPS.format(at='x="2" z="1"', then='r="0.25" t="5" p="10"'), DELTA),
        (STEPS.format(at='r="2" t="30" p="15"', then='r="0.25" t="5" p="10"'), ""),
        (
            '<component type="pixel" idlist="a"><location x="2.5m" rot="-90/0"/></component>'
            '<idlist idname="a"><id val="12.0"/></idlist>',
            "",
        ),
    ],
    ids=str,
)
def test_pixels_are_where_mantid_has_them(tmp_path: Path, body: str, defaults: str) -> None:
    path = written(tmp_path, body, defaults)
    here, there = read_definition(path), load_instrument(imported(), path)
    order = np.argsort(there.detector_id)
    assert there.detector_id[order].tolist() == here.detector_id.tolist()
    np.testing.assert_allclose(there.position_m[order], here.position_m, rtol=0, atol=1e-9)


def test_a_large_panel_is_read_in_little_more_memory_than_its_positions(tmp_path: Path) -> None:
    side = 1000
    body = f"""<component type="wide" idstart="1"><location z="2" rot="30"/></component>
    <type name="wide" is="rectangular_detector" type="pixel" xpixels="{side}" xstep="0.001"
     ypixels="{side}" ystep="0.001"/>"""
    path = written(tmp_path, body)
    read_definition(path)
    tracemalloc.start()
    try:
        made = read_definition(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.detector_id.size == side**2
    assert peak < 24 * side**2 * 2.2


def test_numbers_of_pixels_have_no_effect_on_components_and_places_and_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = 'xpixels="3" ypixels="2"'
    body = f"""<component type="pixel" idlist="a" {pixels}><location z="2" {pixels}/></component>
    <idlist idname="a"><id val="7"/></idlist>"""
    made = read_definition(written(tmp_path, body))
    assert places(made) == {7: [0, 0, 2]}
    for each in ("component", "location"):
        assert f"<{each}" in caplog.text
    assert caplog.text.count("ypixels has no effect here") == 2
