"""Masks and groups in Mantid's XML: ``<detector-masking>`` and ``<detector-grouping>``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
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
CHILDREN = {
    "": frozenset({MASKING, GROUPING}),
    MASKING: frozenset({"group", "detids", "component", "ids"}),
    GROUPING: frozenset({"group"}),
    "group": frozenset({"detids", "component", "ids"}),
}
"""The elements that may be in an element; the empty name stands for the file."""

BYTES_AT_ONCE = 1 << 16


class _Group(NamedTuple):
    """A ``<group>``: its line, its name, and its number if it has one."""

    line: int
    name: str
    number: int | None


class _IdList(NamedTuple):
    """A list of ids: its line, the place of its group, and its text."""

    line: int
    group: int
    text: str


class _Reader:
    """Collects the groups of a file while it is parsed."""

    def __init__(self, root: str, banks: Iterable[str]) -> None:
        self._root, self._banks = root, frozenset(banks)
        self._open = [""]
        self._text: list[str] = []
        self.groups: list[_Group] = []
        self._numbers: set[int] = set()
        self._lists: list[_IdList] = []
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
    def members(self) -> ListedRanges:
        """The ranges and banks of all groups, by their places; raises `BadDetectorFile`."""
        try:
            listed = parse_lists([each.text for each in self._lists])
        except BadWord as bad:
            raise BadDetectorFile(
                f"line {self._lists[bad.index].line}: ids and ranges a-b were expected;"
                f" word {bad.number} is none"
            ) from None
        groups = np.array([each.group for each in self._lists], np.int64)
        return ListedRanges(listed.first, listed.last, groups[listed.index], tuple(self._named))

    @property
    def _line(self) -> int:
        return self._parser.CurrentLineNumber

    @property
    def _place(self) -> str:
        return f"line {self._line}"

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
            self.groups.append(_Group(self._line, "", None))
        self._open.append(tag)
        self._text = [attributes.get("val", ""), ","]

    def _group(self, attributes: Mapping[str, str]) -> _Group:
        number, name = attributes.get("ID"), attributes.get("name", "").strip()
        if number is None:
            return _Group(self._line, name, None)
        if not number.strip().isascii() or not number.strip().isdecimal() or len(number) > 10:
            raise BadDetectorFile(f"{self._place}: a whole number was expected as ID")
        if int(number) in self._numbers:
            raise BadDetectorFile(f"{self._place}: an ID that no other group has was expected")
        self._numbers.add(int(number))
        return _Group(self._line, name or number.strip(), int(number))

    def _text_in(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _tag: str) -> None:
        tag, text = self._open.pop(), "".join(self._text)
        self._text = []
        match tag:
            case "detids":
                self._lists.append(_IdList(self._line, len(self.groups) - 1, text))
            case "component":
                self._add_banks(text)
            case _ if text.strip(" ,\t\r\n"):
                raise BadDetectorFile(f"{self._place}: no text was expected")

    def _add_banks(self, text: str) -> None:
        """Add the banks in a list of names to the last group."""
        for name in (each.strip() for each in text.split(",")):
            if name and name not in self._banks:
                raise BadDetectorFile(f"{self._place}: a bank of the instrument was expected")
            if name:
                self._named.append((name, len(self.groups) - 1))


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
    members = reader.members
    kept = [place for place, each in enumerate(reader.groups) if each.number != 0]
    groups = [reader.groups[place] for place in kept]
    if all(each.number is not None for each in groups):
        kept.sort(key=lambda place: reader.groups[place].number or 0)
        groups = [reader.groups[place] for place in kept]
    if not groups:
        raise BadDetectorFile("no <group> is in it")
    numbered = np.full(len(reader.groups), -1)
    numbered[kept] = np.arange(len(kept))
    group = numbered[members.index]
    order = np.argsort(group, kind="stable")[np.count_nonzero(group < 0) :]
    return NamedGroups(
        tuple(each.name or f"group{place}" for place, each in enumerate(groups, 1)),
        members.first[order],
        members.last[order],
        group[order],
        tuple((bank, int(numbered[n])) for bank, n in members.banks if numbered[n] >= 0),
        tuple(f"line {each.line}" for each in groups),
    )
