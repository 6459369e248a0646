"""What the tests of the web server share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.ca_client import Network
from tests.support.ioc_bench import Ioc
from tests.support.web_bench import WebBench, web_server


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
