"""What tests of all packages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ca_client import Network, network


@pytest.fixture
def net() -> Iterator[Network]:
    """Loopback alone, with a free port for a server."""
    with network() as made:
        yield made
