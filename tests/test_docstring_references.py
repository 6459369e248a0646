"""What stands in single backticks in a docstring or comment is a name that exists.

It is a name of the module, of the class around it or of Python, a public name of our packages (each
is defined once), or a path like ``reduction.engines.protocol``. Arguments and words of other
languages stand in double backticks.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.support.sources import PACKAGES, SourceFile, source_files

REFERENCE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class Reference:
    """A text in single backticks, and the classes around it, outermost first."""

    text: str
    line: int
    classes: tuple[str, ...]


def references(file: SourceFile) -> Iterator[Reference]:
    """The references of all docstrings and comments of a file."""
    for line, text, classes in [*strings(file.tree, ()), *comments(file.text)]:
        for found in REFERENCE.findall(text):
            yield Reference(found.removesuffix("()"), line, classes)


def strings(node: ast.AST, classes: tuple[str, ...]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """The strings that stand alone below a node: line, text and the classes around."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            yield child.lineno, str(child.value.value), classes
        inside = (*classes, child.name) if isinstance(child, ast.ClassDef) else classes
        yield from strings(child, inside)


def comments(text: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, ()


@cache
def public_homes() -> dict[str, str]:
    """The module of each public class, function and constant of our packages."""
    return {
        name: file.module
        for file in source_files(*PACKAGES)
        for name in names_of(file.tree)
        if not name.startswith("_")
    }


def names_of(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def exists(reference: Reference, module: str) -> bool:
    if NAME.fullmatch(reference.text) is None:
        return False
    scope, parts = importlib.import_module(module), reference.text.split(".")
    first = parts[0]
    if has(scope, parts) or hasattr(builtins, first):
        return True
    if reference.classes and has(scope, [*reference.classes, *parts]):
        return True
    if first in PACKAGES:
        return path_exists(reference.text)
    return first in public_homes() and path_exists(f"{public_homes()[first]}.{reference.text}")


def path_exists(path: str) -> bool:
    """Whether a dotted path is a module of ours, or something in one."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return has(module, parts[length:])
    return False


def has(scope: Any, parts: list[str]) -> bool:
    """Whether a module or class has attributes of attributes; fields of objects are such, too."""
    for part in parts:
        if isinstance(scope, type) and not hasattr(scope, part):
            return any(is_field(each, part) for each in scope.__mro__[:-1])
        if not hasattr(scope, part):
            return False
        scope = getattr(scope, part)
    return True


def is_field(scope: type, name: str) -> bool:
    """Whether objects of a class have a field that the class itself has not."""
    if name in inspect.get_annotations(scope):
        return True
    ours = scope.__module__.partition(".")[0] in PACKAGES
    return ours and re.search(rf"self\.{name}\b", inspect.getsource(scope)) is not None


@pytest.mark.parametrize("file", source_files(*PACKAGES), ids=lambda file: file.module)
def test_what_is_referred_to_exists(file: SourceFile) -> None:
    wrong = [each for each in references(file) if not exists(each, file.module)]
    assert wrong == []
