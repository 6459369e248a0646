"""Widgets of CS-Studio Phoebus, as the XML of its display files (.bob).

Why no library writes them is said in decision 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

HEADING_FONT, TEXT_FONT = "Header 3", "Default"
"""The names under which Phoebus, or a site, defines the fonts."""

STRING_FORMAT = "6"
"""The format that shows an array of characters as text."""

_FONTS = {HEADING_FONT: ("BOLD", "16.0"), TEXT_FONT: ("REGULAR", "14.0")}
"""Style and size of each font, used where Phoebus does not know its name."""


@dataclass(frozen=True)
class Box:
    """Place and size of a widget, in pixels from the top left corner of its container."""

    x: int
    y: int
    width: int
    height: int = 22


def widget(kind: str, name: str, box: Box, **properties: object) -> Element:
    """A widget of Phoebus' type ``kind``.

    A property may be text, a number, a bool or an element. One that is None keeps its default.
    """
    made = Element("widget", type=kind, version="2.0.0")
    _add(made, "name", name)
    for side in ("x", "y", "width", "height"):
        _add(made, side, getattr(box, side))
    for key, value in properties.items():
        if value is not None:
            _add(made, key, value)
    return made


def label(words: str, box: Box, font: str = TEXT_FONT, tooltip: str | None = None) -> Element:
    """A widget with a fixed text."""
    middle = {"vertical_alignment": 1, "wrap_words": False}
    return widget("label", words, box, text=words, font=_font(font), tooltip=tooltip, **middle)


def heading(words: str, box: Box) -> Element:
    """The heading of some lines."""
    return label(words, box, HEADING_FONT)


def button(words: str, pv: str, value: object, box: Box, tooltip: str | None = None) -> Element:
    """A button that writes ``value`` to ``pv``."""
    action = Element("action", type="write_pv")
    for key, each in (("pv_name", pv), ("value", value), ("description", words)):
        _add(action, key, each)
    return widget("action_button", words, box, actions=action, text=words, tooltip=tooltip)


def embedded(file: str, box: Box) -> Element:
    """The widgets of another file, which scrolls if it is larger than its box."""
    return widget("embedded", file, box, file=file, resize=0)


def template(
    name: str, file: str, instances: Iterable[Mapping[str, str]], box: Box, per_column: int
) -> Element:
    """The widgets of a file, repeated downwards: once for the macros of each instance.

    After ``per_column`` instances Phoebus begins another column to the right.
    """
    repeated = Element("instances")
    for macros in instances:
        SubElement(repeated, "instance").append(_macros(macros))
    properties = {"gap": 0, "wrap_count": per_column, "transparent": True}
    return widget("template", name, box, file=file, instances=repeated, **properties)


def tabs(box: Box, pages: Mapping[str, Sequence[Element]]) -> Element:
    """A widget that shows one of several pages; ``pages`` is by the words on the tabs."""
    every = Element("tabs")
    for name, widgets in pages.items():
        tab = SubElement(every, "tab")
        _add(tab, "name", name)
        SubElement(tab, "children").extend(widgets)
    return widget("tabs", "Pages", box, tabs=every)


def display_file(
    name: str, size: Box, defaults: Mapping[str, str], widgets: Iterable[Element]
) -> str:
    """The text of a file that shows ``widgets``; ``defaults`` are the values of macros not given.

    In Phoebus macros in the file have precedence over macros that the screen is opened with. So
    each macro in the file is written as ``$(NAME=default)``, which takes the given value first.
    """
    root = Element("display", version="2.0.0")
    _add(root, "name", name)
    root.append(_macros({macro: f"$({macro}={value})" for macro, value in defaults.items()}))
    _add(root, "width", size.width)
    _add(root, "height", size.height)
    _add(root, "grid_visible", False)
    root.extend(widgets)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _macros(values: Mapping[str, str]) -> Element:
    made = Element("macros")
    for name, value in values.items():
        _add(made, name, value)
    return made


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
    style, size = _FONTS[name]
    made = Element("font")
    SubElement(made, "font", name=name, family="Liberation Sans", style=style, size=size)
    return made
