"""Lists of detector ids and names of banks, such as ``0:15, 20-31, bank7``."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(
    r"(?P<first>-?[0-9]{1,10})(\s*[:-]\s*(?P<last>-?[0-9]{1,10}))?(?=[,\s]|$)|[^,\s]+"
)
"""An id, a range, or another word up to the next separator."""


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
    return ["".join(found[0].split()) for found in WORD.finditer(text)]


@dataclass(frozen=True, eq=False)
class ListedRanges:
    """The ranges and banks in several lists.

    Range i, ``first[i]`` to ``last[i]``, (n,) int64 both included, is in the list ``index[i]``;
    each of ``banks`` is a name with the index of its list.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    index: NDArray[np.int64]
    banks: tuple[tuple[str, int], ...]

    @property
    def ranges(self) -> IdRanges:
        """All ranges and banks."""
        return IdRanges(self.first, self.last, tuple(name for name, _ in self.banks))


def parse_ranges(text: str, banks: Iterable[str] = ()) -> IdRanges:
    """The ranges and banks in a list; words that are in ``banks`` are names of banks.

    Words are separated by commas or blanks; a range is ``a:b`` or, as Mantid writes it, ``a-b``.
    Raises `BadWord` for other words, and for a range whose end is before its start.
    """
    return parse_lists([text], banks).ranges


def parse_lists(texts: Sequence[str], banks: Iterable[str] = ()) -> ListedRanges:
    """The ranges and banks in many lists, each as `parse_ranges` reads it; some µs a word."""
    known = frozenset(banks)
    text = ",".join(texts)  # no range goes beyond a comma
    starts = np.cumsum([0, *(len(each) + 1 for each in texts)])[:-1]
    first, last, at, bank_at = (array("q") for _ in range(4))
    named: list[str] = []
    for found in WORD.finditer(text):
        word = found[0]
        if word in known:
            named.append(word)
            bank_at.append(found.start())
            continue
        if found["first"] is None:
            why = "an id, a range a:b or a-b, or a bank was expected"
            raise _bad_word(text, starts, found, why)
        low = int(found["first"])
        high = low if found["last"] is None else int(found["last"])
        if high < low:
            raise _bad_word(text, starts, found, "the end of a range is before its start")
        first.append(low)
        last.append(high)
        at.append(found.start())
    of_banks = np.searchsorted(starts, np.array(bank_at, np.int64), "right") - 1
    return ListedRanges(
        np.array(first, np.int64),
        np.array(last, np.int64),
        np.searchsorted(starts, np.array(at, np.int64), "right") - 1,
        tuple(zip(named, of_banks.tolist(), strict=True)),
    )


def _bad_word(text: str, starts: NDArray[np.int64], found: re.Match[str], why: str) -> BadWord:
    """The error for a word in lists that begin at ``starts``, (lists,)."""
    index = int(np.searchsorted(starts, found.start(), "right")) - 1
    before = sum(1 for _ in WORD.finditer(text, int(starts[index]), found.start()))
    return BadWord(found[0], before + 1, index, why)


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
    its place in ``names``. Each of ``banks`` has a name and the place of its group. ``places`` are
    how messages name the groups, such as ``line 12``; empty if by their names.
    """

    names: tuple[str, ...]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    group: NDArray[np.int64]
    banks: tuple[tuple[str, int], ...] = ()
    places: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, names: Iterable[str], members: Iterable[IdRanges], places: Iterable[str] = ()
    ) -> Self:
        """The groups with these names, whose ``members`` are ids and banks."""
        every = list(members)
        ranges = IdRanges.joined(every)
        group = np.repeat(np.arange(len(every)), [each.first.size for each in every])
        banks = tuple((bank, n) for n, each in enumerate(every) for bank in each.banks)
        return cls(tuple(names), ranges.first, ranges.last, group, banks, tuple(places))

    def place(self, number: int) -> str:
        """How messages name a group, by its place from 0."""
        return self.places[number] if self.places else f"group {self.names[number]}"
