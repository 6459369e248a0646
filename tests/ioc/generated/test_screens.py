"""Operator screens: the generated ones are up to date, and all name what is there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ioc.generated.bob import Box
from ioc.generated.panels import WRITERS, reader, writer
from ioc.generated.rows import FAMILY_MACROS, row_tables
from ioc.generated.screens import (
    MACROS,
    SCREEN_HEIGHT,
    SCREEN_WIDTH,
    screen_files,
    write_screens,
)
from ioc.model.pvs import PvRow, pv_groups, pv_rows
from ioc.model.wire_type import WireKind, wire_type
from reduction.parameters.specs import Array, Spec
from tests.support.displays.bob_files import instances, number, root_of, shown_widgets, with_values

OPI = Path(__file__).parents[3] / "opi"
SCREENS = sorted(OPI.rglob("*.bob"), key=str)
SERVED = {row.name for row in pv_rows("LIVE:")}
ALL_MACROS = MACROS | FAMILY_MACROS
FRAME = (1350, 636)
"""Of the main screen: what Phoebus leaves of 1366 x 768."""

each_screen = pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)


def test_the_committed_screens_are_the_generated_ones(tmp_path: Path) -> None:
    for name, content in screen_files().items():
        committed = (OPI / name).read_text(encoding="utf-8")
        assert committed == content, f"{name}: run `make docs`"
    write_screens(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.bob")}
    assert written == {*screen_files()}


def test_every_file_of_panels_is_generated() -> None:
    panels = {path.relative_to(OPI).as_posix() for path in (OPI / "panels").iterdir()}
    assert panels == {*screen_files()} - {"expert.bob"}


@each_screen
def test_every_process_variable_that_a_screen_names_is_served(path: Path) -> None:
    texts = {
        with_values(each.text or "", widget.macros)
        for widget in shown_widgets(path, ALL_MACROS)
        for tag in ("pv_name", "x_pv", "y_pv", "err_pv", "width_pv", "height_pv")
        for each in widget.element.iter(tag)
    }
    formulas = {text for text in texts if text.startswith("=")}
    names = {name for text in formulas for name in re.findall(r"`([^`]+)`", text)}
    names |= {text for text in texts - formulas if text and not text.startswith("loc://")}
    pictures = {name for name in names if name.startswith("pva://")}
    names -= pictures
    names |= {re.sub("pva://(.*):Image$", r"\1:ArrayData", name) for name in pictures}
    assert names <= SERVED, names - SERVED


@each_screen
def test_every_macro_of_a_screen_resolves_and_every_file_it_opens_is_there(path: Path) -> None:
    root = root_of(path)
    given = {each.tag: each.text for each in root.iterfind("macros/*")}
    assert given.keys() >= MACROS.keys()
    assert given == {name: f"$({name}={ALL_MACROS[name]})" for name in given}
    text = path.read_text(encoding="utf-8")
    for name, default in given.items():
        text = text.replace(f"<{name}>{default}</{name}>", "").replace(f"$({name})", "")
    assert "$(" not in text.replace("$(DID)", "")
    for each in root.iter("file"):
        assert (path.parent / (each.text or "")).is_file()


@each_screen
def test_no_widget_reaches_beyond_its_screen(path: Path) -> None:
    root = root_of(path)
    most = FRAME if path.stem == "main" else (SCREEN_WIDTH, SCREEN_HEIGHT)
    width, height = (number(root, side) for side in ("width", "height"))
    assert (width, height) <= most
    assert height <= most[1]
    for each in root.iter("widget"):
        x, y, wide, high = (number(each, side) for side in ("x", "y", "width", "height"))
        assert min(x, y, wide, high) >= 0
        assert x + wide <= width, each.findtext("name")
        assert y + high <= height, each.findtext("name")


@each_screen
def test_what_is_repeated_has_the_room_that_it_takes(path: Path) -> None:
    for each in root_of(path).iter("widget"):
        if each.get("type") != "template":
            continue
        row, count = root_of(path.parent / (each.findtext("file") or "")), len(instances(each))
        rows = min(count, number(each, "wrap_count") or count)
        columns = -(-count // rows)
        gap = number(each, "gap", 10)
        assert number(each, "width") >= columns * (number(row, "width") + gap) - gap
        assert number(each, "height") >= rows * (number(row, "height") + gap) - gap
        expected = {each.tag for each in row.iterfind("macros/*")} - MACROS.keys()
        assert all(macros.keys() == expected for macros in instances(each))


def test_the_expert_screen_has_every_scalar_and_one_plot_has_every_slice() -> None:
    shown = {
        name
        for widget in shown_widgets(OPI / "expert.bob", MACROS)
        for name in widget.texts("pv_name", "actions/action/pv_name")
    }
    numbered = re.compile(r"(Slice|Group|Series)\d+:")
    missing = {
        row.name
        for row in pv_rows("LIVE:")
        if not (isinstance(row.spec, Array) and numbered.search(row.name))
    } - shown
    assert not missing
    slices = (OPI / "slices.bob").read_text(encoding="utf-8")
    assert all(f"<y_pv>$(P)$(R)Slice{number}:Y</y_pv>" in slices for number in range(1, 33))


def test_a_heading_is_a_few_words_that_fit_above_their_lines() -> None:
    for group in pv_groups():
        if group.number is None:
            assert re.fullmatch(r"[A-Z][\w' ,:()-]{4,49}", group.title), group.of


def test_one_reading_more_of_all_peaks_changes_a_dozen_lines_of_head_and_row() -> None:
    rows = [replace(row, group=replace(row.group, prefix="$(R)Peak1:")) for row in _peaks()]
    (table,) = row_tables(rows, SCREEN_WIDTH)
    (fewer,) = row_tables(rows[:-2] + rows[-1:], SCREEN_WIDTH)
    for file, content in table.files(MACROS).items():
        before = set(fewer.files(MACROS)[file].splitlines())
        added = [line for line in content.splitlines() if line not in before]
        assert len(added) < 18


def _peaks() -> list[PvRow]:
    return [row for row in pv_rows("") if row.group.prefix == "Red1:Peak1:"]


def test_numbers_of_a_kind_that_differ_cannot_share_a_row() -> None:
    rows = [
        replace(
            row,
            name=f"$(R)Peak{number}:{row.spec.pv}",
            group=replace(row.group, prefix=f"$(R)Peak{number}:", number=number - 1),
        )
        for number in (1, 2)
        for row in _peaks()
    ]
    assert [table.count for table in row_tables(rows, SCREEN_WIDTH)] == [2]
    with pytest.raises(ValueError, match=r"Peak2: has other parameters than .*Peak1:"):
        list(row_tables(rows[:-1], SCREEN_WIDTH))


def test_every_kind_of_parameter_has_a_widget_or_is_only_read() -> None:
    assert set(WRITERS) == set(WireKind)


def test_a_parameter_of_a_kind_without_a_widget_is_an_error_not_a_gap() -> None:
    row = next(pv_rows("LIVE:"))
    odd = replace(row, spec=Spec(pv="Odd", description="Of no kind"))
    for make in (reader, writer):
        with pytest.raises(TypeError, match="no channel for Spec Odd"):
            make(odd, Box(0, 0, 10), "")
    array = next(row for row in pv_rows("LIVE:") if wire_type(row.spec).is_array)
    with pytest.raises(TypeError, match=r"no widget writes double\[\]"):
        writer(array, Box(0, 0, 10), "")
