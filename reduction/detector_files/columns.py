"""What calibration files say of each detector, whatever their format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.content import BadDetectorFile

LARGEST_ID = 2**31 - 1

MOST_REPEATED = 1_000_000
"""Most rows that say something of a detector again; each takes 0.5 µs."""


@dataclass(frozen=True)
class RowNames:
    """How messages name the rows of a table: by ``line`` (rows,), or by number after ``word``."""

    word: str = "row"
    line: NDArray[np.int64] | None = None

    def name(self, row: int) -> str:
        """The name of a row by its index from 0, such as ``line 12``."""
        return f"{self.word} {row + 1 if self.line is None else int(self.line[row])}"


@dataclass(frozen=True, eq=False)
class CalibrationColumns:
    """The columns of a calibration file, (rows,) each; None for a column that the file lacks.

    - ``detector_id``: int64, each once
    - ``difc`` in µs/Å, ``difa`` in µs/Å², ``tzero`` in µs: float64
    - ``offset``: float64; DIFC is that of the position divided by 1 + offset
    - ``use``: bool, false for detectors to mask
    - ``group``: int64, the number of the group; 0 or less: in no group
    - ``rows``: how messages name the rows
    """

    detector_id: NDArray[np.int64]
    rows: RowNames
    difc: NDArray[np.float64] | None = None
    offset: NDArray[np.float64] | None = None
    difa: NDArray[np.float64] | None = None
    tzero: NDArray[np.float64] | None = None
    use: NDArray[np.bool_] | None = None
    group: NDArray[np.int64] | None = None

    def of(self, rows: NDArray[np.int64]) -> CalibrationColumns:
        """The rows with these indices, (n,); the same columns if these are all, in order."""
        if rows.size == self.detector_id.size and (rows[1:] > rows[:-1]).all():
            return self
        line = self.rows.line
        names = RowNames(self.rows.word, rows + 1 if line is None else line[rows])
        columns = {name: column[rows] for name, column in self.present()}
        return dataclasses.replace(self, detector_id=self.detector_id[rows], rows=names, **columns)

    def present(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Name and values of the columns that the file has, without the ids."""
        for name in ("difc", "offset", "difa", "tzero", "use", "group"):
            if (column := getattr(self, name)) is not None:
                yield name, column

    @property
    def valid(self) -> NDArray[np.bool_]:
        """The rows with constants that a detector can have, (rows,) bool."""
        valid = np.ones(self.detector_id.size, np.bool_)
        for wrong, _ in self._faults():
            valid &= ~wrong
        return valid

    def check(self) -> None:
        """Raises `BadDetectorFile` that names the first row with constants no detector can have.

        The constants of detectors that are not used may be anything.
        """
        for wrong, expected in self._faults():
            wrong = wrong if self.use is None else wrong & self.use
            if wrong.any():
                raise BadDetectorFile(f"{self.rows.name(int(wrong.argmax()))}: {expected}")

    def _faults(self) -> Iterator[tuple[NDArray[np.bool_], str]]:
        """For each column the rows where it is wrong, (rows,) bool, and what was expected."""
        for column, above, expected in (
            (self.difc, 0, "a DIFC above 0 was expected"),
            (self.offset, -1, "an offset above -1 was expected"),
            (self.difa, -np.inf, "a finite DIFA was expected"),
            (self.tzero, -np.inf, "a finite TZERO was expected"),
        ):
            if column is not None:
                yield ~(np.isfinite(column) & (column > above)), expected


def checked_ids(numbers: NDArray[np.generic], rows: RowNames) -> NDArray[np.int64]:
    """Detector ids (rows,) int64, from numbers of any type; raises `BadDetectorFile`."""
    if numbers.dtype.kind in "iu" and numbers.dtype.itemsize <= 4 and numbers.dtype != np.uint32:
        return numbers.astype(np.int64)
    wide = numbers.astype(np.float64)
    whole = np.isfinite(wide) & (wide == np.rint(wide)) & (np.abs(wide) <= LARGEST_ID)
    if not whole.all():
        where = rows.name(int(np.argmin(whole)))
        raise BadDetectorFile(f"{where}: a detector id was expected, a whole number of 32 bits")
    return wide.astype(np.int64)


def group_numbers(numbers: NDArray[np.generic]) -> NDArray[np.int64]:
    """Numbers of groups (rows,) int64, from finite numbers: 0 for those in no group."""
    wide = numbers if numbers.dtype.kind in "iu" else numbers.astype(np.float64)
    if wide.dtype.itemsize <= 4 and wide.dtype.kind == "i":
        wide = np.maximum(wide, 0)
    else:
        wide = np.clip(wide, 0, LARGEST_ID)
    whole: NDArray[np.int64] = wide.astype(np.int64)
    return whole


def without_repetitions(columns: CalibrationColumns) -> CalibrationColumns:
    """The rows without those that say the same of a detector again.

    Raises `BadDetectorFile` for a detector of which two rows say different things.
    """
    ids = columns.detector_id
    if (ids[1:] > ids[:-1]).all():
        return columns
    ids = np.sort(ids)  # sorting alone is much quicker than finding the order
    repeated = np.count_nonzero(ids[1:] == ids[:-1])
    if not repeated:
        return columns
    if repeated > MOST_REPEATED:
        raise BadDetectorFile(
            f"more than {MOST_REPEATED} rows have a detector id that another row has"
        )
    order = np.argsort(columns.detector_id, kind="stable")
    again = np.flatnonzero(np.diff(columns.detector_id[order]) == 0)
    first, second = columns.of(order[again]), columns.of(order[again + 1])
    differ = np.zeros(again.size, np.bool_)
    for (_, one), (_, other) in zip(first.present(), second.present(), strict=True):
        differ |= one != other
    if differ.any():
        at = int(differ.argmax())
        names = f"{second.rows.name(at)}: a detector id that {first.rows.name(at)} has too"
        raise BadDetectorFile(f"{names}, with other numbers")
    return columns.of(np.sort(np.delete(order, again + 1)))
