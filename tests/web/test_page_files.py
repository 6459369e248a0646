"""The files of the page: what the browser is told to load, and what it must not hold."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "web" / "page"
MODULES = {each.name for each in FOLDER.glob("*.js")}
MOST_LINES = 350


def test_all_modules_are_loaded_at_the_same_time() -> None:
    """Without these links the browser finds the modules of a module only once it has read it."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'modulepreload" href="page/([\w.]+)"', text)) == MODULES - {"main.js"}
    assert 'src="page/main.js"' in text


def test_every_module_is_imported() -> None:
    imported = {
        name
        for each in FOLDER.glob("*.js")
        for name in re.findall(r'^import .* from "./([\w.]+)";', each.read_text("utf-8"), re.M)
    }
    assert imported == MODULES - {"main.js"}


def test_modules_are_short() -> None:
    lines = {each.name: len(each.read_text("utf-8").splitlines()) for each in FOLDER.glob("*.js")}
    assert {name for name, count in lines.items() if count > MOST_LINES} == set()


def test_no_text_becomes_markup_and_nothing_comes_from_elsewhere() -> None:
    for each in FOLDER.iterdir():
        text = each.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text), each
        assert not re.search(r"https?://", text), each
