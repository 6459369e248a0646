"""One name, one meaning: over all packages a public name is defined once."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.support.sources import PACKAGES, SourceFile, source_files

EXCEPT = {"main"}
"""Each program has one."""

NO_NAME = re.compile(r"(Manager|Adapter|Service|Helper|Util|Utils|Misc|Impl)$")
"""Ends of names that say nothing of what a class is."""

NO_MODULE = {"utils", "util", "helpers", "misc", "common", "tools", "types", "base", "core"}
"""Names of modules that say nothing of what is in them."""


def public_names(file: SourceFile) -> Iterator[str]:
    """The classes, functions and type aliases that a module defines, but private ones."""
    for node in file.tree.body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names = [node.name]
            case ast.Assign(targets=[ast.Name(id=name)]) if is_alias(name, node.value):
                names = [name]
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                names = [name]
            case _:
                names = []
        yield from (name for name in names if not name.startswith("_"))


def is_alias(name: str, value: ast.expr) -> bool:
    """Whether an assignment gives a type a name, as ``Cells = NDArray[Any]`` does."""
    camel_case = re.fullmatch(r"[A-Z]\w*[a-z]\w*", name) is not None
    type_variable = isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"
    return camel_case and not type_variable


def test_a_public_class_function_or_alias_has_one_definition() -> None:
    homes = defaultdict(list)
    for file in source_files(*PACKAGES):
        for name in public_names(file):
            homes[name].append(file.module)
    twice = {name: modules for name, modules in homes.items() if len(modules) > 1}
    assert {name: modules for name, modules in twice.items() if name not in EXCEPT} == {}


def test_no_class_is_named_after_nothing() -> None:
    names = {name for file in source_files(*PACKAGES) for name in public_names(file)}
    assert {name for name in names if NO_NAME.search(name)} == set()


def test_no_module_is_named_after_nothing() -> None:
    names = {file.module.rpartition(".")[2] for file in source_files(*PACKAGES)}
    assert names & NO_MODULE == set()
