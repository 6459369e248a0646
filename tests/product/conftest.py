"""What the tests of the whole product share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.ca_client import network
from tests.support.product.live import Live, live


@pytest.fixture(scope="module")
def running() -> Iterator[Live]:
    """A live reduction for all tests of a module, and a client of it."""
    with network() as net, live(net) as started:
        yield started
