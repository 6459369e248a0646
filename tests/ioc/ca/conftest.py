"""What the tests of Channel Access share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients.soft_ioc import SoftIoc, client_environment, soft_ioc


@pytest.fixture
def cryo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftIoc]:
    """Another control system, which clients in this process find."""
    with soft_ioc(tmp_path) as other:
        for name, value in client_environment(other).items():
            monkeypatch.setenv(name, value)
        yield other
