"""Docstrings of clients, examples, tests and benchmarks name in backticks what exists.

`tests.test_docstring_references` asks more of those of the packages.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents.pages import ROOT, resolves

PACKAGES = ("reduction", "simulator", "ioc", "web", "clients", "tests", "benchmarks")
FOLDERS = ("clients", "examples", "tests", "benchmarks")
NAME = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)")
SCHEMAS = {"ev44", "f144"}
"""Schemas of messages, which are named like code."""

SOURCES = sorted(path for folder in {*PACKAGES, *FOLDERS} for path in (ROOT / folder).rglob("*.py"))


def defined(path: Path, tree: ast.Module) -> Iterator[str]:
    """The names that a module defines or imports, and those of its file and folders."""
    yield from path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=asname):
                yield from (asname or name).split(".")


def named(tree: ast.Module) -> Iterator[str]:
    """What the docstrings of a module, and of what is in it, have in single backticks."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield from NAME.findall(text)


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
KNOWN = {
    *dir(builtins),
    *SCHEMAS,
    *(name for path, tree in TREES.items() for name in defined(path, tree)),
}


def exists(name: str, imported: set[str]) -> bool:
    """Whether a name is a module or in one, or else is known part by part."""
    first, *rest = name.split(".")
    if first in PACKAGES and rest:
        return resolves(name)
    return first in imported or all(part in KNOWN for part in (first, *rest))


def missing_from(path: Path) -> list[str]:
    """The names in backticks of a file that are nowhere defined."""
    imported = {
        name
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Import)
        for alias in node.names
        for name in (alias.name.partition(".")[0], alias.asname or "")
    }
    return [name for name in named(TREES[path]) if not exists(name, imported)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_names_in_backticks_exist(folder: str) -> None:
    inside = [path for path in SOURCES if path.is_relative_to(ROOT / folder)]
    missing = {str(path.relative_to(ROOT)): missing_from(path) for path in inside}
    assert not any(missing.values()), {path: names for path, names in missing.items() if names}
