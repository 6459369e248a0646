"""Acquisition, history, messages, keys, a phone, and accessibility in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.displays.browser import PHONE, OpenPage, PageServer, axe_violations, open_page
from tests.support.product.live import Live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TABS = ("Spectrum", "Peaks against log", "History", "Where events went", "Messages")


def test_an_acquisition_runs_to_its_preset_and_shows_its_progress(
    page: OpenPage, product: Live
) -> None:
    page.choose("Preset", "Pulses")
    page.set("PresetPulses", "40")
    page.page.get_by_role("button", name="Start", exact=True).click()
    dialog = page.page.get_by_role("dialog")
    assert "dropped" in dialog.inner_text()
    dialog.get_by_role("button", name="Start").click()
    page.wait_for(".progress-words", "%")
    page.wait_for(".state", "Idle")
    assert product.number("PulsesAccumulated_RBV") == 40
    page.wait_for(".progress-words", "100 %")
    page.choose("Preset", "None")
    page.page.get_by_role("button", name="Start", exact=True).click()
    page.page.get_by_role("dialog").get_by_role("button", name="Start").click()
    page.wait_for(".state", "Acquiring")


def test_a_question_that_is_cancelled_changes_nothing(page: OpenPage, product: Live) -> None:
    first = product.number("PulseFirst_RBV")
    page.page.get_by_role("button", name="Reset").click()
    page.page.keyboard.press("Escape")
    page.wait_until("document.querySelector('dialog') === null")
    assert product.number("PulseFirst_RBV") == first


def test_a_pause_is_said_in_words(page: OpenPage) -> None:
    page.page.get_by_role("button", name="Pause").click()
    page.wait_for(".state", "Paused")
    page.page.get_by_role("button", name="Resume").click()
    page.wait_for(".state", "Acquiring")


def test_the_history_is_there_right_after_a_reload(page: OpenPage, product: Live) -> None:
    product.until(lambda: page.page.request.get(f"{origin(page)}/history").json()["t"][5:] != [])
    page.tab("History")
    page.wait_until("location.hash.includes('tab=history')")
    page.page.reload()
    page.wait_for(".history .readout", "now")
    page.wait_for(".history .readout", "/s")
    drawn = page.page.evaluate(
        """() => import('/page/main.js').then(() => [...document.querySelectorAll(
            '.history .plot canvas.base')].map((canvas) => canvas.width))"""
    )
    assert len(drawn) == 3
    assert min(drawn) > 300


def test_a_link_names_the_quantities_of_the_history(page: OpenPage) -> None:
    page.tab("History")
    first = page.page.get_by_label("Quantity").nth(1)
    first.locator("option", has_text="Pulse rate").wait_for(state="attached")
    first.select_option("PulseRate_RBV")
    page.wait_until("location.hash.includes('PulseRate')")
    page.page.reload()
    page.wait_for(".history .readout", "Hz")


def test_a_link_names_the_zoom_of_the_history_and_the_open_groups(
    page: OpenPage, browser: Browser, server: PageServer
) -> None:
    page.page.locator("[data-group=filter] summary").click()
    page.page.locator("[data-group=bins] summary").click()
    page.tab("History")
    surface = page.page.locator(".history .surface").nth(1)
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    assert box is not None
    at, mouse = box["y"] + 0.4 * box["height"], page.page.mouse
    mouse.move(box["x"] + 0.5 * box["width"], at)
    mouse.down()
    mouse.move(box["x"] + 0.6 * box["width"], at)
    mouse.move(box["x"] + 0.9 * box["width"], at)
    mouse.up()
    page.wait_until("location.hash.includes('past=') && location.hash.includes('groups=')")
    fragment = page.page.url.partition("#")[2]
    with open_page(browser) as other:
        other.page.goto(f"{server.without_token}#{fragment}")
        other.wait_for(".history .readout", "now")
        opened = "[...document.querySelectorAll('[data-group][open]')].map((d) => d.dataset.group)"
        assert other.page.evaluate(opened) == ["acquisition", "filter", "windows"]
        assert other.page.url.partition("#")[2] == fragment
        other.page.locator(".history .surface").first.dblclick(position={"x": 200, "y": 20})
        other.wait_until("!location.hash.includes('past=')")
        assert other.complaints == []


def origin(page: OpenPage) -> str:
    return str(page.page.evaluate("location.origin"))


def test_events_add_up(page: OpenPage) -> None:
    page.tab("Where events went")
    page.wait_for(".events", "Events in the histogram")
    # In one go: a row that is drawn anew meanwhile has no layout, and so no tabs between cells.
    rows = "[...document.querySelector('.events tbody').rows]"
    cells = page.page.evaluate(f"{rows}.map((row) => [...row.cells].at(-1).textContent.trim())")
    shares = [float(cell.removesuffix("%")) for cell in cells if cell.endswith("%")]
    assert len(shares) == 5
    assert sum(shares) == pytest.approx(100, abs=0.05)


def test_puts_and_refusals_of_all_sessions_are_messages(page: OpenPage, product: Live) -> None:
    page.set("Red1:BinParams", "9,1,1")
    page.tab("Messages")
    page.wait_for(".messages", "refused")
    product.put("Red1:Mask", "nothing", "-S")
    page.wait_for(".messages", "Mask")
    session = page.text("#session").split(" · ")[1]
    assert session in page.text(".messages")


def test_all_is_done_by_keys(page: OpenPage, product: Live) -> None:
    keys = page.page.keyboard
    keys.press("p")
    keys.press("+")
    page.wait_until("location.hash.includes('x=')")
    keys.press("ArrowRight")
    page.wait_for(".spectrum .readout", "±")
    first = page.text(".spectrum .readout")
    keys.press("Shift+ArrowRight")
    page.wait_until(
        "before => document.querySelector('.spectrum .readout').textContent !== before", first
    )
    keys.press("0")
    page.wait_until("!location.hash.includes('x=')")
    keys.press("l")
    page.wait_until("location.hash.includes('log=1')")
    keys.press("e")
    page.wait_until("location.hash.includes('errors=bars')")
    keys.press("f")
    page.wait_for(".legend", "reference of")
    keys.press("d")
    page.wait_until("document.querySelector('.lower-plot').hidden")
    keys.press("?")
    page.wait_for("dialog", "logarithmic scale")
    keys.press("Escape")
    page.page.get_by_role("tab", name="Spectrum").focus()
    keys.press("ArrowRight")
    page.wait_until("location.hash.includes('tab=image')")


def test_keys_act_on_the_tab_that_is_shown(page: OpenPage) -> None:
    keys = page.page.keyboard
    keys.press("p")
    keys.press("+")
    page.wait_until("location.hash.includes('x=')")
    page.tab("History")
    keys.press("f")
    keys.press("0")
    page.wait_until("location.hash.includes('tab=history')")
    assert "frozen=" not in page.page.url
    assert "x=" in page.page.url
    keys.press("p")
    page.wait_until("document.activeElement.closest('.history') !== null")


def test_a_button_that_cannot_be_pressed_can_be_read(browser: Browser, server: PageServer) -> None:
    with open_page(browser) as visitor:
        visitor.open(server.without_token)
        ground = visitor.page.get_by_role("button", name="Start", exact=True).evaluate(
            "each => getComputedStyle(each).backgroundColor"
        )
        assert ground == "rgba(0, 0, 0, 0)"


def test_every_control_is_reached_by_the_tab_key(page: OpenPage) -> None:
    wanted = page.page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input, select, summary')]
            .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
            .length"""
    )
    reached = set()
    for _ in range(wanted + 10):
        page.page.keyboard.press("Tab")
        reached.add(
            page.page.evaluate(
                """() => {
                    const all = [...document.querySelectorAll('*')];
                    return all.indexOf(document.activeElement);
                }"""
            )
        )
    assert len(reached) >= wanted


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(browser: Browser, server: PageServer, product: Live, dark: bool) -> None:
    product.put("Red1:ROI1:Max", "2")
    product.put("Red1:ROI1:Min", "1.8")
    found = {}
    with open_page(browser, dark=dark) as seen:
        seen.open(server.address)
        seen.set("Red1:BinParams", "5,1,1")
        for title in TABS:
            seen.tab(title)
            seen.page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
            found[title] = axe_violations(seen.page)
        seen.page.keyboard.press("?")
        found["Help"] = axe_violations(seen.page)
        assert seen.complaints == []
    assert {title: what for title, what in found.items() if what} == {}


def test_a_phone_shows_all_below_each_other(browser: Browser, server: PageServer) -> None:
    with open_page(browser, PHONE, touch=True) as phone:
        phone.open(server.address)
        for title in TABS:
            phone.tab(title)
            wide = "document.documentElement.scrollWidth <= window.innerWidth"
            assert phone.page.evaluate(wide), title
        phone.tab("Spectrum")
        plot = phone.page.locator(".main-plot").bounding_box()
        settings = phone.page.locator("#settings").bounding_box()
        assert plot is not None
        assert settings is not None
        assert plot["width"] > 330
        assert plot["height"] > 180
        assert settings["y"] >= plot["y"] + plot["height"]
        phone.page.locator("#settings").scroll_into_view_if_needed()
        phone.page.mouse.wheel(0, 3000)
        status = phone.page.locator(".state").bounding_box()
        assert status is not None
        assert 0 <= status["y"] < PHONE["height"]
        assert axe_violations(phone.page) == []
        assert phone.complaints == []
