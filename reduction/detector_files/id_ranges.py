"""Lists of detector ids and names of banks, such as ``0:15, 20-31, bank7``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(
    r"(?P<first>-?[0-9]{1,10})(\s*[:-]\s*(?P<last>-?[0-9]{1,10}))?(?=[,\s]|$)|[^,\s]+"
)
"""An id, a range, or another word up to the next separator."""


class BadWord(ValueError):
    """A word is no id, no range and no bank; ``word`` is it, ``number`` its place from 1 on."""

    def __init__(self, word: str, number: int, why: str) -> None:
        super().__init__(why)
        self.word, self.number, self.why = word, number, why


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


def parse_ranges(text: str, banks: Iterable[str] = ()) -> IdRanges:
    """The ranges and banks in a list; words that are in ``banks`` are names of banks.

    Words are separated by commas or blanks; a range is ``a:b`` or, as Mantid writes it, ``a-b``.
    Raises `BadWord` for other words, and for a range whose end is before its start.
    """
    known = frozenset(banks)
    numbers: list[tuple[int, int]] = []
    named: list[str] = []
    for place, found in enumerate(WORD.finditer(text), 1):
        word = found[0]
        if word in known:
            named.append(word)
        elif found["first"] is None:
            raise BadWord(word, place, "an id, a range a:b or a-b, or a bank was expected")
        else:
            low = int(found["first"])
            high = low if found["last"] is None else int(found["last"])
            if high < low:
                raise BadWord(word, place, "the end of a range is before its start")
            numbers.append((low, high))
    first, last = np.array(numbers, np.int64).reshape(-1, 2).T
    return IdRanges(first, last, tuple(named))


def ranges_text(ids: NDArray[np.int64]) -> str:
    """The list that `parse_ranges` reads as these ``ids`` (n,), which ascend: ``3,7:15``."""
    if not ids.size:
        return ""
    begins = np.flatnonzero(np.diff(ids, prepend=ids[0] - 2) != 1)
    ends = np.append(begins[1:], ids.size) - 1
    pairs = zip(ids[begins].tolist(), ids[ends].tolist(), strict=True)
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
