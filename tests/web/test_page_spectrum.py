"""The spectrum in the browser: it grows, is zoomed, compared, and shows what a link names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.displays.browser import DESK, OpenPage, PageServer, open_page
from tests.support.ioc.web_bench import decoded
from tests.support.product.live import Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def last_pulse(page: OpenPage) -> int:
    return int(re.sub(r"\D", "", page.text(".item.pulses .value").partition("–")[2]) or 0)


def x_range(page: OpenPage) -> list[float]:
    """The zoom of the axis that the address names."""
    page.wait_until("location.hash.includes('x=')")
    found = re.search(r"[#&]x=([^&]*)", page.page.url)
    assert found is not None
    return [float(each) for each in found[1].replace("%7E", "~").split("~")]


def test_a_pattern_grows(page: OpenPage, product: Live) -> None:
    assert page.text(".state") == "Acquiring"
    before = last_pulse(page)
    product.until(lambda: last_pulse(page) > before + 10)
    assert page.bins() == 4600
    assert 0.01 < page.ink() < 0.5
    assert "old" in page.text(".item.age .value")


def test_new_bins_are_drawn_and_in_the_pv(page: OpenPage, product: Live) -> None:
    page.set("Red1:BinStep", "0.01")
    page.wait_for_bins(460)
    assert product.number("Red1:BinStep_RBV") == 0.01
    page.set("Red1:BinParams", "0.4,0.001,5")
    page.wait_for_bins(4600)


def test_a_refusal_stands_under_the_field_in_the_words_of_the_ioc(
    page: OpenPage, product: Live
) -> None:
    page.set("Red1:BinParams", "5,0.1,1")
    refusal = page.field("Red1:BinParams").locator(".refusal").inner_text()
    assert "BinParams" in refusal
    assert refusal in product.get("Refusal_RBV", "-S").replace("\\'", "'")
    assert page.field("Red1:BinParams").locator("input").input_value() == "5,0.1,1"
    assert page.field("Red1:BinParams").locator("input").get_attribute("aria-invalid") == "true"
    page.field("Red1:BinParams").locator("input").press("Escape")
    assert page.field("Red1:BinParams").locator("input").input_value() == "0.4,0.001,5"
    assert page.field("Red1:BinParams").locator(".refusal").inner_text() == ""


def test_text_in_a_field_for_a_number_is_refused_by_the_page(page: OpenPage) -> None:
    page.set("Red1:BinStep", "wide")
    assert "not a number" in page.field("Red1:BinStep").locator(".refusal").inner_text()


def test_a_zoom_survives_updates_and_new_bins(page: OpenPage, product: Live) -> None:
    page.drag((0.4, 0.5), (0.6, 0.5))
    zoomed = x_range(page)
    assert 0.4 < zoomed[0] < zoomed[1] < 5
    page.set("Red1:BinStep", "0.005")
    before = last_pulse(page)
    product.until(lambda: last_pulse(page) > before + 5)
    assert x_range(page) == zoomed
    page.set("Red1:BinParams", "0.4,0.001,5")
    page.page.locator(".main-plot .surface").dblclick(position={"x": 300, "y": 60})
    page.wait_until("!location.hash.includes('x=')")


def test_a_zoom_is_that_of_its_unit(page: OpenPage) -> None:
    page.drag((0.4, 0.5), (0.6, 0.5))
    x_range(page)
    page.choose("Red1:Units", "TOF")
    page.wait_for_bins(2950)
    page.choose("Red1:Units", "dSpacing")
    page.wait_for_bins(4600)


def test_the_value_at_the_cursor_has_its_error(page: OpenPage, product: Live) -> None:
    left, top, width, height = page.plot_box()
    page.page.mouse.move(left + 0.5 * width, top + 0.5 * height)
    page.wait_for(".spectrum .readout", "±")
    words = page.text(".spectrum .readout")
    place = re.search(r"bin ([\d.]+) to ([\d.]+)", words)
    assert place is not None, words
    edges = product.array("Red1:Spec:XE")
    assert float(np.min(np.abs(np.array(edges) - float(place[1])))) < 1e-5


def test_a_link_shows_what_i_see(page: OpenPage, browser: Browser, server: PageServer) -> None:
    page.drag((0.4, 0.5), (0.6, 0.5))
    page.page.get_by_role("button", name="Log scale").click()
    zoomed = x_range(page)
    page.wait_until("location.hash.includes('log=1')")
    fragment = page.page.url.partition("#")[2]
    with open_page(browser) as other:
        other.open(f"{server.address}#{fragment}")
        other.wait_until("document.querySelector('[aria-pressed=true]') !== null")
        assert x_range(other) == zoomed
        assert "token" not in other.page.url
        assert other.complaints == []


def test_a_reference_stays_and_the_difference_is_drawn(page: OpenPage, product: Live) -> None:
    page.page.get_by_role("button", name="Freeze as reference").click()
    page.wait_for(".legend", "reference of")
    assert page.page.locator("#view-spectrum .lower-plot").is_visible()
    frozen = page.text(".legend")
    before = last_pulse(page)
    page.set("Red1:BinStep", "0.004")
    product.until(lambda: last_pulse(page) > before + 5)
    assert page.text(".legend") == frozen
    page.page.get_by_role("button", name="Difference").click()
    assert not page.page.locator("#view-spectrum .lower-plot").is_visible()
    page.page.get_by_role("button", name="Drop reference").click()
    page.wait_until("document.querySelector('.legend').childElementCount === 0")
    page.set("Red1:BinParams", "0.4,0.001,5")


def test_a_link_shows_the_frozen_reference_after_new_bins_and_a_reload(
    page: OpenPage, product: Live, browser: Browser, server: PageServer
) -> None:
    page.page.get_by_role("button", name="Freeze as reference").click()
    page.wait_until("location.hash.includes('frozen=')")
    frozen, fragment = page.text(".legend"), page.page.url.partition("#")[2]
    last = int(re.sub(r"\D", "", frozen.rpartition("–")[2]))
    kept = page.page.request.get(
        f"{server.without_token}reference/{re.findall('frozen=([0-9a-f]+)', fragment)[0]}"
    )
    result = decoded(kept.body())
    assert (result.header["fields"]["pulse_last"], result.arrays["Y"].size) == (last, 4600)
    page.set("Red1:BinStep", "0.004")
    page.wait_for_bins(1150)
    with open_page(browser) as other:
        other.open(f"{server.without_token}#{fragment}")
        for _ in range(2):
            other.wait_for(".legend", "reference of")
            assert other.text(".legend") == frozen
            other.page.locator("#view-spectrum .lower-plot").wait_for()
            assert fragment in other.page.url
            other.page.reload()
        other.wait_for(".legend", "reference of")
        other.page.get_by_role("button", name="Drop reference").click()
        other.wait_until("!location.hash.includes('frozen=')")
        assert other.complaints == []
    page.set("Red1:BinParams", "0.4,0.001,5")


def test_a_page_that_may_only_read_freezes_references_for_links(
    browser: Browser, server: PageServer
) -> None:
    with open_page(browser) as visitor:
        visitor.open(server.without_token)
        visitor.page.keyboard.press("f")
        visitor.wait_until("location.hash.includes('frozen=')")
        assert visitor.text("#view-spectrum .note") == ""
        visitor.page.keyboard.press("f")
        visitor.wait_until("!location.hash.includes('frozen=')")
        assert visitor.complaints == []


def test_a_link_whose_reference_is_forgotten_says_so(browser: Browser, server: PageServer) -> None:
    with open_page(browser) as visitor:
        visitor.open(f"{server.without_token}#frozen=0123456789abcdef")
        visitor.wait_for("#view-spectrum .note", "The server has forgotten the reference")
        visitor.page.get_by_role("button", name="Freeze as reference").click()
        visitor.wait_for(".legend", "reference of")
        visitor.wait_until("document.querySelector('#view-spectrum .note').textContent === ''")
        assert all("404" in each for each in visitor.complaints)


def test_what_is_shown_is_saved_as_picture_text_and_nexus(
    page: OpenPage, product: Live, tmp_path: Path
) -> None:
    saved = {}
    for role, name in (("button", "PNG"), ("link", ".xye"), ("link", "NeXus")):
        with page.page.expect_download() as download:
            page.page.locator(".downloads").get_by_role(role, name=name).click()  # type: ignore[arg-type]
        saved[name] = tmp_path / name
        download.value.save_as(saved[name])
    assert saved["PNG"].read_bytes().startswith(b"\x89PNG")
    rows = np.loadtxt(saved[".xye"])
    assert rows.shape[1] == 3
    assert len(rows) == 4600
    assert saved["NeXus"].read_bytes().startswith(b"\x89HDF")


def test_two_tabs_show_the_same_and_see_each_others_puts(
    page: OpenPage, browser: Browser, server: PageServer
) -> None:
    with open_page(browser) as other:
        other.open(server.address)
        page.set("Red1:BinStep", "0.02")
        other.wait_for_bins(230)
        assert other.field("Red1:BinStep").locator("input").input_value() == "0.02"
        other.set("Red1:BinParams", "0.4,0.001,5")
        page.wait_for_bins(4600)
        assert other.complaints == []


def test_without_the_token_the_page_is_read_only_and_says_so(
    browser: Browser, server: PageServer
) -> None:
    with open_page(browser) as visitor:
        visitor.open(server.without_token)
        assert "read only" in visitor.text("#session")
        assert visitor.field("Red1:BinStep").locator("input").get_attribute("readonly") is not None
        assert visitor.page.get_by_role("button", name="Start", exact=True).is_disabled()
        assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_follows_the_system_and_the_switch(
    browser: Browser, server: PageServer, dark: bool
) -> None:
    with open_page(browser, DESK, dark=dark) as seen:
        seen.open(server.address)
        themes = ["dark", "light"] if dark else ["light", "dark"]
        shown = "document.documentElement.dataset.theme"
        assert seen.page.evaluate(shown) == themes[0]
        seen.page.get_by_role("button", name=themes[1].capitalize(), exact=True).click()
        assert seen.page.evaluate(shown) == themes[1]
        seen.page.reload()
        seen.wait_for(".spectrum .readout", "bins")
        assert seen.page.evaluate(shown) == themes[1]
        assert seen.complaints == []
