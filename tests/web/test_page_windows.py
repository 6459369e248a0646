"""Regions, peaks, slices, groups and series in the browser."""

from __future__ import annotations

from tests.support.displays.browser import OpenPage
from tests.support.product.live import Live

PEAK_220 = 1.920
"""d-spacing of the line 220 of silicon, in Å."""


def share_of(page: OpenPage, value: float) -> float:
    """Where a value of the axis stands, as a share of the width of the spectrum's surface."""
    left, right = page.page.evaluate(
        """() => [...document.querySelectorAll('.grip')].map((each) => ({
            at: parseFloat(each.style.left), value: Number(each.getAttribute('aria-valuenow')),
        })).sort((one, other) => one.value - other.value).slice(0, 2)"""
    )
    per_unit = (right["at"] - left["at"]) / (right["value"] - left["value"])
    return float(left["at"] + (value - left["value"]) * per_unit) / page.plot_box()[2]


def clear(product: Live) -> None:
    for name in [f"ROI{number}" for number in range(1, 9)] + [f"Peak{n}" for n in range(1, 5)]:
        if product.number(f"Red1:{name}:Max") != 0:
            product.put(f"Red1:{name}:Min", "0")
            product.put(f"Red1:{name}:Max", "0")


def test_a_region_that_is_dragged_is_in_its_pv(page: OpenPage, product: Live) -> None:
    clear(product)
    page.page.get_by_role("button", name="Draw a region").click()
    page.drag((0.35, 0.4), (0.45, 0.4))
    page.wait_for(".windows", "net")
    low, high = (product.number(f"Red1:ROI1:{end}") for end in ("Min", "Max"))
    assert 0.4 < low < high < 5
    page.drag((0.45, 0.3), (0.55, 0.3))  # the grip of its end
    product.until(lambda: product.number("Red1:ROI1:Max") > high + 0.2)
    assert product.number("Red1:ROI1:Min") == low
    net = product.number("Red1:ROI1:Net_RBV")
    assert net == net


def test_a_region_is_moved_by_keys_and_removed(page: OpenPage, product: Live) -> None:
    clear(product)
    page.page.get_by_role("button", name="Draw a region").focus()
    page.page.keyboard.press("Enter")
    page.wait_for(".windows", "net")
    before = product.number("Red1:ROI1:Max")
    page.page.get_by_role("slider", name="Region 1, end").focus()
    page.page.keyboard.press("Shift+ArrowRight")
    product.until(lambda: product.number("Red1:ROI1:Max") > before)
    page.page.get_by_role("button", name="Remove Region 1").click()
    product.until(lambda: product.number("Red1:ROI1:Max") == 0)
    page.wait_until("document.querySelector('.windows').childElementCount === 0")


def test_limits_that_are_typed_are_refused_under_their_field(page: OpenPage, product: Live) -> None:
    clear(product)
    page.page.get_by_role("button", name="Draw a region").focus()
    page.page.keyboard.press("Enter")
    page.wait_for(".windows", "net")
    page.set("Red1:ROI1:Max", "one")
    assert "not a number" in page.field("Red1:ROI1:Max").locator(".refusal").inner_text()


def test_a_peak_is_fitted_and_its_numbers_are_shown(page: OpenPage, product: Live) -> None:
    clear(product)
    page.page.get_by_role("button", name="Draw a peak").focus()
    page.page.keyboard.press("Enter")
    page.wait_until("document.querySelectorAll('.grip').length === 2")
    low, high = share_of(page, 1.86), share_of(page, 1.98)
    page.page.get_by_role("button", name="Remove Peak 1").click()
    page.wait_until("document.querySelector('.windows').childElementCount === 0")
    page.page.get_by_role("button", name="Draw a peak").click()
    page.drag((low, 0.5), (high, 0.5))
    page.wait_for(".windows", "FWHM")
    words = page.text(".windows .numbers")
    assert words.startswith("centre 1.9")
    assert "Å" in words
    assert abs(product.number("Red1:Peak1:Centre_RBV") - PEAK_220) < 0.01


def slices(product: Live, running: bool) -> None:
    for name, value in (("Min", "0"), ("Max", "4"), ("Step", "1")):
        product.put(f"Red1:Filter:{name}", value)
    product.put("Red1:Filter:Log", "pressure" if running else "", "-S")


def test_slices_are_overlaid_offset_and_a_map(page: OpenPage, product: Live) -> None:
    slices(product, True)
    for pressure in ("0.5", "1.5", "2.5", "3.5"):
        product.put("Sim:Pressure", pressure)
    choice = page.page.get_by_label("Show", exact=True)
    choice.select_option("slices")
    page.wait_until("document.querySelectorAll('.legend li').length === 4")
    assert "pressure 1 to 2" in page.text(".legend")
    dashes = page.page.evaluate("document.querySelectorAll('.legend canvas, .legend svg').length")
    assert dashes == 4
    overlaid = page.ink()
    page.page.get_by_label("as", exact=True).select_option("offset")
    page.wait_until("location.hash.includes('as=offset')")
    page.page.get_by_label("as", exact=True).select_option("map")
    page.wait_for(".legend", "counts per Å")
    product.until(lambda: page.ink() > 0.7 > overlaid)
    left, top, width, height = page.plot_box()
    page.page.mouse.move(left + 0.5 * width, top + 0.5 * height)
    page.wait_for(".spectrum .readout", "pressure")
    page.page.get_by_label("numbers", exact=True).fill("2-3")
    page.page.get_by_label("numbers", exact=True).press("Enter")
    page.wait_for(".spectrum .note", "2 of 4 are shown")
    slices(product, False)


def test_a_peak_of_slices_is_drawn_against_the_log(page: OpenPage, product: Live) -> None:
    slices(product, True)
    product.put("Red1:Peak1:Max", "1.97")
    product.put("Red1:Peak1:Min", "1.85")
    page.tab("Peaks against log")
    page.wait_until("document.querySelector('.fits .note').textContent === ''")
    box = page.page.locator(".fits .surface").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.wait_for(".fits .readout", "centre")
    assert "pressure" in page.text(".fits .readout")
    slices(product, False)


def test_a_closed_series_is_drawn_beside_the_running_one(page: OpenPage, product: Live) -> None:
    page.page.get_by_label("Show", exact=True).select_option("series")
    page.wait_for(".spectrum .note", "No series has been closed yet")
    page.page.get_by_role("button", name="Next series").click()
    page.wait_for(".legend", "series 1")
    assert "running" in page.text(".legend")
    product.put("Reset", "1")


def test_groups_are_drawn(page: OpenPage, product: Live) -> None:
    page.set("Red1:Groups", "0:49;50:99")
    page.page.get_by_label("Show", exact=True).select_option("groups")
    page.wait_until("document.querySelectorAll('.legend li').length === 2")
    page.set("Red1:Groups", "")
