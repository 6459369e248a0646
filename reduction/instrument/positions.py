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
        distinct = np.unique(bits)
        if distinct.size > MOST_DISTINCT:
            return None
        return cls(np.searchsorted(distinct, bits).astype(np.uint16), distinct.view(np.float64))


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
