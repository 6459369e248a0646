"""Reads XML files that are not trusted: elements and attributes are checked before use."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from reduction.host.file_system.regular_files import read_regular_file
from reduction.host.file_system.xml_amounts import (
    MOST_ATTRIBUTES,
    elements_in,
    has_too_many_attributes,
)
from reduction.parameters.specs import Integer, nearest, shown

LARGEST_DEFINITION_BYTES = 64 << 20
FIRST_PIECE_BYTES = 1 << 16

MOST_ELEMENTS = 200_000
"""Most elements of a file: each takes 5 µs and some hundred bytes. Mantid's have 61 000 at most."""

DEEPEST_ELEMENT = 100
"""Most elements in each other."""

LONGEST_SHOWN_NAME = 60
"""Most characters of a name that messages show."""

LARGEST_NUMBER = 1e6
"""Largest number that a definition may have, in metres or in degrees."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)

NO_NAMES: frozenset[str] = frozenset()
"""For elements that may have no attributes, or no children."""


UNUSED = frozenset(("xpixels", "ypixels"))
"""Attributes of locations and components in older definitions, which Mantid does not use there."""


class NotUnderstood(ValueError):
    """A definition cannot be understood. The text names the element and the attribute."""


class Notes:
    """What was read otherwise than it is written, each fact once."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def add(self, fact: str, times: int = 1) -> None:
        self._times[fact] += times

    @property
    def texts(self) -> tuple[str, ...]:
        """The facts in the order in which they were found, and how often if more than once."""
        times = self._times.items()
        return tuple(f"{fact} ({n} times)" if n > 1 else fact for fact, n in times)


class _Target:
    """Builds elements without the text between them. A DTD ends the parsing: no entity is read."""

    def __init__(self) -> None:
        builder = TreeBuilder()
        self.start, self.end, self.close = builder.start, builder.end, builder.close

    def doctype(self, name: str, public: str | None, system: str | None) -> None:  # noqa: ARG002
        raise NotUnderstood(f"<!DOCTYPE {_readable(name)}> is not taken: a definition needs no DTD")


def read_xml(path: Path) -> Element:
    """The root element of an XML file; its tags have no namespaces, and no text.

    Raises OSError if the file cannot be read or is larger than `LARGEST_DEFINITION_BYTES`. Raises
    `NotUnderstood` if it is no XML (the text names the line), has a DTD, or too many elements.
    """
    content = read_regular_file(path, LARGEST_DEFINITION_BYTES)
    _check_amount(content)
    parser = XMLParser(target=_Target())
    try:
        # Pieces grow, since expat scans a long token again with each piece of it. The first one
        # is small, since a refusal of `_Target` ends the parsing only after a piece.
        start, size = 0, FIRST_PIECE_BYTES
        while start < len(content):
            parser.feed(content[start : start + size])
            start, size = start + size, 2 * size
        root: Element = parser.close()
    except NotUnderstood:
        raise
    except (LookupError, ParseError, ValueError) as error:
        raise NotUnderstood(f"no well-formed XML: {_short(str(error))}") from None
    _check_levels(root)
    return root


def _check_amount(content: bytes) -> None:
    """Raise `NotUnderstood` for too many elements, or attributes of one, without reading them."""
    if elements_in(content) > MOST_ELEMENTS:
        raise NotUnderstood(f"more than {MOST_ELEMENTS} elements")
    if has_too_many_attributes(content):
        raise NotUnderstood(f"more than {MOST_ATTRIBUTES} attributes of an element")


def _check_levels(root: Element) -> None:
    """Take the namespaces from all tags; raises `NotUnderstood` for elements nested too deep."""
    level, depth = [root], 1
    while level:
        if depth > DEEPEST_ELEMENT:
            raise NotUnderstood(f"more than {DEEPEST_ELEMENT} elements in each other")
        for each in level:
            if each.tag[:1] == "{":
                each.tag = each.tag.rpartition("}")[2]
        level = [child for each in level for child in each]
        depth += 1


