"""What the tests of the web page and of its server share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.clients.ca_client import Network, network
from tests.support.displays.browser import (
    OpenPage,
    PageServer,
    open_page,
    page_server,
    running_browser,
    why_no_browser,
)
from tests.support.ioc.ioc_bench import Ioc
from tests.support.ioc.web_bench import WebBench, web_server
from tests.support.product.live import Live, live

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; tests that take it skip where there is none."""
    if why := why_no_browser():
        pytest.skip(why)
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def product(browser: Browser) -> Iterator[Live]:
    """A live reduction for all tests of a module; the web page is a process of its own."""
    with network() as net, live(net) as started:
        yield started


@pytest.fixture(scope="module")
def server(product: Live) -> Iterator[PageServer]:
    """The web page of that live reduction."""
    with page_server(product) as started:
        yield started


@pytest.fixture
def page(browser: Browser, server: PageServer) -> Iterator[OpenPage]:
    """The open page, which may write; nothing may be wrong on its console at the end."""
    with open_page(browser) as opened:
        opened.open(server.address)
        yield opened
        assert opened.complaints == []


@pytest.fixture
def ioc(net: Network) -> Iterator[Ioc]:
    """An IOC with fake ranks that serves on pvAccess, too."""
    pytest.importorskip("p4p", reason="the web server reads by pvAccess, which needs p4p")
    with Ioc(net, pva=True) as made:
        yield made


@pytest_asyncio.fixture
async def web(net: Network, ioc: Ioc) -> AsyncIterator[WebBench]:
    """A web server in front of that IOC."""
    async with web_server(net, ioc.prefix) as made:
        yield made
