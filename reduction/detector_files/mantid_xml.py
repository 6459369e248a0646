"""Masks and groups in Mantid's XML: ``<detector-masking>`` and ``<detector-grouping>``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from reduction.detector_files.content import BadDetectorFile
from reduction.detector_files.id_ranges import BadWord, IdRanges, NamedGroups, parse_ranges

MASKING, GROUPING = "detector-masking", "detector-grouping"
CHILDREN = {
    "": frozenset({MASKING, GROUPING}),
    MASKING: frozenset({"group", "detids", "component", "ids"}),
    GROUPING: frozenset({"group"}),
    "group": frozenset({"detids", "component", "ids"}),
}
"""The elements that may be in an element; the empty name stands for the file."""

BYTES_AT_ONCE = 1 << 16


@dataclass
class _Group:
    """A ``<group>``: its name, its number if it has one, and its parts."""

    place: str
    name: str
    number: int | None
    parts: list[IdRanges] = field(default_factory=list)


class _Reader:
    """Collects the groups of a file while it is parsed."""

    def __init__(self, root: str, banks: Iterable[str]) -> None:
        self._root, self._banks = root, frozenset(banks)
        self._open = [""]
        self._text: list[str] = []
        self.groups: list[_Group] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text_in
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, content: bytes) -> None:
        """Parse a file; raises `BadDetectorFile`."""
        try:
            for start in range(0, len(content), BYTES_AT_ONCE):
                self._parser.Parse(content[start : start + BYTES_AT_ONCE])
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise BadDetectorFile(f"line {error.lineno}: no well-formed XML") from None
        except (LookupError, UnicodeError, ValueError) as error:
            if isinstance(error, BadDetectorFile):
                raise
            raise BadDetectorFile(f"{self._place}: an encoding that is not known") from None

    @property
    def _place(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _doctype(self, *_: object) -> None:
        raise BadDetectorFile(f"{self._place}: a DTD is not taken")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        inside = self._open[-1]
        tag = tag.rpartition(":")[2]
        if tag not in CHILDREN.get(inside, frozenset()) or (not inside and tag != self._root):
            children = {self._root} if not inside else CHILDREN.get(inside, {"/" + inside})
            known = " or ".join(f"<{each}>" for each in sorted(children))
            raise BadDetectorFile(f"{self._place}: {known} was expected")
        if tag == "ids":
            raise BadDetectorFile(
                f"{self._place}: <detids> was expected; <ids> are spectrum numbers, which events "
                "do not have"
            )
        if tag == "group":
            self.groups.append(self._group(attributes))
        elif inside == MASKING:  # Mantid takes what stands beside a group as if it were in it
            self.groups.append(_Group(self._place, "", None))
        self._open.append(tag)
        self._text = [attributes.get("val", ""), ","]

    def _group(self, attributes: Mapping[str, str]) -> _Group:
        number, name = attributes.get("ID"), attributes.get("name", "").strip()
        if number is None:
            return _Group(self._place, name, None)
        if not number.strip().isascii() or not number.strip().isdecimal() or len(number) > 10:
            raise BadDetectorFile(f"{self._place}: a whole number was expected as ID")
        if any(each.number == int(number) for each in self.groups):
            raise BadDetectorFile(f"{self._place}: an ID that no other group has was expected")
        return _Group(self._place, name or number.strip(), int(number))

    def _text_in(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _tag: str) -> None:
        tag, text = self._open.pop(), "".join(self._text)
        self._text = []
        match tag:
            case "detids":
                self.groups[-1].parts.append(self._ids(text))
            case "component":
                self.groups[-1].parts.append(self._component(text))
            case _ if text.strip(" ,\t\r\n"):
                raise BadDetectorFile(f"{self._place}: no text was expected")

    def _ids(self, text: str) -> IdRanges:
        try:
            return parse_ranges(text)
        except BadWord as bad:
            raise BadDetectorFile(
                f"{self._place}: ids and ranges a-b were expected; word {bad.number} is none"
            ) from None

    def _component(self, text: str) -> IdRanges:
        names = [each.strip() for each in text.split(",") if each.strip()]
        for name in names:
            if name not in self._banks:
                raise BadDetectorFile(f"{self._place}: a bank of the instrument was expected")
        return IdRanges.joined([parse_ranges(",".join(names), self._banks)])


def read_masking(content: bytes, banks: Iterable[str]) -> IdRanges:
    """The masked ids, and which of the ``banks`` are masked; raises `BadDetectorFile`."""
    reader = _Reader(MASKING, banks)
    reader.read(content)
    return IdRanges.joined(part for group in reader.groups for part in group.parts)


def read_grouping(content: bytes, banks: Iterable[str]) -> NamedGroups:
    """The groups, by ascending ID if all have one; raises `BadDetectorFile`.

    The group with ID 0 is of detectors that are in no group, as Mantid saves it. A group without a
    name is named by its ID, else by its place.
    """
    reader = _Reader(GROUPING, banks)
    reader.read(content)
    groups = [each for each in reader.groups if each.number != 0]
    if all(each.number is not None for each in groups):
        groups.sort(key=lambda each: each.number or 0)
    if not groups:
        raise BadDetectorFile("no <group> is in it")
    return NamedGroups.of(
        (each.name or f"group{place}" for place, each in enumerate(groups, 1)),
        (IdRanges.joined(each.parts) for each in groups),
        (each.place for each in groups),
    )
