"""Calibrations as text: Mantid's ``.cal``, and columns of detector id and constants."""

from __future__ import annotations

import io
import itertools
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

COLUMNS = {
    2: ("id", "difc"),
    4: ("id", "difc", "difa", "tzero"),
    5: ("number", "id", "offset", "use", "group"),
}
"""Meaning of the columns, by how many there are; 5 are a ``.cal``."""

EXPECTED = (
    "2 numbers (detector id, DIFC), 4 (and DIFA, TZERO) or the 5 of a .cal (number, UDET, offset, "
    "select, group)"
)

LINES_AT_ONCE = 20_000


def read_text_columns(content: bytes) -> CalibrationColumns:
    """The columns of a text file; blank lines, and what follows a ``#``, are skipped.

    Numbers are separated by blanks, tabs or commas. Raises `BadDetectorFile` for anything else, and
    names the line.
    """
    check_lines(content)
    tables, lines, width = [], [], 0
    for start, batch in _batches(content):
        table, line = _numbers(batch, start, width)
        width = table.shape[1] or width
        tables.append(table)
        lines.append(line)
    if not width:
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


def _batches(content: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """The lines in batches, each with the number of its first line."""
    file, start = io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), 1
    while batch := list(itertools.islice(file, LINES_AT_ONCE)):
        yield start, batch
        start += len(batch)


def _numbers(
    batch: list[bytes], start: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The numbers in lines, (rows, columns), and the number of the line of each row, (rows,).

    All rows have ``width`` columns; 0: as many as the first. Without rows there are no columns.
    """
    words, lines = [], []
    for number, line in enumerate(batch, start):
        found = line.partition(b"#")[0].replace(b",", b" ").split()
        if not found:
            continue
        width = width or len(found)
        if len(found) != width or width not in COLUMNS or b"_" in line:
            raise BadDetectorFile(f"line {number}: {EXPECTED} were expected")
        words += found
        lines.append(number)
    try:
        numbers = np.array(words, np.float64) if words else np.empty(0)
    except ValueError:
        place = next(i for i, word in enumerate(words) if not _is_number(word))
        raise BadDetectorFile(f"line {lines[place // width]}: {EXPECTED} were expected") from None
    return numbers.reshape(len(lines), width if lines else 0), np.array(lines, np.int64)


def _is_number(word: bytes) -> bool:
    """Whether a word is a number, as numpy reads it."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _joined(tables: list[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    """All tables below each other, (rows, width)."""
    return np.concatenate([each.reshape(-1, width) for each in tables])
