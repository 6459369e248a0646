"""Modules and functions are short, and packages have few modules.

A longer function says why in a comment beside its head.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from tests.support.sources import PACKAGES, SourceFile, source_files

MOST_LINES_OF_MODULE, MOST_LINES_OF_FUNCTION = 350, 40
MOST_MODULES_OF_PACKAGE = 15
REASON = "# more than 40 lines: "

FILES = [
    file
    for file in source_files(*PACKAGES, "clients", "examples", "benchmarks", "tests")
    if not file.module.startswith("tests.reference.")  # scripts of Mantid's Python
]


def long_functions(file: SourceFile) -> Iterator[str]:
    """The functions that are too long and do not say why."""
    lines = file.text.splitlines()
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            head = lines[node.lineno - 1 : node.body[0].lineno]
            too_long = node.end_lineno - node.lineno + 1 > MOST_LINES_OF_FUNCTION
            if too_long and not any(REASON in line for line in head):
                yield node.name


def test_modules_are_short() -> None:
    lines = {file.module: len(file.text.splitlines()) for file in FILES}
    assert {name for name, count in lines.items() if count > MOST_LINES_OF_MODULE} == set()


def test_packages_have_few_modules() -> None:
    folders = Counter(file.path.parent for file in FILES if file.path.stem != "__init__")
    full = {
        str(folder): count for folder, count in folders.items() if count > MOST_MODULES_OF_PACKAGE
    }
    assert full == {}


def test_functions_are_short_or_say_why_not() -> None:
    found = {file.module: list(long_functions(file)) for file in FILES}
    assert {module: names for module, names in found.items() if names} == {}
