"""What the tests of the IOC share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.ca_client import Network
from tests.support.ioc.ioc_bench import Ioc


@pytest.fixture
def ioc(net: Network) -> Iterator[Ioc]:
    """A server of one reduction with fake ranks, and the C tools that find it."""
    with Ioc(net) as ioc:
        yield ioc
