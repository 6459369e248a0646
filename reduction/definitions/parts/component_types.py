"""The types of components in a Mantid instrument definition, and what kind of thing each is."""

from __future__ import annotations

import enum
import re
from xml.etree.ElementTree import Element

from reduction.definitions.places.idf_xml import NotUnderstood, tag_text
from reduction.parameters.specs import nearest


class Category(enum.Enum):
    """What the components of a type are."""

    PARTS = "an assembly of components"
    DETECTOR = "a detector"
    MONITOR = "a monitor"
    PANEL = "a grid of pixels"
    MESH = "a grid of pixels between given corners"
    SOURCE = "the source"
    SAMPLE = "the sample"
    OTHER = "nothing that matters here"

    @property
    def has_id(self) -> bool:
        """Whether each component takes an id from a list."""
        return self in (Category.DETECTOR, Category.MONITOR)


CATEGORIES = {
    **dict.fromkeys(("Detector", "detector"), Category.DETECTOR),
    **dict.fromkeys(("Monitor", "monitor"), Category.MONITOR),
    **dict.fromkeys(("Source", "source"), Category.SOURCE),
    **dict.fromkeys(("SamplePos", "samplePos"), Category.SAMPLE),
}
"""The words for ``is`` that Mantid knows, in the case in which it knows them."""

PANEL = re.compile("grid_?detector", re.IGNORECASE)
RECTANGLE = re.compile("[Rr]ectangularDetector|rectangulardetector|rectangular_detector")
MESH = re.compile("[Ss]tructuredDetector|structureddetector|structured_detector")


class ComponentTypes:
    """The types that a definition declares, by name; raises `NotUnderstood` for two of a name."""

    def __init__(self, root: Element) -> None:
        found = root.findall("type")
        self._types = {each.get("name", ""): each for each in found}
        self._categories: dict[Element, Category] = {}
        if len(self._types) < len(found):
            raise NotUnderstood("more than one <type> of the same name")

    def of(self, component: Element) -> Element:
        """The type of a component; raises `NotUnderstood` if there is none of that name."""
        name = component.get("type", "")
        if name not in self._types:
            hint = nearest(name, self._types)
            raise NotUnderstood(f"{tag_text(component)}: no type is called {name!r}{hint}")
        return self._types[name]

    def category(self, kind: Element) -> Category:
        """What the components of a type are."""
        if kind not in self._categories:
            self._categories[kind] = _category(kind)
        return self._categories[kind]


def mark(kind: Element) -> Category | None:
    """Whether a type marks the source or the sample; None if neither."""
    found = CATEGORIES.get(kind.get("is", ""))
    return found if found in (Category.SOURCE, Category.SAMPLE) else None


def is_rectangle(kind: Element) -> bool:
    """Whether a type is a grid of pixels in one plane."""
    return RECTANGLE.fullmatch(kind.get("is", "")) is not None


def _category(kind: Element) -> Category:
    combined = kind.find("combine-components-into-one-shape") is not None
    if kind.find("component") is not None and not combined:
        return Category.PARTS
    word = kind.get("is", "")
    if PANEL.fullmatch(word) or RECTANGLE.fullmatch(word):
        return Category.PANEL
    if MESH.fullmatch(word):
        return Category.MESH
    return CATEGORIES.get(word, Category.OTHER)
