"""What a screen of Phoebus shows, with the files that it embeds and those that it repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

CHILDREN = ("widget", "tabs/tab/children/widget")
"""Where the widgets within a widget are."""


@dataclass(frozen=True)
class ShownWidget:
    """A widget, and the macros that it sees."""

    element: Element
    macros: Mapping[str, str]

    def text(self, path: str) -> str:
        """The text of a property, with the values of its macros; empty if it has none."""
        return with_values(self.element.findtext(path) or "", self.macros)


def root_of(path: Path) -> Element:
    return ElementTree.parse(path).getroot()


def number(element: Element, name: str, default: int = 0) -> int:
    """The number that a property is."""
    return int(element.findtext(name) or default)


def with_values(text: str, macros: Mapping[str, str]) -> str:
    """``text`` with values in place of macros."""
    for name, value in macros.items():
        text = text.replace(f"$({name})", value)
    return text


def shown_widgets(path: Path, macros: Mapping[str, str]) -> Iterator[ShownWidget]:
    """Every widget that the screen in ``path`` shows with ``macros``, on all its pages."""
    for element in root_of(path).findall("widget"):
        yield from _within(element, path, macros)


def instances(template: Element) -> list[Mapping[str, str]]:
    """The macros of each instance of a Template/Instance widget."""
    return [
        {each.tag: each.text or "" for each in macros}
        for macros in template.findall("instances/instance/macros")
    ]


def _within(element: Element, path: Path, macros: Mapping[str, str]) -> Iterator[ShownWidget]:
    yield ShownWidget(element, macros)
    for child in (each for children in CHILDREN for each in element.findall(children)):
        yield from _within(child, path, macros)
    file = path.parent / (element.findtext("file") or "")
    if element.get("type") == "embedded":
        yield from shown_widgets(file, macros)
    if element.get("type") == "template":
        for each in instances(element):
            yield from shown_widgets(file, {**macros, **each})
