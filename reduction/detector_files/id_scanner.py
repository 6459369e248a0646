"""Finds ids, ranges and names in lists of any length, by numpy: some 0.2 µs a word.

A word is an id, a range or a name; words are separated by commas and blanks. Words that are written
in an unusual way, such as a range with blanks around its mark, are found by the expression `WORD`,
which takes some times longer. Both find the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(
    rb"(?P<first>-?[0-9]{1,10})(\s*[:-]\s*(?P<last>-?[0-9]{1,10}))?(?=[,\s]|$)|[^,\s]+"
)
"""An id, a range, or another word up to the next separator."""

LONGEST_WORD = 1000
"""Most characters of a word."""

MOST_DIGITS = 10
BLOCK_BYTES = 1 << 20
"""Lists are read in blocks of about so many bytes, so that tables of a block stay small."""

CUT = re.compile(rb"[^\s,:-]\s(?=[^\s,:-])")
"""A blank between two words that are in no range together."""

HARD, BLANK, DIGIT, MARK, OTHER = range(5)
"""Kinds of characters: between lists or words, blank, digit, mark of a range or sign, any other."""

_KINDS = np.full(256, OTHER, np.uint8)
_KINDS[list(b" \t\r\n\f\v")] = BLANK
_KINDS[list(b"0123456789")] = DIGIT
_KINDS[list(b":-")] = MARK


def places_of(characters: bytes, text: bytes) -> NDArray[np.int64]:
    """Where any of these ASCII characters is in a text, (n,)."""
    wanted = np.zeros(256, np.bool_)
    wanted[list(characters)] = True
    return np.flatnonzero(wanted[np.frombuffer(text, np.uint8)])


class Words(NamedTuple):
    """The words in a block of text, by their places in it.

    Range i, from ``first[i]`` to ``last[i]``, (n,) int64, is at ``at[i]``. Name j, of characters
    ``begin[j]`` to ``end[j]``, (m,), is no id and no range. ``size`` is how many words
    there are; of these a range with blanks in it has two or three.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    at: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    size: int


class _Runs(NamedTuple):
    """Characters of the same kind beside each other: kinds (n,), places (n,) of start and end."""

    kind: NDArray[np.uint8]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]

    @property
    def length(self) -> NDArray[np.int64]:
        return self.end - self.begin


def blocks(text: bytes, hard: bytes) -> Iterator[tuple[int, bytes]]:
    """The blocks of a text, each with its place; no word or range is in two of them.

    The bytes ``hard`` separate words that are in no range together.
    """
    start = 0
    while start < len(text):
        end = start + BLOCK_BYTES
        if end < len(text):
            last = max(text.rfind(each, start, end) for each in (bytes([one]) for one in hard))
            found = [m.end() for m in CUT.finditer(text, end - 2 * LONGEST_WORD, end)]
            nearest = max([last + 1, *found])
            end = nearest if nearest > start else len(text)
        yield start, text[start:end]
        start = end


def words(block: bytes, hard: bytes) -> Words:
    """The words in a block; ``hard`` are the characters between lists, and the comma.

    Words longer than `LONGEST_WORD` are cut there, so that they are names.
    """
    kinds = _KINDS.copy()
    kinds[list(hard)] = HARD
    text = np.frombuffer(b"," + block + b",", np.uint8)
    kind = kinds[text]
    solid = kind >= DIGIT
    word_begin = np.flatnonzero(solid[1:] & ~solid[:-1]) + 1
    word_end = np.flatnonzero(~solid[1:] & solid[:-1]) + 1
    long = word_end - word_begin > LONGEST_WORD
    if long.any():  # no id, no range and no bank: what comes after it does not matter
        cut = int(long.argmax())
        before = words(block[: int(word_begin[cut]) - 1], hard)
        at = word_begin[cut : cut + 1] - 1
        begin, end = np.append(before.begin, at), np.append(before.end, at + LONGEST_WORD)
        return before._replace(begin=begin, end=end, size=before.size + 1)
    starts = np.append(0, np.flatnonzero(kind[1:] != kind[:-1]) + 1)
    runs = _Runs(kind[starts], starts, np.append(starts[1:], kind.size))
    return _words_of(text, runs, hard)


