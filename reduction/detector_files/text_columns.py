"""Calibrations as text: Mantid's ``.cal``, and columns of detector id and constants."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.columns import (
    CalibrationColumns,
    RowNames,
    checked_ids,
    group_numbers,
)
from reduction.detector_files.content import BadDetectorFile, check_lines

CAL_WIDTH = 5
"""How many columns a ``.cal`` has."""

COLUMNS = {
    2: ("id", "difc"),
    4: ("id", "difc", "difa", "tzero"),
    CAL_WIDTH: ("number", "id", "offset", "use", "group"),
}
"""Meaning of the columns, by how many there are; 5 are a ``.cal``."""

EXPECTED = (
    "2 numbers (detector id, DIFC), 4 (and DIFA, TZERO) or the 5 of a .cal (number, UDET, offset, "
    "select, group)"
)

COMMENT = re.compile(rb"#[^\n]*")
BLOCK_BYTES = 1 << 20
"""Lines are read in blocks of about so many bytes; a line that is longer is refused."""

_SOLID = np.ones(256, np.bool_)
_SOLID[list(b" \t\n\r\f\v")] = False


def read_text_columns(content: bytes, width: int = 0) -> CalibrationColumns:
    """The columns of a text file; blank lines, and what follows a ``#``, are skipped.

    Numbers are separated by blanks, tabs or commas. A line has ``width`` of them; 0: as many as the
    first. Raises `BadDetectorFile` for anything else, and
    names the line.
    """
    check_lines(content)
    tables, lines = [], []
    for start, block in _blocks(content.removeprefix(b"\xef\xbb\xbf")):
        table, line = _numbers(block, start, width)
        width = table.shape[1] or width
        tables.append(table)
        lines.append(line)
    if not any(table.size for table in tables):
        raise BadDetectorFile("no line of it has numbers")
    table, rows = _joined(tables, width), RowNames("line", np.concatenate(lines))
    columns = dict(zip(COLUMNS[width], table.T, strict=True))
    for name in ("use", "group"):
        if name in columns and not np.isfinite(columns[name]).all():
            wrong = rows.name(int(np.argmin(np.isfinite(columns[name]))))
            raise BadDetectorFile(f"{wrong}: {EXPECTED} were expected")
    columns.pop("number", None)
    ids = checked_ids(columns.pop("id"), rows)
    use = np.trunc(columns.pop("use")) > 0 if "use" in columns else None
    group = group_numbers(columns.pop("group")) if "group" in columns else None
    return CalibrationColumns(ids, rows, use=use, group=group, **columns)


def _blocks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines in blocks, each with the number of its first line; raises `BadDetectorFile`."""
    start, line = 0, 1
    while start < len(content):
        end = content.rfind(b"\n", start, start + BLOCK_BYTES) + 1
        if not end:
            if len(content) - start > BLOCK_BYTES:
                raise BadDetectorFile(f"line {line}: {EXPECTED} were expected")
            end = len(content)
        block = content[start:end]
        yield line, block
        start, line = end, line + block.count(b"\n")


def _numbers(block: bytes, start: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers in lines, (rows, columns), and the number of the line of each row, (rows,).

    All rows have ``width`` columns; 0: as many as the first. Without rows there are no columns.
    """
    text = COMMENT.sub(b"", block).replace(b",", b" ")
    counts = _words_of_lines(text)
    full = np.flatnonzero(counts)
    if not full.size:
        return np.empty((0, 0)), full
    width = width or int(counts[full[0]])
    wrong = full[counts[full] != width] if width in COLUMNS else full
    words = text.split()
    try:
        if wrong.size or b"_" in text:  # Python's numbers may have an underscore
            raise ValueError
        numbers = np.array(words, np.float64)
    except ValueError:
        good = int(counts[: wrong[0]].sum() if wrong.size else counts.sum())
        bad = next((n for n, word in enumerate(words[:good]) if not _is_number(word)), None)
        row = int(wrong[0]) if bad is None else int(full[bad // width])
        raise BadDetectorFile(f"line {start + row}: {EXPECTED} were expected") from None
    return numbers.reshape(full.size, width), start + full


def _words_of_lines(text: bytes) -> NDArray[np.int64]:
    """How many words each line of a text has, (lines,)."""
    characters = np.frombuffer(text, np.uint8)
    solid = _SOLID[characters]
    begins = np.flatnonzero(solid & ~np.append(False, solid[:-1]))
    ends = np.flatnonzero(characters == ord("\n"))
    before = np.append(np.searchsorted(begins, ends), begins.size)
    counts: NDArray[np.int64] = np.diff(before, prepend=0)
    return counts


def _is_number(word: bytes) -> bool:
    """Whether a word is a number, as numpy reads it."""
    try:
        float(word)
    except ValueError:
        return False
    return b"_" not in word


def _joined(tables: list[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    """All tables below each other, (rows, width)."""
    return np.concatenate([each.reshape(-1, width) for each in tables])
