"""The Markdown pages of the project, and what they refer to."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]

FENCED = re.compile(r"^(`{3,}|:{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Link:
    """A link to another place of the project: the file, and the heading in it, if any."""

    target: Path
    anchor: str


class Page:
    """A Markdown file of the project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def prose(self) -> str:
        """The text without fenced blocks."""
        return FENCED.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """What links can name of its headings, as GitHub and MyST make them."""
        return {_anchor(heading) for heading in HEADING.findall(self.prose)}

    @property
    def links(self) -> list[Link]:
        """The links that do not leave the project."""
        inside = [each for each in LINK.findall(self.prose) if "://" not in each]
        found = []
        for each in inside:
            path, _, anchor = each.partition("#")
            target = (self.path.parent / path).resolve() if path else self.path
            found.append(Link(target, anchor))
        return found

    @property
    def code(self) -> list[str]:
        """What stands in single backticks."""
        return CODE.findall(self.prose)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of a language."""
        return [text for kind, text in BLOCK.findall(self.text) if kind == language]


def _anchor(heading: str) -> str:
    plain = re.sub(r"[^\w\- ]", "", heading.lower())
    return plain.replace(" ", "-")


def pages() -> list[Page]:
    """All Markdown pages that the project tracks, or is about to."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    if not paths:  # an export without git
        paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
    return [Page(path) for path in sorted(paths) if path.exists()]


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one; a module is not imported."""
    with contextlib.suppress(ModuleNotFoundError):
        if importlib.util.find_spec(name) is not None:
            return True
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[count:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False
