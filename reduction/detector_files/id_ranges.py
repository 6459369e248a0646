"""Lists of detector ids and names of banks, such as ``0:15, 20-31, bank7``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.content import MOST_WORDS, BadDetectorFile
from reduction.detector_files.id_scanner import (
    LONGEST_WORD,
    WORD,
    Words,
    blocks,
    places_of,
    separated,
    words,
)

OTHER_BLANK = re.compile(r"[^\S\t\n\v\f\r ]")
"""A blank that is not ASCII."""

REVERSED = "the end of a range is before its start"


class BadWord(ValueError):
    """A word is no id, no range and no bank.

    ``word`` is it, ``number`` its place from 1 on in its list, ``index`` that of the list from 0.
    """

    def __init__(self, word: str, number: int, index: int, why: str) -> None:
        super().__init__(why)
        self.word, self.number, self.index, self.why = word, number, index, why


@dataclass(frozen=True, eq=False)
class IdRanges:
    """Ranges of detector ids, ``first`` and ``last`` (n,) int64, both included; and banks."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    banks: tuple[str, ...] = ()

    @classmethod
    def single(cls, ids: NDArray[np.int64]) -> Self:
        """The ranges of one id each, (n,)."""
        return cls(ids, ids)

    @classmethod
    def joined(cls, parts: Iterable[IdRanges]) -> Self:
        """All ranges and banks of ``parts``, in their order."""
        every = list(parts)
        return cls(
            np.concatenate([np.empty(0, np.int64), *(each.first for each in every)]),
            np.concatenate([np.empty(0, np.int64), *(each.last for each in every)]),
            tuple(itertools.chain.from_iterable(each.banks for each in every)),
        )

    @property
    def empty(self) -> bool:
        return not self.first.size and not self.banks


def list_words(text: str) -> list[str]:
    """The words of a list: ids, ranges without blanks in them, and names."""
    return [b"".join(found[0].split()).decode() for found in WORD.finditer(text.encode())]


@dataclass(frozen=True, eq=False)
class ListedRanges:
    """The ranges and banks in several lists.

    Range i, ``first[i]`` to ``last[i]``, (n,) int64 both included, is in the list ``index[i]``;
    each of ``banks`` is a name with the index of its list, once.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    index: NDArray[np.int64]
    banks: tuple[tuple[str, int], ...]

    @property
    def ranges(self) -> IdRanges:
        """All ranges and banks."""
        return IdRanges(self.first, self.last, tuple(dict.fromkeys(name for name, _ in self.banks)))


def parse_ranges(text: str, banks: Iterable[str] = ()) -> IdRanges:
    """The ranges and banks in a list; words that are in ``banks`` are names of banks.

    Words are separated by commas or blanks; a range is ``a:b`` or, as Mantid writes it, ``a-b``.
    Raises `BadWord` for other words, and for a range whose end is before its start.
    """
    return parse_lists([text], banks).ranges


def parse_lists(texts: Sequence[str], banks: Iterable[str] = ()) -> ListedRanges:
    """The ranges and banks in many lists, each as `parse_ranges` reads it."""
    text = plain_blanks("\0".join(texts))
    return parse_text(text.encode("utf-8", "replace"), b"\0", banks)


def plain_blanks(text: str) -> str:
    """The text with a space for each blank that is not ASCII, such as those of word processors."""
    return text if text.isascii() else OTHER_BLANK.sub(" ", text)


def parse_text(text: bytes, ends: bytes, banks: Iterable[str] = ()) -> ListedRanges:
    """The ranges and banks in the lists of a text, each of which ends with one of ``ends``.

    Raises `BadWord`, and `BadDetectorFile` for more than `MOST_WORDS` words.
    """
    hard, bank_names = ends + b",", tuple(banks)
    known = {name.encode(): number for number, name in enumerate(bank_names)}
    found = [_Found.nothing()]
    count = ended_lists = 0
    for start, block in blocks(text, hard):
        parsed = words(block, hard)
        count += parsed.size
        if count > MOST_WORDS:
            raise BadDetectorFile(
                f"it has more than {MOST_WORDS} words; use ranges of ids, or HDF5"
            )
        parsed = _with_banks_like_ids(parsed, block, hard, known)
        bank = _known_banks(parsed, block, known)
        _check(parsed, bank, text, start, ends)
        ended = places_of(ends, block)
        index, of_bank = (
            ended_lists + np.searchsorted(ended, each) for each in (parsed.at, parsed.begin)
        )
        ended_lists += ended.size
        found.append(_Found(parsed.first, parsed.last, index, bank, of_bank))
    all_found = _Found(*(np.concatenate(each) for each in zip(*found, strict=True)))
    pairs = dict.fromkeys(zip(all_found.bank.tolist(), all_found.bank_index.tolist(), strict=True))
    named = tuple((bank_names[bank], index) for bank, index in pairs)
    return ListedRanges(all_found.first, all_found.last, all_found.list_index, named)


class _Found(NamedTuple):
    """Ranges (n,) with the indices of their lists; banks (m,), by number, with those of theirs."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    list_index: NDArray[np.int64]
    bank: NDArray[np.int64]
    bank_index: NDArray[np.int64]

    @classmethod
    def nothing(cls) -> Self:
        return cls(*(np.empty(0, np.int64) for _ in cls._fields))


