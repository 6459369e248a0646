"""The map of the code has all packages, and no others."""

from __future__ import annotations

from tests.support.documents.pages import ROOT, Page
from tests.support.sources import PACKAGES, source_files

MAP = Page(ROOT / "docs/explanation/rooms.md")


def test_every_package_is_on_the_map() -> None:
    files = source_files(*PACKAGES, "clients", "benchmarks")
    packages = {each.module for each in files if each.path.name == "__init__.py"}
    assert packages - set(MAP.code) == set()
