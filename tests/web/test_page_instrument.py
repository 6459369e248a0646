"""The instrument in space on the page: where its cells are drawn, and which bank is picked."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reduction.instrument.geometry import powder_arc
from tests.support.displays.browser import PHONE, OpenPage, PageServer, axe_violations, open_page
from tests.support.product.live import Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VIEW = "#view-instrument"

FLAT = """(() => {
  const [columns, rows, step] = [%d, %d, %s];
  const at = (of) => Float32Array.from({length: columns * rows},
    (_, cell) => of(cell %% columns, Math.floor(cell / columns)));
  return {columns, rows, x: at((column) => (column - (columns - 1) / 2) * step),
    y: at((_, row) => ((rows - 1) / 2 - row) * step), z: at(() => 1), bank: at(%s)};
})()"""
"""Places of a flat bank of columns and rows at z = 1 m; the last is a function of the bank."""


@pytest.fixture(scope="module")
def modules(browser: Browser, server: PageServer) -> Iterator[OpenPage]:
    """One open page for the tests that only call its modules."""
    with open_page(browser) as opened:
        opened.open(server.without_token)
        yield opened


def surfaces(page: OpenPage, expression: str, places: str) -> Any:
    """The value of an expression over the module ``m``, places ``p`` and their surfaces ``s``."""
    inner = f"((p) => ((s) => ({expression}))(m.surfacesOf(p)))({places})"
    return page.call("space/cell_surfaces", inner)


def look(page: OpenPage, eye: str, expression: str, places: str) -> Any:
    """The value of an expression over a screen of 300 · 200 pixels that shows these places."""
    script = f"""Promise.all(
        [import('/page/space/camera.js'), import('/page/space/space_painter.js')])
        .then(([camera, painter]) => {{
            const s = m.surfacesOf({places});
            const size = {{width: 300, height: 200}};
            const screen = new painter.SpaceScreen(size.width, size.height);
            const shade = Int16Array.from(s.cell, (each) => each % 200);
            screen.look(s, shade, camera.cameraOf(camera.eyeOf('{eye}'), s.bounds, size));
            return {expression};
        }})"""
    return page.call("space/cell_surfaces", script)


def test_surfaces_meet_halfway_between_cells_and_end_half_a_step_beyond_the_last(
    modules: OpenPage,
) -> None:
    flat = FLAT % (3, 2, 0.25, "() => 0")
    found = surfaces(modules, "[[...s.across], [...s.down], [...s.alone]]", flat)
    assert found == [[0.125, 0, 0] * 6, [0, -0.125, 0] * 6, [0] * 6]


def test_cells_without_a_detector_have_no_surface_and_a_lone_row_faces_the_sample(
    modules: OpenPage,
) -> None:
    row = FLAT % (3, 1, 0.25, "() => 0")
    empty = f"((all) => {{ all.x[0] = all.bank[0] = NaN; return all; }})({row})"
    cell, down, alone = surfaces(modules, "[[...s.cell], [...s.down], [...s.alone]]", empty)
    assert (cell, alone) == ([1, 2], [1, 1])
    sides = np.abs(np.reshape(down, (2, 3)))
    assert sides[0] == pytest.approx([0, 0.125, 0])  # upright, and as long as a detector is wide


def test_ids_that_jump_to_and_fro_make_no_long_surfaces(modules: OpenPage) -> None:
    flat = FLAT % (20, 20, 0.01, "() => 0")
    torn = f"((all) => {{ all.x[45] = 5; return all; }})({flat})"
    assert surfaces(modules, "Math.max(...s.across)", torn) == pytest.approx(0.01)


def test_each_bank_has_the_rectangle_of_its_cells(modules: OpenPage) -> None:
    places = FLAT % (4, 3, 0.1, "(column, row) => column < 2 ? -1 : row < 2 ? 3 : NaN")
    found = modules.call("space/cell_surfaces", f"[...m.bankRectangles({places})]")
    assert [(bank, *one.values()) for bank, one in found] == [(-1, 0, 0, 2, 3), (3, 2, 0, 2, 2)]


@pytest.mark.parametrize("eye", ["", "0~0~1~0~0", "40~-70~2.5~0.1~0", "-130~5~0.5~0~0"])
@pytest.mark.parametrize("cells", [12, 150])
def test_a_flat_bank_is_drawn_without_holes(modules: OpenPage, eye: str, cells: int) -> None:
    flat = FLAT % (cells, cells, 1 / cells, "() => 0")
    shown = np.array(look(modules, eye, "[...screen.shown]", flat)).reshape(200, 300) > 0
    assert shown.sum() > 300
    reached = np.pad(np.zeros_like(shown), 1, constant_values=True)
    for _ in range(300):  # the ground is reached from beyond the screen
        grown = reached.copy()
        for axis, step in itertools.product((0, 1), (-1, 1)):
            grown |= np.roll(reached, step, axis)
        reached[1:-1, 1:-1] = grown[1:-1, 1:-1] & ~shown
    np.testing.assert_array_equal(reached[1:-1, 1:-1], ~shown)


def test_a_bank_hides_what_is_behind_it(modules: OpenPage) -> None:
    two = "(() => { const near = %s; near.z.fill(1, 0, 8); near.z.fill(-1, 8); return near; })()"
    places = two % (FLAT % (4, 4, 0.2, "(_, row) => row < 2 ? 0 : 1"))
    places = f"((all) => {{ all.y.set(all.y.subarray(0, 8), 8); return all; }})({places})"
    middle = "screen.surfaceAt(150, 95)"
    from_downstream = look(modules, "0~0~1~0~0.15", middle, places)
    from_upstream = look(modules, "180~0~1~0~0.15", middle, places)
    assert (from_downstream // 8, from_upstream // 8) == (0, 1)


def test_a_row_of_detectors_is_seen_and_so_is_a_hot_one_among_many(modules: OpenPage) -> None:
    row = FLAT % (50, 1, 0.02, "() => 0")
    shown = np.array(look(modules, "0~0~1~0~0", "[...screen.shown]", row)).reshape(200, 300) > 0
    assert shown.sum(axis=0).max() >= 4
    many = FLAT % (200, 200, 0.005, "() => 0")
    drawn = np.array(look(modules, "0~0~0.3~0~0", "[...screen.shown]", many))
    assert set((drawn[drawn > 0] - 1) % 200) >= {199}  # of several in a pixel the brightest


def test_an_eye_is_in_the_address_within_limits(modules: OpenPage) -> None:
    there = "((e) => m.eyeText(m.eyeOf(m.eyeText(m.limitedEye(e)))))"
    wild = "{azimuth: 350, height: 99, zoom: 1e9, x: -0.5, y: 0}"
    assert modules.call("space/camera", f"{there}({wild})") == "-10~89~300~-0.5~0"
    assert modules.call("space/camera", f"{there}(m.USUAL_EYE)") == ""
    for wrong in ("1~2~3", "a~0~1~0~0", "NaN~0~1~0~0", "<b>"):
        assert modules.call("space/camera", f"m.eyeOf('{wrong}') === m.USUAL_EYE")


@pytest.fixture
def instrument(page: OpenPage) -> Iterator[OpenPage]:
    page.tab("Instrument")
    page.wait_for(f"{VIEW} .readout", "cells")
    yield page
    drop = page.page.locator(VIEW).get_by_role("button", name="Drop rectangle")
    if drop.is_visible():
        drop.click()
        page.wait_until("document.querySelector('#view-instrument .picked').hidden")


def place_of(page: OpenPage, detector: int) -> tuple[float, float]:
    """Where a detector of the arc is in the window."""
    surface = page.page.locator(f"{VIEW} .picture .surface")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    assert box is not None
    position = powder_arc().position_m[:1000]
    ends = np.stack([position.min(axis=0, initial=0), position.max(axis=0, initial=0)])
    middle = ends.mean(axis=0)
    points = np.append(position, [[0, 0, 0]], axis=0) - middle
    wide = float(np.hypot(points[:, 0], points[:, 2]).max())
    bounds = {"middle": middle.tolist(), "radius": wide, "wide": wide, "tall": 0}
    size = {"width": box["width"], "height": box["height"]}
    eye = "m.eyeOf(new URLSearchParams(location.hash.slice(1)).get('eye') ?? '')"
    camera = f"m.cameraOf({eye}, {json.dumps(bounds)}, {json.dumps(size)})"
    place = json.dumps(position[detector].tolist())
    found = page.call("space/camera", f"m.pixelOf({camera}, {place})")
    return box["x"] + found["x"], box["y"] + found["y"]


def test_the_place_under_the_mouse_is_told(instrument: OpenPage) -> None:
    assert "3 banks, 1000 cells" in instrument.text(f"{VIEW} .readout")
    instrument.page.mouse.move(*place_of(instrument, 500))
    instrument.wait_for(f"{VIEW} .readout", "perpendicular: two-theta 81.")
    instrument.page.mouse.move(5, 5)
    instrument.wait_for(f"{VIEW} .readout", "3 banks")


def test_a_click_on_a_bank_gives_its_spectrum(instrument: OpenPage, product: Live) -> None:
    instrument.page.mouse.click(*place_of(instrument, 900))
    instrument.wait_for(f"{VIEW} .picked .note", "in 333 detectors (667:999); two-theta")
    instrument.wait_for(f"{VIEW} .picked .note", "backward")
    assert product.get("Red1:Image:ROI:Banks_RBV", "-S") == "backward"
    assert instrument.page.locator(f"{VIEW} .picked .plot").is_visible()
    chosen = instrument.page.locator(VIEW).get_by_label("Bank")
    instrument.wait_until(
        f"document.querySelector('{VIEW} select').selectedOptions[0].text === 'backward'"
    )
    chosen.select_option(label="none")
    instrument.wait_until(f"document.querySelector('{VIEW} .picked').hidden")
    assert product.number("Red1:Image:ROI:SizeX_RBV") == 0


def test_a_bank_is_picked_from_the_list_without_a_mouse(
    instrument: OpenPage, product: Live
) -> None:
    instrument.page.locator(VIEW).get_by_label("Bank").select_option(label="perpendicular")
    instrument.wait_for(f"{VIEW} .picked .note", "perpendicular")
    product.until(lambda: product.number("Red1:Image:ROI:NumPixels_RBV") == 333)


def test_it_is_turned_moved_and_zoomed_by_mouse_and_keys_and_0_shows_all(
    instrument: OpenPage,
) -> None:
    x, y = place_of(instrument, 500)
    mouse = instrument.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 100, y - 50, steps=4)
    mouse.up()
    instrument.wait_until("location.hash.includes('eye=-95%7E5%7E1%7E0%7E0')")
    surface = instrument.page.locator(f"{VIEW} .picture .surface")
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowLeft", "+"):
        surface.press(key)
    instrument.wait_until("location.hash.includes('eye=-85%7E15%7E1.25%7E-0.125%7E0')")
    mouse.move(*place_of(instrument, 300))
    instrument.wait_for(f"{VIEW} .readout", "forward: ")
    surface.press("0")
    instrument.wait_until("!location.hash.includes('eye=')")


def test_with_other_views_it_says_that_rectangles_hold_more(
    instrument: OpenPage, product: Live
) -> None:
    assert product.put("Red1:Image:View", "Cylinder").returncode == 0
    instrument.wait_for(f"{VIEW} .note", "With View Cylinder the rectangle of a bank may hold")
    product.put("Red1:Image:View", "Panels")
    instrument.wait_until(f"document.querySelector('{VIEW} .note').textContent === ''")


def test_a_picture_that_is_switched_off_is_not_drawn_as_if_it_were_new(
    instrument: OpenPage, product: Live
) -> None:
    product.put("Red1:Image:EnableCallbacks", "Disable")
    instrument.wait_for(f"{VIEW} .note", "The picture is switched off")
    product.put("Red1:Image:EnableCallbacks", "Enable")
    instrument.wait_until(f"document.querySelector('{VIEW} .note').textContent === ''")


def test_places_are_not_asked_for_while_nobody_looks(page: OpenPage) -> None:
    sent: list[str | bytes] = []
    page.page.on("websocket", lambda each: each.on("framesent", lambda data: sent.append(data)))
    page.page.reload()
    page.wait_for(".readout", "bins")
    assert not any("CellPosX" in str(each) for each in sent)
    page.tab("Instrument")
    page.wait_for(f"{VIEW} .readout", "cells")
    page.tab("Spectrum")
    page.wait_until("!document.querySelector('#view-spectrum').hidden")
    page.page.wait_for_timeout(100)
    named = [json.loads(each)["type"] for each in sent if "CellPosX" in str(each)]
    assert named == ["subscribe", "clear"]


def test_the_instrument_is_accessible_and_a_phone_picks_a_bank(
    instrument: OpenPage, browser: Browser, server: PageServer
) -> None:
    assert axe_violations(instrument.page) == []
    with open_page(browser, PHONE, touch=True) as phone:
        phone.page.goto(f"{server.address}#tab=instrument")
        phone.wait_for(f"{VIEW} .readout", "cells")
        phone.page.touchscreen.tap(*place_of(phone, 100))
        phone.wait_for(f"{VIEW} .picked .note", "forward")
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert phone.complaints == []
