"""What a screen of Phoebus shows, with the files that it embeds and those that it repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class ShownWidget:
    """A widget, the macros that it sees, and where it is on its screen or page, in pixels."""

    element: Element
    macros: Mapping[str, str]
    x: int
    y: int

    def text(self, path: str) -> str:
        """The text of a property, with the values of its macros; empty if it has none."""
        return with_values(self.element.findtext(path) or "", self.macros)

    def texts(self, *paths: str) -> list[str]:
        """The texts of several properties, or of one that is there several times."""
        found = (each for path in paths for each in self.element.findall(path))
        return [with_values(each.text or "", self.macros) for each in found]

    @property
    def centre(self) -> tuple[int, int]:
        return (
            self.x + number(self.element, "width") // 2,
            self.y + number(self.element, "height") // 2,
        )


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


def shown_widgets(
    path: Path, macros: Mapping[str, str], x: int = 0, y: int = 0
) -> Iterator[ShownWidget]:
    """Every widget that the screen in ``path`` shows with ``macros``, on all its pages.

    ``x`` and ``y`` are where its top left corner is.
    """
    for element in root_of(path).findall("widget"):
        yield from _within(element, path, macros, x, y)


def instances(template: Element) -> list[Mapping[str, str]]:
    """The macros of each instance of a Template/Instance widget."""
    return [
        {each.tag: each.text or "" for each in macros}
        for macros in template.findall("instances/instance/macros")
    ]


def _within(
    element: Element, path: Path, macros: Mapping[str, str], x: int, y: int
) -> Iterator[ShownWidget]:
    x, y = x + number(element, "x"), y + number(element, "y")
    yield ShownWidget(element, macros, x, y)
    for child in element.findall("widget"):
        yield from _within(child, path, macros, x, y)
    for child in element.findall("tabs/tab/children/widget"):
        yield from _within(child, path, macros, 0, 0)
    file = path.parent / (element.findtext("file") or "")
    if element.get("type") == "embedded":
        yield from shown_widgets(file, macros, x, y)
    if element.get("type") == "template":
        yield from _repeated(element, file, macros, x, y)


def _repeated(
    template: Element, file: Path, macros: Mapping[str, str], x: int, y: int
) -> Iterator[ShownWidget]:
    """The widgets of ``file`` once for each instance, downwards and then to the right."""
    row, gap, every = root_of(file), number(template, "gap", 10), instances(template)
    wrap = number(template, "wrap_count") or len(every)
    for index, each in enumerate(every):
        column, line = divmod(index, wrap)
        right = x + column * (number(row, "width") + gap)
        below = y + line * (number(row, "height") + gap)
        yield from shown_widgets(file, {**macros, **each}, right, below)
