"""Masks and groups in Mantid's XML: ``<detector-masking>`` and ``<detector-grouping>``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

import numpy as np

from reduction.detector_files.content import BadDetectorFile, check_elements
from reduction.detector_files.id_ranges import (
    BadWord,
    IdRanges,
    ListedRanges,
    NamedGroups,
    parse_lists,
)

MASKING, GROUPING = "detector-masking", "detector-grouping"
CHILDREN: Mapping[str, frozenset[str]] = {
    "": frozenset({MASKING, GROUPING}),
    MASKING: frozenset({"group", "detids", "component", "ids"}),
    GROUPING: frozenset({"group"}),
    "group": frozenset({"detids", "component", "ids"}),
    "detids": frozenset(),
    "component": frozenset(),
}
"""The elements that may be in an element; the empty name stands for the file."""

FIRST_PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class _Groups:
    """The ``<group>`` elements in the order of the file: line, name, and number or None of each.

    These are lists of plain values, since Python looks through a million records again and again
    for garbage.
    """

    lines: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)

    def add(self, line: int, name: str = "", number: int | None = None) -> None:
        self.lines.append(line)
        self.names.append(name)
        self.numbers.append(number)

    def order(self) -> list[int]:
        """The places of the groups in their order: by ascending number if all have one.

        The group with number 0, which Mantid saves, is of detectors that are in no group.
        """
        kept = [place for place, number in enumerate(self.numbers) if number != 0]
        if all(self.numbers[place] is not None for place in kept):
            kept.sort(key=lambda place: self.numbers[place] or 0)
        return kept


class _Reader:
    """Collects the groups of a file while it is parsed."""

    def __init__(self, root: str, banks: Iterable[str]) -> None:
        self._root, self._banks = root, frozenset(banks)
        self._open = [""]
        self._text: list[str] = []
        self.groups = _Groups()
        self._numbers: set[int] = set()
        self._lists: list[str] = []
        self._list_lines: list[int] = []
        self._list_groups: list[int] = []
        """Texts of lists of ids, with their lines and the places of their groups."""
        self._named: list[tuple[str, int]] = []
        """Banks with the places of their groups."""
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text_in
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, content: bytes) -> None:
        """Parse a file; raises `BadDetectorFile`."""
        check_elements(content)
        try:
            # Pieces grow, since expat scans a long token again with each piece of it. The first
            # one is small, since a refusal ends the parsing only after a piece.
            start, size = 0, FIRST_PIECE_BYTES
            while start < len(content):
                self._parser.Parse(content[start : start + size])
                start, size = start + size, 2 * size
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise BadDetectorFile(f"line {error.lineno}: no well-formed XML") from None
        except (LookupError, UnicodeError, ValueError) as error:
            if isinstance(error, BadDetectorFile):
                raise
            raise BadDetectorFile(f"{self._place}: an encoding that is not known") from None

    @property
    def members(self) -> ListedRanges:
        """The ranges and banks of all groups, by their places; raises `BadDetectorFile`."""
        try:
            listed = parse_lists(self._lists)
        except BadWord as bad:
            raise BadDetectorFile(
                f"line {self._list_lines[bad.index]}: ids and ranges a-b were expected;"
                f" word {bad.number} is none"
            ) from None
        groups = np.array(self._list_groups, np.int64)[listed.index]
        return ListedRanges(listed.first, listed.last, groups, tuple(dict.fromkeys(self._named)))

    @property
    def _place(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _doctype(self, *_: object) -> None:
        raise BadDetectorFile(f"{self._place}: a DTD is not taken")

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        inside = self._open[-1]
        if tag not in CHILDREN[inside] or not inside or tag == "ids":
            tag = self._child(tag.rpartition(":")[2], inside)
        if tag == "group":
            self._add_group(attributes)
        elif inside == MASKING:  # Mantid takes what stands beside a group as if it were in it
            self.groups.add(self._parser.CurrentLineNumber)
        self._open.append(tag)
        self._text = [attributes.get("val", ""), ","]

    def _child(self, tag: str, inside: str) -> str:
        """A tag without its namespace; raises `BadDetectorFile` if it may not be there."""
        children = CHILDREN[inside] if inside else {self._root}
        if tag not in children:
            known = " or ".join(f"<{each}>" for each in sorted(children or {"/" + inside}))
            raise BadDetectorFile(f"{self._place}: {known} was expected")
        if tag == "ids":
            raise BadDetectorFile(
                f"{self._place}: <detids> was expected; <ids> are spectrum numbers, which events "
                "do not have"
            )
        return tag

    def _add_group(self, attributes: Mapping[str, str]) -> None:
        text, name = attributes.get("ID"), attributes.get("name", "").strip()
        line = self._parser.CurrentLineNumber
        if text is None:
            self.groups.add(line, name)
            return
        text = text.strip()
        if not text.isascii() or not text.isdecimal() or len(text) > 10:
            raise BadDetectorFile(f"{self._place}: a whole number was expected as ID")
        number = int(text)
        if number in self._numbers:
            raise BadDetectorFile(f"{self._place}: an ID that no other group has was expected")
        self._numbers.add(number)
        self.groups.add(line, name or text, number)

    def _text_in(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _tag: str) -> None:
        tag = self._open.pop()
        text, self._text = "".join(self._text), []
        if tag == "detids":
            self._lists.append(text)
            self._list_lines.append(self._parser.CurrentLineNumber)
            self._list_groups.append(len(self.groups.lines) - 1)
        elif tag == "component":
            self._add_banks(text)
        elif text.strip(" ,\t\r\n"):
            raise BadDetectorFile(f"{self._place}: no text was expected")

    def _add_banks(self, text: str) -> None:
        """Add the banks in a list of names to the last group."""
        for name in (each.strip() for each in text.split(",")):
            if name and name not in self._banks:
                raise BadDetectorFile(f"{self._place}: a bank of the instrument was expected")
            if name:
                self._named.append((name, len(self.groups.lines) - 1))


def read_masking(content: bytes, banks: Iterable[str]) -> IdRanges:
    """The masked ids, and which of the ``banks`` are masked; raises `BadDetectorFile`."""
    reader = _Reader(MASKING, banks)
    reader.read(content)
    return reader.members.ranges


def read_grouping(content: bytes, banks: Iterable[str]) -> NamedGroups:
    """The groups, by ascending ID if all have one; raises `BadDetectorFile`.

    The group with ID 0 is of detectors that are in no group, as Mantid saves it. A group without a
    name is named by its ID, else by its place.
    """
    reader = _Reader(GROUPING, banks)
    reader.read(content)
    members, groups = reader.members, reader.groups
    kept = groups.order()
    if not kept:
        raise BadDetectorFile("no <group> is in it")
    place_of = np.full(len(groups.lines), -1)
    place_of[kept] = np.arange(len(kept))
    group = place_of[members.index]
    order = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
    return NamedGroups(
        tuple(groups.names[each] or f"group{place}" for place, each in enumerate(kept, 1)),
        members.first[order],
        members.last[order],
        group[order],
        tuple((bank, int(place_of[n])) for bank, n in members.banks if place_of[n] >= 0),
        np.array([groups.lines[each] for each in kept], np.int64),
    )
