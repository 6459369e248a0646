"""Positions of detectors in little memory, bit for bit as they were given.

Detectors stand in tubes and panels, so few coordinates differ: the 778 245 detectors of WISH have
1003 different x, 1025 y and 765 z. A code of two bytes takes a quarter of the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MOST_DISTINCT = 1 << 16
"""Most different values of a coordinate that codes can tell."""

LARGE = 1 << 16
"""Positions of fewer detectors are kept as they are: they take little memory."""

RowIndex = NDArray[np.int64] | NDArray[np.bool_] | slice


@dataclass(frozen=True, eq=False)
class CodedCoordinate:
    """A coordinate of n detectors: ``values`` (distinct,) float64 in m, and codes (n,) uint16.

    The code of a detector is the place of its value.
    """

    code: NDArray[np.uint16]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, coordinate_m: NDArray[np.float64]) -> Self | None:
        """The coordinates (n,) as codes; None if too many differ."""
        bits = np.ascontiguousarray(coordinate_m).view(np.int64)  # 0.0 and -0.0 differ
        period = _period(bits)
        rows = bits.size // period
        table, rest = bits[: rows * period].reshape(rows, period), bits[rows * period :]
        begins = np.flatnonzero(np.append(True, (table[1:] != table[:-1]).any(axis=1)))
        if begins.size > rows // 4:
            return cls._of_bits(bits)
        # Along a tube coordinates stay the same, and from tube to tube they repeat.
        coded = cls._of_bits(np.concatenate([table[begins].ravel(), rest]))
        if coded is None:
            return None
        unlike = coded.code[: begins.size * period].reshape(-1, period)
        repeated = np.repeat(unlike, np.diff(begins, append=rows), axis=0).ravel()
        code = np.concatenate([repeated, coded.code[unlike.size :]])
        return cls(code, coded.values)

    @classmethod
    def _of_bits(cls, bits: NDArray[np.int64]) -> Self | None:
        """The coordinates with these bits, (n,), as codes; None if too many differ.

        The values of a sample are mostly all that there are: then no value is sorted twice.
        """
        step = max(bits.size // LARGE, 1) | 1
        distinct = np.unique(np.concatenate([bits[:LARGE], bits[::step]]))
        if distinct.size > MOST_DISTINCT:
            return None
        codes = np.searchsorted(distinct, bits)
        others = bits[distinct.take(codes, mode="clip") != bits]
        if others.size:
            distinct = np.union1d(distinct, others)
            if distinct.size > MOST_DISTINCT:
                return None
            codes = np.searchsorted(distinct, bits)
        return cls(codes.astype(np.uint16), distinct.view(np.float64))


def _period(bits: NDArray[np.int64]) -> int:
    """After how many values that in the middle comes again; how many there are if it does not."""
    middle = bits.size // 2
    again = np.flatnonzero(bits[middle + 1 : middle + 1 + LARGE] == bits[middle])
    return int(again[0]) + 1 if again.size else bits.size


@dataclass(frozen=True, eq=False)
class CodedPositions:
    """The positions of n detectors as codes; an index gives those of m of them, (m, 3) float64.

    The values of a coordinate are side by side in memory.
    """

    coordinates: tuple[CodedCoordinate, ...]

    @property
    def nbytes(self) -> int:
        """The memory that they take."""
        return sum(each.code.nbytes + each.values.nbytes for each in self.coordinates)

    def __getitem__(self, rows: RowIndex) -> NDArray[np.float64]:
        return np.stack([each.values[each.code[rows]] for each in self.coordinates]).T


def coded_if_smaller(position_m: NDArray[np.float64]) -> NDArray[np.float64] | CodedPositions:
    """The positions (n, 3) as codes if these take less memory; else the same array."""
    if len(position_m) < LARGE:
        return position_m
    coordinates = list[CodedCoordinate]()
    for column in position_m.T:
        if (coded := CodedCoordinate.of(column)) is None:
            return position_m
        coordinates.append(coded)
    return CodedPositions(tuple(coordinates))
