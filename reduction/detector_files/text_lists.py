"""Masks and groups as text: lists of ids, ranges and banks, as the settings Mask and Groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reduction.detector_files.content import BadDetectorFile
from reduction.detector_files.id_ranges import BadWord, IdRanges, NamedGroups, parse_ranges


def read_mask_list(content: bytes, banks: Iterable[str]) -> IdRanges:
    """The masked ids, and which of the ``banks`` are masked; raises `BadDetectorFile`.

    What follows a ``#`` is skipped. Any number of words may stand in a line.
    """
    return IdRanges.joined(_ranges(line, place, banks) for place, line in _lines(content))


def read_group_lists(content: bytes, banks: Iterable[str]) -> NamedGroups:
    """The groups: one a line, or more with ``;`` between them; raises `BadDetectorFile`.

    They are named by their numbers, from 1 on.
    """
    found = [
        (place, ranges)
        for place, line in _lines(content)
        for text in line.split(";")
        if not (ranges := _ranges(text, place, banks)).empty
    ]
    if not found:
        raise BadDetectorFile("no line of it has a group")
    return NamedGroups.of(
        (str(number + 1) for number in range(len(found))),
        (ranges for _, ranges in found),
        (place for place, _ in found),
    )


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    """The lines without comments, each with its name."""
    text = content.decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        yield f"line {number}", line.partition("#")[0]


def _ranges(text: str, place: str, banks: Iterable[str]) -> IdRanges:
    """The ranges in a part of a line; a range may be written with blanks around its mark."""
    try:
        return parse_ranges(text, banks)
    except BadWord as bad:
        raise BadDetectorFile(f"{place}: {bad.why}; word {bad.number} is none") from None
