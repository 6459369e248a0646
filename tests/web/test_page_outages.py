"""When something dies the page says so, marks what is old, and recovers by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.clients.ca_client import network
from tests.support.displays.browser import open_page, page_server
from tests.support.ports import free_port
from tests.support.product.live import live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RECOVERY_MS = 60_000

OF_A_KILLED_SERVER = re.compile(r"net::ERR_|404 .*/reference/")
"""What Chromium writes of requests that a server broke off, and of what a new one has not got."""


def test_an_ioc_that_is_killed_is_said_and_found_again(browser: Browser) -> None:
    with (
        network() as net,
        live(net) as first,
        page_server(first) as server,
        open_page(browser) as page,
    ):
        page.open(server.address)
        first.kill_all()
        page.wait_for(".state", "No IOC")
        page.wait_for(".alarm-words", "What is shown is old")
        assert page.page.evaluate("document.documentElement.dataset.stale") == "true"
        assert page.page.locator(".item.age.marked").count() == 1
        assert page.field("Red1:BinStep").locator("input").is_disabled()
        with live(net, prefix=first.prefix):
            page.page.locator(".state", has_text="Acquiring").wait_for(timeout=RECOVERY_MS)
            page.wait_until("document.documentElement.dataset.stale === 'false'")
            page.set("Red1:BinStep", "0.01")
            page.wait_for_bins(460)
        assert page.complaints == []


def test_a_server_that_is_killed_is_said_and_found_again(browser: Browser) -> None:
    port = free_port()
    with network() as net, live(net) as running, open_page(browser) as page:
        with page_server(running, port=port) as server:
            page.open(server.address)
            page.page.get_by_role("button", name="Freeze as reference").click()
            page.wait_until("location.hash.includes('frozen=')")
            server.process.kill()
            page.wait_for(".state", "No server")
            page.wait_for(".alarm-words", "trying again")
        with page_server(running, port=port):
            page.page.locator(".state", has_text="Acquiring").wait_for(timeout=RECOVERY_MS)
            page.wait_until("document.documentElement.dataset.stale === 'false'")
            # The new server keeps nothing that the former one kept; the page has it still.
            page.wait_for("#view-spectrum .note", "has forgotten this reference: a link does not")
            page.wait_for(".legend", "reference of")
            page.wait_until("!location.hash.includes('frozen=')")
            page.tab("Messages")
            page.wait_for(".messages", "connection to the web server was lost")
            # The token of the new server is another one.
            page.wait_for("#session", "read only")
        assert [each for each in page.complaints if not OF_A_KILLED_SERVER.search(each)] == []


def test_ranks_that_are_killed_are_said_to_be_gone_and_come_back(browser: Browser) -> None:
    with (
        network() as net,
        live(net) as running,
        page_server(running) as server,
        open_page(browser) as page,
    ):
        page.open(server.address)
        for rank in running.family("ioc ranks"):
            rank.kill()
        page.wait_until("document.querySelector('.state').textContent !== 'Acquiring'")
        page.page.locator(".state", has_text="Acquiring").wait_for(timeout=RECOVERY_MS)
        page.tab("Messages")
        page.wait_for(".messages", "started again")
        assert page.complaints == []
