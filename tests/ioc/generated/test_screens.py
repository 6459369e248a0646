"""Operator screens: the generated ones are up to date, and all name what is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ioc.generated.bob import Box
from ioc.generated.panels import reader, writer
from ioc.generated.screens import HEIGHT, MACROS, WIDTH, files, write
from ioc.model.pvs import pv_rows
from reduction.parameters.specs import Array, Spec

OPI = Path(__file__).parents[3] / "opi"
SCREENS = sorted(OPI.rglob("*.bob"), key=str)
SERVED = {row.name for row in pv_rows("LIVE:")}
FRAME = (1350, 636)
"""Of the main screen: what Phoebus leaves of 1366 x 768."""


def tree(path: Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def resolved(text: str) -> str:
    for name, value in MACROS.items():
        text = text.replace(f"$({name})", value).replace(f"$({name}={value})", value)
    return text.replace("$(DID)", "1")


def test_the_committed_screens_are_the_generated_ones(tmp_path):
    for name, content in files().items():
        committed = (OPI / name).read_text(encoding="utf-8")
        assert committed == content, f"{name}: run `make docs`"
    write(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.bob")} == {*files()}


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_every_process_variable_that_a_screen_names_is_served(path):
    names = set()
    for each in tree(path).iter():
        if each.tag in ("pv_name", "x_pv", "y_pv", "err_pv") and each.text:
            formula = each.text.startswith("=")
            names |= set(re.findall(r"`([^`]+)`", each.text)) if formula else {each.text}
    named = {resolved(name) for name in names if not name.startswith("loc://")}
    assert named <= SERVED, named - SERVED


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_every_macro_of_a_screen_resolves_and_every_file_it_opens_is_there(path):
    assert "$(" not in resolved(path.read_text(encoding="utf-8"))
    for each in tree(path).iter("file"):
        assert (path.parent / (each.text or "")).is_file()
    given = {each.tag: each.text for each in tree(path).find("macros") or ()}
    assert given == {name: f"$({name}={value})" for name, value in MACROS.items()}


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_no_widget_reaches_beyond_its_screen(path):
    root = tree(path)
    most = FRAME if path.stem == "main" else (WIDTH, HEIGHT)
    size = [int(root.findtext(side, "0")) for side in ("width", "height")]
    assert size[0] <= most[0]
    assert size[1] <= most[1]
    for each in root.iter("widget"):
        box = [int(each.findtext(side, "0")) for side in ("x", "y", "width", "height")]
        assert min(box) >= 0
        assert box[0] + box[2] <= size[0], each.findtext("name")
        assert box[1] + box[3] <= size[1], each.findtext("name")


def test_the_expert_screen_has_every_scalar_and_one_plot_has_every_slice():
    text = resolved((OPI / "expert.bob").read_text(encoding="utf-8"))
    shown = set(re.findall(r"<pv_name>([^<]+)</pv_name>", text))
    numbered = re.compile(r"(Slice|Group|Series)\d+:")
    missing = {
        row.name
        for row in pv_rows("LIVE:")
        if not (isinstance(row.spec, Array) and numbered.search(row.name))
    } - shown
    assert not missing
    slices = resolved((OPI / "slices.bob").read_text(encoding="utf-8"))
    assert all(f"<y_pv>LIVE:Red1:Slice{number}:Y</y_pv>" in slices for number in range(1, 33))


def test_a_parameter_of_a_kind_without_a_widget_is_an_error_not_a_gap():
    row = replace(next(pv_rows("LIVE:")), spec=Spec(pv="Odd", description="Of no kind"))
    for make in (reader, writer):
        with pytest.raises(TypeError, match="no widget"):
            make(row, Box(0, 0, 10), "")
