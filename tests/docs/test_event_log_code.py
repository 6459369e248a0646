"""The code that the page on the event stream shows writes an event log that is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.messages.contents import decode, encode_log
from tests.support.documents.pages import ROOT, Page

PAGE = Page(ROOT / "docs/reference/event-stream.md")


def test_the_code_for_a_source_appends_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = PAGE.blocks("python")
    names: dict[str, Any] = {"message": encode_log("pressure", 1_800_000_000_000_000_000, 2.5)}
    exec(code, names)
    names["writer"].close()
    (read,) = EmbeddedLogReader(tmp_path / "log", 0).read()
    assert decode(read.data) == decode(names["message"])