def _with_banks_like_ids(
    parsed: Words, block: bytes, hard: bytes, known: Mapping[bytes, int]
) -> Words:
    """The words, with those as names that look like ids or ranges and are names of banks."""
    for name in known:
        like = WORD.fullmatch(name)
        if like is None or like["first"] is None:
            continue
        low = int(like["first"])
        same = (parsed.first == low) & (parsed.last == int(like["last"] or low))
        after = hard + b" \t\r\n\f\v"
        here = [
            place
            for place in np.flatnonzero(same).tolist()
            if block.startswith(name, begin := int(parsed.at[place]))
            and block[begin + len(name) : begin + len(name) + 1].strip(after) == b""
        ]
        at = parsed.at[here]
        begins = np.append(parsed.begin, at)
        order = np.argsort(begins, kind="stable")
        end = np.append(parsed.end, at + len(name))[order]
        first, last, left = (np.delete(each, here) for each in parsed[:3])
        parsed = Words(first, last, left, begins[order], end, parsed.size)
    return parsed


def _known_banks(parsed: Words, block: bytes, known: Mapping[bytes, int]) -> NDArray[np.int64]:
    """The numbers of the banks that names are, (names,); -1 for a name of no bank."""
    places = zip(parsed.begin.tolist(), parsed.end.tolist(), strict=True)
    return np.array([known.get(block[begin:end], -1) for begin, end in places], np.int64)


def _check(parsed: Words, bank: NDArray[np.int64], text: bytes, start: int, ends: bytes) -> None:
    """Raises `BadWord` for the first word of a block that is no id, no range and no bank."""
    unknown = parsed.begin[bank < 0]
    reversed_ = parsed.at[parsed.last < parsed.first]
    if not unknown.size and not reversed_.size:
        return
    place = int(np.append(unknown, reversed_).min())
    why = "an id, a range a:b or a-b, or a bank was expected"
    if not (unknown == place).any():
        why = REVERSED
    place += start
    before = text[:place]
    begin = max(before.rfind(bytes([each])) for each in ends) + 1
    index = sum(before.count(bytes([each])) for each in ends)
    word = WORD.match(separated(text[place : place + LONGEST_WORD], ends))
    shown = "" if word is None else word[0].decode("utf-8", "replace")
    earlier = [words(each, ends + b",") for _, each in blocks(before[begin:], ends + b",")]
    raise BadWord(shown, sum(each.at.size + each.begin.size for each in earlier) + 1, index, why)


def ranges_text(ids: NDArray[np.int64]) -> str:
    """The list that `parse_ranges` reads as these ``ids`` (n,), which ascend: ``3,7:15``."""
    if not ids.size:
        return ""
    begins = np.flatnonzero(np.diff(ids, prepend=ids[0] - 2) != 1)
    ends = np.append(begins[1:], ids.size) - 1
    return bounds_text(ids[begins], ids[ends])


def bounds_text(first: NDArray[np.int64], last: NDArray[np.int64]) -> str:
    """The list of these ranges, (n,) both included, as `parse_ranges` reads it."""
    pairs = zip(first.tolist(), last.tolist(), strict=True)
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in pairs)


@dataclass(frozen=True, eq=False)
class NamedGroups:
    """Groups of detectors in their order, by name.

    Range i, ``first[i]`` to ``last[i]``, (n,) int64 both included, is in the group ``group[i]``, by
    its place in ``names``. Each of ``banks`` has a name and the place of its group. ``lines``
    (groups,) int64 are the lines of a file that they begin in; empty if messages name them by name.
    """

    names: tuple[str, ...]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    group: NDArray[np.int64]
    banks: tuple[tuple[str, int], ...] = ()
    lines: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, names: Iterable[str], members: Iterable[IdRanges]) -> Self:
        """The groups with these names, whose ``members`` are ids and banks."""
        every = list(members)
        ranges = IdRanges.joined(every)
        group = np.repeat(np.arange(len(every)), [each.first.size for each in every])
        banks = tuple((bank, n) for n, each in enumerate(every) for bank in each.banks)
        return cls(tuple(names), ranges.first, ranges.last, group, banks)

    def place(self, number: int) -> str:
        """How messages name a group, by its place from 0."""
        return f"line {self.lines[number]}" if self.lines.size else f"group {self.names[number]}"