def _words_of(text: NDArray[np.uint8], runs: _Runs, hard: bytes) -> Words:
    """The words in a text that begins and ends with a comma, by its runs."""
    solid = runs.kind >= DIGIT
    opens = np.flatnonzero(solid[1:] & ~solid[:-1]) + 1
    closes = np.flatnonzero(~solid[1:] & solid[:-1])
    others = np.cumsum(runs.kind == OTHER)
    named = others[closes] > others[opens - 1]
    dash = (runs.kind == MARK) & (runs.length == 1) & (text[runs.begin] == ord("-"))
    signed = dash[opens]
    single, negative_end, plain = _plain_words(text, runs, opens + signed, closes)
    # After a blank, a dash may belong to a range that the word before begins.
    plain &= ~named
    plain &= ~(signed & (runs.kind[opens - 1] == BLANK) & (runs.kind[opens - 2] != HARD))
    segment = np.cumsum(runs.kind == HARD)
    odd = np.zeros(int(segment[-1]) + 1, np.bool_)
    odd[segment[opens[~plain & ~named]]] = True
    odd_word = odd[segment[opens]]
    use, name = plain & ~odd_word, named & ~odd_word
    first = _numbers(text, runs, (opens + signed)[use]) * np.where(signed[use], -1, 1)
    last = _numbers(text, runs, closes[use]) * np.where(negative_end[use], -1, 1)
    found = Words(
        first,
        np.where(single[use], first, last),
        runs.begin[opens[use]] - 1,
        runs.begin[opens[name]] - 1,
        runs.end[closes[name]] - 1,
        opens.size,
    )
    if not odd.any():
        return found
    return _with_odd(found, separated(text.tobytes(), hard), runs, odd, segment)


def _plain_words(
    text: NDArray[np.uint8], runs: _Runs, number: NDArray[np.int64], closes: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which words are one number, which have a negative end, and which are an id or a range.

    Each is (words,). ``number`` (words,) are the runs after a sign, ``closes`` the last ones.
    """
    count = closes + 1 - number
    single, ranged = count == 1, count == 3
    plain = (single | ranged) & (runs.kind[number] == DIGIT)
    mark = np.where(plain & ranged, number + 1, 0)
    # After the mark of a range, the second dash is the sign of its end.
    two = runs.length[mark] == 2
    negative_end = two & (text[runs.end[mark] - 1] == ord("-"))
    plain &= single | (runs.length[mark] == 1) | negative_end
    longer = np.where(runs.kind == DIGIT, runs.length, 0) > MOST_DIGITS
    plain &= ~longer[number] & ~longer[closes]
    return single, negative_end, plain


def _numbers(text: NDArray[np.uint8], runs: _Runs, digits: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers that runs of digits are, (n,) int64."""
    end, length = runs.end[digits], runs.length[digits]
    value = np.zeros(digits.size, np.int64)
    for place in range(int(length.max(initial=0))):
        there = length > place
        digit = text[np.where(there, end - 1 - place, 0)].astype(np.int64) - ord("0")
        value += np.where(there, digit * 10**place, 0)
    return value


def separated(text: bytes, hard: bytes) -> bytes:
    """The text with a comma for each of the bytes ``hard``, as `WORD` takes it."""
    return text.translate(bytes(ord(",") if each in hard else each for each in range(256)))


def _with_odd(
    found: Words,
    text: bytes,
    runs: _Runs,
    odd: NDArray[np.bool_],
    segment: NDArray[np.int64],
) -> Words:
    """The words with those of the ``odd`` segments, between two commas each, found by `WORD`.

    ``segment`` (runs,) is the one of each run.
    """
    steps = np.diff(odd[segment].astype(np.int8), prepend=0, append=0)
    starts, stops = runs.begin[steps[:-1] == 1], runs.end[np.flatnonzero(steps == -1) - 1]
    ranges: list[tuple[int, int, int]] = []
    names: list[tuple[int, int]] = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        for word in WORD.finditer(text, start, stop):
            if word["first"] is None:
                names.append((word.start() - 1, word.end() - 1))
            else:
                low = int(word["first"])
                ranges.append((low, int(word["last"] or low), word.start() - 1))
    more = np.array(ranges, np.int64).reshape(-1, 3).T
    first, last, at = (np.append(*pair) for pair in zip(found[:3], more, strict=True))
    more = np.array(names, np.int64).reshape(-1, 2).T
    begin, end = (np.append(*pair) for pair in zip(found[3:5], more, strict=True))
    order, by_name = np.argsort(at, kind="stable"), np.argsort(begin, kind="stable")
    return Words(first[order], last[order], at[order], begin[by_name], end[by_name], found.size)
