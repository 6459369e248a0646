"""Masks and groups as text: lists of ids, ranges and banks, as the settings Mask and Groups."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.content import BadDetectorFile, check_list_size
from reduction.detector_files.id_ranges import (
    BadWord,
    IdRanges,
    ListedRanges,
    NamedGroups,
    parse_text,
    plain_blanks,
)
from reduction.detector_files.id_scanner import places_of

COMMENT = re.compile(rb"#[^\n]*")
NEWLINE = b"\n"
GROUP_ENDS = b"\n;"


def read_mask_list(content: bytes, banks: Iterable[str]) -> IdRanges:
    """The masked ids, and which of the ``banks`` are masked; raises `BadDetectorFile`.

    What follows a ``#`` is skipped. Any number of words may stand in a line.
    """
    return _listed(_without_comments(content), NEWLINE, banks).ranges


def read_group_lists(content: bytes, banks: Iterable[str]) -> NamedGroups:
    """The groups: one a line, or more with ``;`` between them; raises `BadDetectorFile`.

    They are named by their numbers, from 1 on.
    """
    text = _without_comments(content)
    listed = _listed(text, GROUP_ENDS, banks)
    of_banks = np.array([index for _, index in listed.banks], np.int64)
    lines = _lines(text, GROUP_ENDS)
    used = np.zeros(lines.size, np.bool_)
    used[listed.index] = used[of_banks] = True
    if not used.any():
        raise BadDetectorFile("no line of it has a group")
    group_of = np.cumsum(used) - 1
    return NamedGroups(
        tuple(map(str, range(1, int(used.sum()) + 1))),
        listed.first,
        listed.last,
        group_of[listed.index],
        tuple(
            (bank, group)
            for (bank, _), group in zip(listed.banks, group_of[of_banks].tolist(), strict=True)
        ),
        lines[used],
    )


def _without_comments(content: bytes) -> bytes:
    """The text with lines that end with a newline alone; raises `BadDetectorFile` if too long."""
    check_list_size(content)
    text = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", NEWLINE)
    if not text.isascii():
        text = plain_blanks(text.decode("utf-8", "replace")).encode()
    return COMMENT.sub(b"", text.replace(b"\r", NEWLINE))


def _lines(text: bytes, ends: bytes) -> NDArray[np.int64]:
    """The number of the line, from 1 on, that each list of a text begins in, (lists,)."""
    ended = np.frombuffer(text, np.uint8)[places_of(ends, text)]
    lines: NDArray[np.int64] = np.append(1, 1 + np.cumsum(ended == ord(NEWLINE)))
    return lines


def _listed(text: bytes, ends: bytes, banks: Iterable[str]) -> ListedRanges:
    """The ranges in lists; a range may be written with blanks around its mark."""
    try:
        return parse_text(text, ends, banks)
    except BadWord as bad:
        where = f"line {_lines(text, ends)[bad.index]}"
        raise BadDetectorFile(f"{where}: {bad.why}; word {bad.number} is none") from None
