"""The files of the page: what the browser is told to load, and what it must not hold."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "web" / "page"
FILES = [each for each in FOLDER.rglob("*") if each.is_file()]
SCRIPTS = [each for each in FILES if each.suffix == ".js"]
MODULES = {each.relative_to(FOLDER).as_posix() for each in SCRIPTS}
MOST_LINES, MOST_FILES = 350, 12


def imports(script: Path) -> set[str]:
    """The modules that a module imports, as paths in the folder of the page."""
    names = re.findall(r'^import .* from "(\.[\w./]+)";', script.read_text("utf-8"), re.M)
    return {(script.parent / each).resolve().relative_to(FOLDER).as_posix() for each in names}


def test_all_modules_are_loaded_at_the_same_time() -> None:
    """Without these links the browser finds the modules of a module only once it has read it."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'modulepreload" href="page/([\w./]+)"', text)) == MODULES - {"main.js"}
    assert 'src="page/main.js"' in text


def test_every_module_is_imported() -> None:
    imported = set[str]().union(*map(imports, SCRIPTS))
    assert imported == MODULES - {"main.js"}


def test_folders_do_not_import_each_other_in_circles() -> None:
    arrows = {
        (folder, there.rpartition("/")[0])
        for each in SCRIPTS
        for folder in [each.relative_to(FOLDER).parent.as_posix()]
        for there in imports(each)
    }
    above: dict[str, set[str]] = {}
    for folder, there in arrows - {(each, each) for each, _ in arrows}:
        above.setdefault(folder, set()).add(there)
    while free := {each for each in above if not above[each] & set(above)}:
        above = {each: above[each] for each in above if each not in free}
    assert above == {}


def test_modules_are_short_and_few_in_a_folder() -> None:
    lines = {each.name: len(each.read_text("utf-8").splitlines()) for each in SCRIPTS}
    assert {name for name, count in lines.items() if count > MOST_LINES} == set()
    folders = [each.rpartition("/")[0] for each in MODULES]
    assert {each for each in folders if folders.count(each) > MOST_FILES} == set()


def test_no_text_becomes_markup_and_nothing_comes_from_elsewhere() -> None:
    for each in FILES:
        text = each.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text), each
        assert not re.search(r"https?://", text), each
