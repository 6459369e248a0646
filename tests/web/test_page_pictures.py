"""Detector image and map on the page: what is drawn, read, zoomed and picked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.support.displays.browser import PHONE, OpenPage, PageServer, axe_violations, open_page
from tests.support.product.live import Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CELLS = """(() => {
  const values = new Float32Array(%d * %d).fill(%s);
  %s
  return {values, columns: %d, rows: %d,
    xEdges: Float64Array.from({length: %d + 1}, (_, each) => each),
    yEdges: Float64Array.from({length: %d + 1}, (_, each) => %s)};
})()"""


def cells(columns: int, rows: int, fill: str = "1", change: str = "", edge: str = "each") -> str:
    """JavaScript of a picture whose values are ``fill``, but for a ``change`` of ``values``."""
    return CELLS % (columns, rows, fill, change, columns, rows, columns, rows, edge)


WHOLE = "{column: 0, row: 0, columns: c.columns, rows: c.rows}"


def call(page: OpenPage, picture: str, expression: str) -> Any:
    """The value of an expression over the module ``m`` and a picture ``c``."""
    return page.call("picture/cells", f"((c) => ({expression}))({picture})")


@pytest.fixture
def image(page: OpenPage) -> OpenPage:
    page.tab("Detector image")
    page.wait_for("#view-image .readout", "cells")
    return page


def box_of(page: OpenPage, tab: str = "image") -> tuple[float, float, float, float]:
    """Left, top, width and height of the axes of a picture, in the window."""
    page.page.locator(f"#view-{tab} .picture .surface").scroll_into_view_if_needed()
    found = page.page.locator(f"#view-{tab} .picture .surface").bounding_box()
    assert found is not None
    narrow = found["width"] < 520
    left = 66 if narrow else 76
    width, height = found["width"] - left - 12, found["height"] - 12 - 42
    return found["x"] + left, found["y"] + 12, width, height


def hover(page: OpenPage, x: float, y: float, tab: str = "image") -> str:
    """What is said of the cell at shares of width and height from the top left."""
    left, top, width, height = box_of(page, tab)
    page.page.mouse.move(left + x * width, top + y * height)
    page.wait_for(f"#view-{tab} .readout", "(cell ")
    return page.text(f"#view-{tab} .readout")


def drag(page: OpenPage, start: tuple[float, float], end: tuple[float, float]) -> None:
    left, top, width, height = box_of(page)
    page.page.mouse.move(left + start[0] * width, top + start[1] * height)
    page.page.mouse.down()
    page.page.mouse.move(left + end[0] * width, top + end[1] * height, steps=4)
    page.page.mouse.up()


def test_a_column_or_row_is_found_on_axes_that_rise_or_descend(page: OpenPage) -> None:
    for edge in ("each", "4 - each"):
        found = call(
            page,
            cells(1, 4, edge=edge),
            "[-0.5, 0, 0.5, 3.5, 4.5].map((v) => m.cellAt(c.yEdges, v))",
        )
        assert found == ([-1, 0, 0, 3, 4] if edge == "each" else [4, 4, 3, 0, -1])


def test_each_pixel_of_the_screen_shows_its_brightest_cell(page: OpenPage) -> None:
    picture = cells(1000, 800, change="values[417 * 1000 + 523] = 90;")
    drawn = f"m.paintedCells(c, {WHOLE}, [0, 90], false, {{width: 100, height: 80}})"
    pixels = f"Array.from(new Uint32Array({drawn}.data.buffer))"
    found = np.array(call(page, picture, pixels)).reshape(80, 100)
    assert np.argwhere(found != found[0, 0]).tolist() == [[41, 52]]


def test_where_there_is_no_detector_nothing_is_drawn(page: OpenPage) -> None:
    picture = cells(3, 2, change="values[4] = NaN;")
    drawn = f"m.paintedCells(c, {WHOLE}, [0, 1], false, {{width: 50, height: 50}})"
    found = np.array(call(page, picture, f"Array.from({drawn}.data)")).reshape(2, 3, 4)
    assert found[..., 3].tolist() == [[255, 255, 255], [255, 0, 255]]


@pytest.mark.parametrize(
    ("change", "look", "expected"),
    [
        ("values[7] = 50;", "{log: false, clip: false}", [0, 50]),
        ("values[7] = 50;", "{log: true, clip: false}", [1, 50]),
        ("values.forEach((_, n) => { values[n] = n; });", "{log: false, clip: true}", [50, 9949]),
        ("values.fill(0);", "{log: true, clip: false}", [0.1, 1]),
        ("values.fill(NaN);", "{log: false, clip: true}", [0, 1]),
        ("values.fill(3);", "{log: false, clip: true}", [0, 3]),
    ],
)
def test_colours_span_what_is_seen(
    page: OpenPage, change: str, look: str, expected: list[float]
) -> None:
    found = call(page, cells(100, 100, change=change), f"m.shadeRange(c, {WHOLE}, {look})")
    assert found == pytest.approx(expected, abs=1)


def test_the_value_under_the_cursor_is_that_of_the_process_variable(
    image: OpenPage, product: Live
) -> None:
    product.hold()
    pulse = product.number("PulseLast_RBV")
    product.until(lambda: product.number("Red1:Image:UniqueId_RBV") == pulse)
    words = hover(image, 0.4, 0.5)
    place = re.search(r"\(cell (\d+), (\d+)\)", words)
    assert place is not None, words
    column, row = int(place[1]), int(place[2])
    assert (column, row) == (int(0.4 * 334), 2)
    value = int(product.array("Red1:Image:ArrayData")[row * 334 + column])
    shown = f"{value:,}".replace(",", "\u202f") if value >= 10_000 else str(value)
    # The page may still show the picture before.
    image.wait_for("#view-image .readout", f"(cell {column}, {row}):  {shown}")
    assert "no detector" in hover(image, 0.4, 0.3)
    assert product.put("Sim:Pause", "Run").returncode == 0


def test_a_zoom_is_in_the_address_and_key_0_shows_all(image: OpenPage) -> None:
    drag(image, (0.25, 0.1), (0.5, 0.9))
    image.wait_until("location.hash.includes('imageX=')")
    found = re.search(r"imageX=([\d.]+)%7E([\d.]+)", image.page.url)
    assert found is not None
    assert [float(each) for each in found.groups()] == pytest.approx([83.5, 167], abs=2)
    image.page.locator("#view-image .picture .surface").press("0")
    image.wait_until("!location.hash.includes('imageX=')")


def test_a_rectangle_gives_its_spectrum_and_its_detectors_until_it_is_dropped(
    image: OpenPage, product: Live
) -> None:
    image.page.get_by_role("button", name="Pick", exact=True).click()
    drag(image, (10.5 / 334, 0.1), (29.5 / 334, 0.15))
    image.wait_for("#view-image .picked .note", "Rectangle of 20 × 1 cells from cell 10, 0")
    product.until(lambda: product.number("Red1:Image:ROI:NumPixels_RBV") == 20)
    image.wait_for("#view-image .picked .note", "in 20 detectors (10:29); two-theta")
    image.wait_for("#view-image .picked .note", "forward")
    assert image.page.locator("#view-image .picked .plot").is_visible()
    image.page.get_by_role("button", name="Drop rectangle").click()
    image.wait_until("document.querySelector('#view-image .picked').hidden")
    assert product.number("Red1:Image:ROI:SizeX_RBV") == 0


def test_a_rectangle_is_masked_and_grouped_by_buttons_and_all_is_put_back(
    image: OpenPage, product: Live
) -> None:
    def press(name: str) -> None:
        image.page.get_by_role("button", name=name, exact=True).click()

    def restore() -> None:
        press("Restore mask and groups")
        image.page.get_by_role("dialog").get_by_role("button", name="Restore").click()

    press("Pick")
    drag(image, (10.5 / 334, 0.1), (29.5 / 334, 0.15))
    image.wait_for("#view-image .picked .note", "in 20 detectors")
    press("Make it a group")
    product.until(lambda: product.get("Red1:Groups", "-S") == "10:29")
    press("Make it a group")
    image.wait_for("#view-image .refusal", "Group")
    restore()
    product.until(lambda: product.get("Red1:Groups", "-S") == "")
    press("Mask its detectors")
    product.until(lambda: product.get("Red1:Mask", "-S") == "10:29")
    image.wait_until("document.querySelector('#view-image .refusal').textContent === ''")
    press("Drop rectangle")
    image.wait_until("document.querySelector('#view-image .picked').hidden")
    restore()
    product.until(lambda: product.get("Red1:Mask", "-S") == "")
    restore()
    image.wait_for("#view-image .refusal", "Restore")


def test_dead_and_hot_detectors_are_counted_masked_and_unmasked(
    page: OpenPage, product: Live
) -> None:
    assert product.put("Sim:HotDetectors", "40", "-S").returncode == 0
    assert product.put("Sim:HotFactor", "200").returncode == 0
    page.page.locator("[data-group=outliers] summary").click()
    page.wait_for("[data-group=outliers]", "No search.")
    page.set("Red1:Outliers:Sigmas", "5")
    product.until(lambda: product.number("Red1:Outliers:NumHot_RBV") == 1, 40)
    page.wait_for("[data-group=outliers]", "1 hot of")
    page.wait_for("[data-group=outliers] .lists", "Hot: 40")
    page.page.get_by_role("button", name="Mask them", exact=True).click()
    product.until(lambda: product.get("Red1:Mask", "-S") == "40")
    for _ in range(2):
        page.page.get_by_role("button", name="Unmask them").click()
        page.page.get_by_role("dialog").get_by_role("button", name="Unmask").click()
        product.until(lambda: product.get("Red1:Mask", "-S") == "")
    page.wait_for("[data-group=outliers] .refusal", "Unmask")
    page.set("Red1:Outliers:Sigmas", "0")
    page.wait_for("[data-group=outliers]", "No search.")
    product.put("Sim:HotDetectors", "", "-S")


def test_a_rectangle_is_drawn_by_keys(image: OpenPage, product: Live) -> None:
    surface = image.page.locator("#view-image .picture .surface")
    surface.focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        surface.press(key)
    image.wait_for("#view-image .readout", "(cell 170, 2)")
    surface.press("Enter")
    product.until(lambda: product.number("Red1:Image:ROI:SizeX_RBV") == 3)
    names = [f"Red1:Image:ROI:{each}_RBV" for each in ("MinX", "MinY", "SizeY")]
    product.until(lambda: [product.number(each) for each in names] == [168, 1, 2])
    image.page.get_by_role("button", name="Drop rectangle").click()
    image.wait_until("document.querySelector('#view-image .picked').hidden")


def test_a_picture_that_is_switched_off_is_not_shown_as_if_it_were_new(
    image: OpenPage, product: Live
) -> None:
    image.wait_for("#view-image .readout", "counts up to pulse")
    product.put("Red1:Image:EnableCallbacks", "Disable")
    image.wait_for("#view-image .note", "The picture is switched off")
    product.put("Red1:Image:EnableCallbacks", "Enable")
    image.wait_for("#view-image .readout", "counts up to pulse")
    image.wait_until("document.querySelector('#view-image .note').textContent === ''")


def test_a_map_has_two_theta_upwards_and_says_what_is_where(page: OpenPage) -> None:
    page.tab("Map")
    page.wait_for("#view-map .readout", "4600 × 100 cells")
    assert "two-theta 3.7" in hover(page, 0.5, 0.999, "map")
    words = hover(page, 0.5, 0.001, "map")
    assert re.search(r"d-spacing 2\.\d+ Å, two-theta 159\.\d+ ° \(cell 2\d+, 99\)", words), words


def test_what_nobody_looks_at_is_not_asked_for(page: OpenPage) -> None:
    sent: list[str | bytes] = []
    page.page.on("websocket", lambda each: each.on("framesent", lambda data: sent.append(data)))
    page.page.reload()
    page.wait_for(".readout", "bins")

    def subscribed() -> bool:
        names: set[str] = set()
        for each in map(json.loads, sent):
            if each["type"] in ("subscribe", "clear"):
                pictures = {name for name in each["pvs"] if name.endswith(":Image:Image")}
                names = names | pictures if each["type"] == "subscribe" else names - pictures
        return bool(names)

    assert not subscribed()
    page.tab("Detector image")
    page.wait_for("#view-image .readout", "cells")
    assert subscribed()
    page.tab("Spectrum")
    page.wait_until("!document.querySelector('#view-spectrum').hidden")
    page.page.wait_for_timeout(100)
    assert not subscribed()


def test_image_and_map_are_accessible(image: OpenPage) -> None:
    assert axe_violations(image.page) == []
    image.tab("Map")
    image.wait_for("#view-map .readout", "cells")
    assert axe_violations(image.page) == []


def test_a_phone_shows_the_image_and_reads_a_cell_that_is_touched(
    browser: Browser, server: PageServer
) -> None:
    with open_page(browser, PHONE, touch=True) as phone:
        phone.page.goto(f"{server.address}#tab=image")
        phone.wait_for("#view-image .readout", "cells")
        left, top, width, height = box_of(phone)
        phone.page.touchscreen.tap(left + width / 2, top + height / 2)
        phone.wait_for("#view-image .readout", "(cell 167, 2)")
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert phone.complaints == []
