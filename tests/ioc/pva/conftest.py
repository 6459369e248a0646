"""What the tests of pvAccess share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients.ca_client import Network


@pytest.fixture
def pva_client(net: Network) -> Iterator[Any]:
    """A client of p4p that finds the server of ``net``."""
    from tests.support.clients.pva_client import context

    with context(net) as made:
        yield made
