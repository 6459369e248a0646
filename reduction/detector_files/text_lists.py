"""Masks and groups as text: lists of ids, ranges and banks, as the settings Mask and Groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from reduction.detector_files.content import BadDetectorFile, check_words
from reduction.detector_files.id_ranges import (
    BadWord,
    IdRanges,
    ListedRanges,
    NamedGroups,
    parse_lists,
)


def read_mask_list(content: bytes, banks: Iterable[str]) -> IdRanges:
    """The masked ids, and which of the ``banks`` are masked; raises `BadDetectorFile`.

    What follows a ``#`` is skipped. Any number of words may stand in a line.
    """
    lines = _lines(content)
    return _listed(lines, range(1, len(lines) + 1), banks).ranges


def read_group_lists(content: bytes, banks: Iterable[str]) -> NamedGroups:
    """The groups: one a line, or more with ``;`` between them; raises `BadDetectorFile`.

    They are named by their numbers, from 1 on.
    """
    parts = [
        (number, text) for number, line in enumerate(_lines(content), 1) for text in line.split(";")
    ]
    numbers = [number for number, _ in parts]
    listed = _listed([text for _, text in parts], numbers, banks)
    of_banks = np.array([index for _, index in listed.banks], np.int64)
    used = np.unique(np.append(listed.index, of_banks))
    if not used.size:
        raise BadDetectorFile("no line of it has a group")
    place = {index: n for n, index in enumerate(used.tolist())}
    return NamedGroups(
        tuple(str(n + 1) for n in range(used.size)),
        listed.first,
        listed.last,
        np.searchsorted(used, listed.index),
        tuple((bank, place[index]) for bank, index in listed.banks),
        tuple(f"line {numbers[index]}" for index in place),
    )


def _lines(content: bytes) -> list[str]:
    """The lines without comments; raises `BadDetectorFile` for too many."""
    check_words(content)
    text = content.decode("utf-8-sig", errors="replace")
    return [line.partition("#")[0] for line in text.splitlines()]


def _listed(texts: Sequence[str], lines: Sequence[int], banks: Iterable[str]) -> ListedRanges:
    """The ranges in parts of lines; a range may be written with blanks around its mark.

    ``lines`` are the numbers of the lines.
    """
    try:
        return parse_lists(texts, banks)
    except BadWord as bad:
        where = f"line {lines[bad.index]}"
        raise BadDetectorFile(f"{where}: {bad.why}; word {bad.number} is none") from None
