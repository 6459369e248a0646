"""What the Markdown pages refer to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ioc.app.cli import main
from tests.support.documents.pages import ROOT, Page, pages, resolves

PAGES = pages()
DOTTED = re.compile(r"(?:reduction|simulator|ioc|clients|tests|benchmarks)(?:\.\w+)+")
PATH = re.compile(
    r"(?:reduction|simulator|ioc|clients|tests|opi|docs|examples|benchmarks)/[\w./-]+"
)
FILES = (".bob", ".md", ".py", ".toml")
GENERATED = ("docs/_build", "docs/reference/command-line.md", "docs/reference/api")
LONGEST_README = 120
by_name = pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])


def generated(path: Path) -> bool:
    return any(path.is_relative_to(ROOT / each) for each in GENERATED)


def test_there_are_pages() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/index.md"} <= {page.name for page in PAGES}


@by_name
def test_links_between_pages_lead_somewhere(page: Page) -> None:
    for link in page.links:
        if generated(link.target):
            continue
        assert link.target.exists(), f"{page.name} links to {link.target}"
        if link.anchor:
            assert link.anchor in Page(link.target).anchors, f"{page.name}: no #{link.anchor}"


@by_name
def test_modules_in_backticks_can_be_imported(page: Page) -> None:
    for code in page.code:
        if DOTTED.fullmatch(code) and not code.endswith(FILES):
            assert resolves(code), f"{page.name}: no {code}"


@by_name
def test_paths_in_backticks_exist(page: Page) -> None:
    for code in page.code:
        if PATH.fullmatch(code) and not generated(ROOT / code):
            assert (ROOT / code).exists(), f"{page.name}: no {code}"


@by_name
def test_pictures_exist(page: Page) -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.text):
        assert (page.path.parent / path).exists(), f"{page.name}: no {path}"


@by_name
def test_configuration_files_shown_are_understood(
    page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, block in enumerate(page.blocks("toml")):
        if block.startswith("program = "):
            continue  # a file of autosave, which tests/ioc/settings reads
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        main(["pvs", "--config", str(path)])
        assert "Red1:BinParams" in capsys.readouterr().out


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README
