"""Reads XML files that are not trusted: elements and attributes are checked before use."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from reduction.parameters.specs import Integer, nearest, shown

LARGEST_DEFINITION_BYTES = 64 << 20
LARGEST_NUMBER = 1e6
"""Largest number that a definition may have, in metres or in degrees."""

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)

NO_NAMES: frozenset[str] = frozenset()
"""For elements that may have no attributes, or no children."""


class NotUnderstood(ValueError):
    """A definition cannot be understood. The text names the element and the attribute."""


class Notes:
    """What was read otherwise than it is written, each fact once."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()

    def add(self, fact: str) -> None:
        self._times[fact] += 1

    @property
    def texts(self) -> tuple[str, ...]:
        """The facts in the order in which they were found, and how often if more than once."""
        times = self._times.items()
        return tuple(f"{fact} ({n} times)" if n > 1 else fact for fact, n in times)


class _PlainBuilder(TreeBuilder):
    """Builds elements without namespaces. A DTD ends the parsing, so no entity is ever read."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:  # noqa: ARG002
        raise NotUnderstood(f"<!DOCTYPE {name}> is not taken: a definition needs no DTD")

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        return super().start(tag.rpartition("}")[2], attrs)


def read_xml(path: Path) -> Element:
    """The root element of an XML file; its tags have no namespaces.

    Raises OSError if the file cannot be read. Raises `NotUnderstood` if the file is larger than
    `LARGEST_DEFINITION_BYTES`, is no XML (the text names the line), or has a DTD.
    """
    if path.stat().st_size > LARGEST_DEFINITION_BYTES:
        raise NotUnderstood(f"larger than {LARGEST_DEFINITION_BYTES >> 20} MiB")
    parser = XMLParser(target=_PlainBuilder())
    try:
        with path.open("rb") as file:
            while content := file.read(1 << 16):
                parser.feed(content)
        root: Element = parser.close()
    except (LookupError, ParseError, UnicodeError) as error:
        raise NotUnderstood(f"no well-formed XML: {error}") from None
    return root


def check_contents(element: Element, attributes: frozenset[str], children: frozenset[str]) -> None:
    """Raises `NotUnderstood` for attributes and children that are not in these sets."""
    for attribute in element.attrib:
        if attribute not in attributes and not attribute.startswith("{"):
            raise NotUnderstood(f"{tag_text(element)}: attribute {attribute!r} is not understood")
    for child in element:
        if child.tag not in children:
            raise NotUnderstood(f"{tag_text(element)}: <{child.tag}> in it is not understood")


def tag_text(element: Element) -> str:
    """The element as messages show it: its tag and the attribute that identifies it."""
    known = ("name", "idname", "type", "id")
    told = [f'{key}="{element.get(key)}"' for key in known if key in element.attrib]
    return f"<{' '.join([element.tag, *told[:1]])}>"


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
    """One of ``known`` words in lower case; the default if it is missing."""
    text = element.get(attribute, default).strip().lower()
    if text not in known:
        why = f"{attribute} = {shown(text)} is not understood, but {', '.join(known)}"
        raise NotUnderstood(f"{tag_text(element)}: {why}{nearest(text, known)}")
    return text