def check_contents(element: Element, attributes: frozenset[str], children: frozenset[str]) -> None:
    """Raises `NotUnderstood` for attributes and children that are not in these sets."""
    for attribute in element.attrib:
        if attribute not in attributes and not attribute.startswith("{"):
            name = _readable(attribute)
            raise NotUnderstood(f"{tag_text(element)}: attribute {name!r} is not understood")
    for child in element:
        if child.tag not in children:
            name = _readable(child.tag)
            raise NotUnderstood(f"{tag_text(element)}: <{name}> in it is not understood")


def note_unused(element: Element, notes: Notes) -> None:
    """Note the attributes of an element that older definitions have and Mantid does not use."""
    for unused in sorted(UNUSED & element.attrib.keys()):
        notes.add(f"{tag_text(element)}: {unused} has no effect here")


def tag_text(element: Element) -> str:
    """The element as messages show it: its tag and the attribute that identifies it."""
    known = ("name", "idname", "type", "id")
    told = [f'{key}="{_readable(element.attrib[key])}"' for key in known if key in element.attrib]
    return f"<{' '.join([_readable(element.tag), *told[:1]])}>"


def _readable(name: str) -> str:
    """A name as a message of one line shows it."""
    return "".join(each if each.isprintable() else "?" for each in _short(name))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN_NAME else f"{name[:LONGEST_SHOWN_NAME]}…"


def float_attribute(
    element: Element, attribute: str, default: float = 0.0, notes: Notes | None = None
) -> float:
    """A finite number, at most `LARGEST_NUMBER`; the default if it is missing or empty.

    As in Mantid, what follows a number is ignored; ``notes`` tell it.
    """
    text = element.get(attribute, "").strip()
    if not text:
        return default
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        beginning = _beginning(NUMBER, element, attribute, notes)
        value = float(beginning) if beginning else math.nan
    if not abs(value) <= LARGEST_NUMBER:
        raise NotUnderstood(
            f"{tag_text(element)}: {attribute} = {shown(text)} is no number, or huge"
        )
    return value


def int_attribute(
    element: Element, attribute: str, default: int, notes: Notes | None = None
) -> int:
    """An integer of 32 bits; the default if it is missing.

    As in Mantid, what follows an integer is ignored; ``notes`` tell it.
    """
    text = element.get(attribute)
    if text is None:
        return default
    try:
        value = int(text if text.isascii() and "_" not in text and len(text) <= 20 else "")
    except ValueError:
        beginning = _beginning(INTEGER, element, attribute, notes)
        if not beginning:
            raise NotUnderstood(
                f"{tag_text(element)}: {attribute} = {shown(text)} is no whole number"
            ) from None
        value = int(beginning)
    if value not in Integer.INT32:
        raise NotUnderstood(f"{tag_text(element)}: {attribute} = {value} does not fit 32 bits")
    return value


def _beginning(
    pattern: re.Pattern[str], element: Element, attribute: str, notes: Notes | None
) -> str:
    """The beginning of an attribute that matches; empty if none does, or if it is hexadecimal."""
    text = element.get(attribute, "").strip()
    match = pattern.match(text)
    hexadecimal = re.match(r"[+-]?0[xX]", text)
    if match is None or hexadecimal or text.startswith("_", match.end()):
        return ""
    if notes is not None:
        notes.add(f"{tag_text(element)}: {attribute} = {shown(text)} is read as {match[0]}")
    return match[0]


def choice_attribute(element: Element, attribute: str, known: tuple[str, ...], default: str) -> str:
    """One of ``known`` words, in their case as in Mantid; the default if it is missing."""
    text = element.get(attribute, default)
    if text not in known:
        why = f"{attribute} = {shown(text)} is not understood, but {', '.join(known)}"
        raise NotUnderstood(f"{tag_text(element)}: {why}{nearest(text, known)}")
    return text
