"""Arrays find the words of lists that one expression finds word by word, in blocks or whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reduction.detector_files import id_scanner
from reduction.detector_files.content import MOST_WORDS, BadDetectorFile
from reduction.detector_files.id_ranges import BadWord, parse_lists, parse_ranges, parse_text
from reduction.detector_files.read import read_mask

BANKS = ("bank1", "b-2", "7", "3-9")
"""Banks, of which two look like ids."""

PIECES = st.sampled_from(
    [*("0", "12", "3-9", "-5", "3:9", "9:3", "-4--2", "7", "bank1", "b-2", "x", "1-2-3", "3-"),
     *("-", ":", " - ", " :", ": ", ",", ", ", " ", "\n", ";", "12345678901")]
)  # fmt: skip
LISTS = st.lists(st.lists(PIECES, max_size=9).map("".join), min_size=1, max_size=4)


def by_expression(lists: list[str]) -> list[tuple[int, str]] | tuple[int, int]:
    """The words of lists with the indices of these; the index and number of the first bad one."""
    found = []
    for index, text in enumerate(lists):
        for number, word in enumerate(id_scanner.WORD.finditer(text.encode()), 1):
            whole = word[0].decode()
            if whole in BANKS:
                found.append((index, whole))
                continue
            first, last = word["first"], word["last"] or word["first"]
            if first is None or int(last) < int(first):
                return index, number
            found.append((index, f"{int(first)} to {int(last)}"))
    return sorted(set(found))


def by_arrays(lists: list[str]) -> list[tuple[int, str]] | tuple[int, int]:
    """The same, as `parse_lists` finds it."""
    try:
        found = parse_lists(lists, BANKS)
    except BadWord as bad:
        return bad.index, bad.number
    bounds = zip(found.index.tolist(), found.first.tolist(), found.last.tolist(), strict=True)
    ranges = [(index, f"{first} to {last}") for index, first, last in bounds]
    return sorted({*ranges, *((index, bank) for bank, index in found.banks)})


@settings(max_examples=400)
@given(lists=LISTS)
@example(lists=["3 -7:9"])
@example(lists=["3 - 7 9 - 12, 4 -8"])
@example(lists=["bank1 -5, 5 - bank1"])
@example(lists=["7,3-9,3-9x", "8"])
def test_words_are_those_that_the_expression_finds(lists: list[str]) -> None:
    assert by_arrays(lists) == by_expression(lists)


@settings(max_examples=200)
@given(lists=LISTS, size=st.integers(1, 40))
def test_blocks_part_no_word_and_no_range(lists: list[str], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(id_scanner, "BLOCK_BYTES", size)
        assert by_arrays(lists) == by_expression(lists)


def test_blanks_of_word_processors_separate_words() -> None:
    text = "1\N{NO-BREAK SPACE}3 -\N{THIN SPACE}5,\N{EM SPACE}8"
    assert parse_ranges(text).last.tolist() == [1, 5, 8]
    assert read_mask(text.encode(), Path("mask.txt"), ()).last.tolist() == [1, 5, 8]


def test_a_list_of_many_blocks_is_read_in_order() -> None:
    ids = np.arange(400_000)
    found = parse_ranges(" ".join(map(str, ids.tolist())))
    np.testing.assert_array_equal(found.first, ids)
    np.testing.assert_array_equal(found.last, ids)


def test_too_many_words_are_refused_at_the_first_block_that_has_more() -> None:
    with pytest.raises(BadDetectorFile, match=f"more than {MOST_WORDS} words"):
        parse_text(b"1," * (MOST_WORDS + 1), b"\n")


def test_a_word_of_a_million_characters_is_bad_and_cut() -> None:
    for character in "1", "-", "x":
        with pytest.raises(BadWord) as bad:
            parse_ranges("5, " + character * 1_000_000 + ", 6")
        assert bad.value.number == 2
        assert len(bad.value.word) == id_scanner.LONGEST_WORD
