"""The project's own source files, parsed."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("reduction", "simulator", "ioc", "web")


@dataclass(frozen=True)
class SourceFile:
    """A module, its text, and its syntax tree."""

    module: str
    path: Path
    text: str
    tree: ast.Module


@cache
def source_files(*packages: str) -> tuple[SourceFile, ...]:
    """All modules of some packages, in the order of their paths."""
    found = []
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            text = path.read_text(encoding="utf-8")
            module = ".".join(parts).removesuffix(".__init__")
            found.append(SourceFile(module, path, text, ast.parse(text)))
    return tuple(found)
