"""What tests of all packages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.ca_client import Network, network


@pytest.fixture(autouse=True, scope="session")
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs that tests start keep their event logs in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def net() -> Iterator[Network]:
    """Loopback alone, with a free port for a server."""
    with network() as made:
        yield made
