"""Elements of XML files that nobody vouches for, and what is in them, checked."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from reduction.parameters.specs import nearest, shown

LARGEST_FILE = 64 << 20
LARGEST_NUMBER = 1e6
"""No instrument is larger, in metres or in degrees."""

INT32 = range(-(2**31), 2**31)


class NotUnderstood(ValueError):
    """What a definition says that is not understood. Its text names element and attribute."""


class _PlainBuilder(TreeBuilder):
    """Elements without namespaces; a DTD, and so an entity of its own, ends the parsing."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:  # noqa: ARG002
        raise NotUnderstood(f"<!DOCTYPE {name}> is not taken: a definition needs no DTD")

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        return super().start(tag.rpartition("}")[2], attrs)


def parsed(path: Path) -> Element:
    """The root of an XML file of at most `LARGEST_FILE` bytes, tags without namespaces.

    Raises OSError for a file that cannot be read, `NotUnderstood` for one that is too large, no
    XML (with the line), or that has a DTD.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise NotUnderstood(f"larger than {LARGEST_FILE >> 20} MiB")
    parser = XMLParser(target=_PlainBuilder())
    try:
        with path.open("rb") as file:
            while content := file.read(1 << 16):
                parser.feed(content)
        root: Element = parser.close()
    except (LookupError, ParseError, UnicodeError) as error:
        raise NotUnderstood(f"no well-formed XML: {error}") from None
    return root


def only(element: Element, attributes: frozenset[str], children: frozenset[str]) -> None:
    """Raises `NotUnderstood` for an attribute or a child that is none of these."""
    for attribute in element.attrib:
        if attribute not in attributes and not attribute.startswith("{"):
            raise NotUnderstood(f"{words(element)}: attribute {attribute!r} is not understood")
    for child in element:
        if child.tag not in children:
            raise NotUnderstood(f"{words(element)}: <{child.tag}> in it is not understood")


def words(element: Element) -> str:
    """The element for a message: its tag, and what tells it from its like."""
    known = ("name", "idname", "type", "id")
    told = [f'{key}="{element.get(key)}"' for key in known if key in element.attrib]
    return f"<{' '.join([element.tag, *told[:1]])}>"


def number(element: Element, attribute: str, default: float = 0.0) -> float:
    """A finite number, at most `LARGEST_NUMBER`; the default if it is not there or empty."""
    text = element.get(attribute, "").strip()
    if not text:
        return default
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST_NUMBER:
        raise NotUnderstood(f"{words(element)}: {attribute} = {shown(text)} is no number, or huge")
    return value


def whole(element: Element, attribute: str, default: int) -> int:
    """A whole number of 32 bits; the default if it is not there."""
    text = element.get(attribute)
    if text is None:
        return default
    try:
        value = int("" if "_" in text or len(text) > 20 else text)
    except ValueError:
        raise NotUnderstood(
            f"{words(element)}: {attribute} = {shown(text)} is no whole number"
        ) from None
    if value not in INT32:
        raise NotUnderstood(f"{words(element)}: {attribute} = {value} does not fit 32 bits")
    return value


def word(element: Element, attribute: str, known: tuple[str, ...], default: str) -> str:
    """One of ``known`` words in lower case; the default if it is not there."""
    text = element.get(attribute, default).strip().lower()
    if text not in known:
        why = f"{attribute} = {shown(text)} is not understood, but {', '.join(known)}"
        raise NotUnderstood(f"{words(element)}: {why}{nearest(text, known)}")
    return text
