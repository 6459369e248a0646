"""A disk of a busy machine may take long: only tests of silent disks are impatient."""

from __future__ import annotations

import pytest

from ioc.pv_logs import log_store


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_PATIENCE_S", "CLOSING_S"):
        monkeypatch.setattr(log_store, name, 60.0)
