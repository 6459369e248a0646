"""Widgets of CS-Studio Phoebus, as the XML of its display files (.bob)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

HEADER, DEFAULT, SMALL = "Header 3", "Default", "Fine Print"
"""Fonts by the names that Phoebus and its sites define them under."""

STRING_FORMAT = "6"
"""Shows an array of char as text."""

FONTS = {HEADER: ("BOLD", "16.0"), DEFAULT: ("REGULAR", "14.0"), SMALL: ("REGULAR", "12.0")}


@dataclass(frozen=True)
class Box:
    """Where a widget is, in pixels from the top left of what holds it."""

    x: int
    y: int
    width: int
    height: int = 22


def widget(kind: str, name: str, box: Box, **properties: object) -> Element:
    """A widget of a kind; a property is text, an element, or, if None, left at its default."""
    made = Element("widget", type=kind, version="2.0.0")
    _add(made, "name", name)
    for side in ("x", "y", "width", "height"):
        _add(made, side, getattr(box, side))
    for key, value in properties.items():
        if value is not None:
            _add(made, key, value)
    return made


def label(text: str, box: Box, font: str = DEFAULT, tooltip: str | None = None) -> Element:
    """Text that stays."""
    middle = {"vertical_alignment": 1, "wrap_words": False}
    return widget("label", text, box, text=text, font=_font(font), tooltip=tooltip, **middle)


def heading(text: str, box: Box) -> Element:
    """The name of a column or of a block."""
    return label(text, box, HEADER)


def button(words: str, pv: str, value: object, box: Box, tooltip: str | None = None) -> Element:
    """A button that writes ``value`` to ``pv``."""
    action = Element("action", type="write_pv")
    for key, each in (("pv_name", pv), ("value", value), ("description", words)):
        _add(action, key, each)
    return widget("action_button", words, box, actions=action, text=words, tooltip=tooltip)


def display(name: str, size: tuple[int, int], macros: Mapping[str, str]) -> Element:
    """An empty screen of a width and a height, with what its macros are unless given.

    To Phoebus a screen's own macros win over those it is opened with, so each is what was given.
    """
    made = Element("display", version="2.0.0")
    _add(made, "name", name)
    defaults = SubElement(made, "macros")
    for macro, value in macros.items():
        _add(defaults, macro, f"$({macro}={value})")
    for side, pixels in zip(("width", "height"), size, strict=True):
        _add(made, side, pixels)
    _add(made, "grid_visible", False)
    return made


def tabs(box: Box, pages: Mapping[str, Sequence[Element]]) -> Element:
    """Pages of widgets, one seen at a time, by the name on its tab."""
    every = Element("tabs")
    for name, widgets in pages.items():
        tab = SubElement(every, "tab")
        _add(tab, "name", name)
        SubElement(tab, "children").extend(widgets)
    return widget("tabs", "Pages", box, tabs=every)


def text(root: Element) -> str:
    """The file of a display."""
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def extended(root: Element, widgets: Iterable[Element]) -> Element:
    """``root`` with ``widgets`` in it."""
    root.extend(widgets)
    return root


def _add(parent: Element, name: str, value: object) -> None:
    match value:
        case Element():
            if value.tag == name:
                parent.append(value)
            else:
                SubElement(parent, name).append(value)
        case bool():
            SubElement(parent, name).text = str(value).lower()
        case _:
            SubElement(parent, name).text = str(value)


def _font(name: str) -> Element:
    style, size = FONTS[name]
    made = Element("font")
    SubElement(made, "font", name=name, family="Liberation Sans", style=style, size=size)
    return made
