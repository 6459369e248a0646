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

SAMPLES = 4
"""Samples whose values are all that there are, if codes are to be made."""

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

        The values of a sample are mostly all that there are; each further sample is of what those
        before lack. To sort all that a sample lacks would take a minute, to find it too much.
        """
        distinct = np.empty(0, np.int64)
        others = bits
        for _ in range(SAMPLES):
            step = max(others.size // LARGE, 1) | 1
            found = np.concatenate([distinct, others[:LARGE], others[::step]])
            distinct = np.unique(found)
            if distinct.size > MOST_DISTINCT:
                return None
            codes, others = _codes(distinct, bits)
            if not others.size:
                return cls(codes, distinct.view(np.float64))
        return None


def _codes(
    distinct: NDArray[np.int64], bits: NDArray[np.int64]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The codes of ``bits`` (n,), and those of them, (m,), that are not ``distinct`` values.

    Some at a time, so that the places, of 8 bytes each, take no memory.
    """
    codes, others = np.empty(bits.size, np.uint16), [np.empty(0, np.int64)]
    for begin in range(0, bits.size, LARGE):
        here = bits[begin : begin + LARGE]
        places = np.searchsorted(distinct, here)
        others.append(here[distinct.take(places, mode="clip") != here])
        codes[begin : begin + LARGE] = places
    return codes, np.concatenate(others)


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

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array of all: (n, 3)."""
        return self.coordinates[0].code.size, len(self.coordinates)

    def __getitem__(self, rows: RowIndex) -> NDArray[np.float64]:
        return np.stack([each.values[each.code[rows]] for each in self.coordinates]).T


def coded_if_smaller(position_m: NDArray[np.float64]) -> NDArray[np.float64] | CodedPositions:
    """The positions (n, 3) as codes if these take less memory; else the same array."""
    return _coded([position_m], None) or position_m


def is_finite(positions: NDArray[np.float64] | CodedPositions) -> bool:
    """Whether all coordinates are finite numbers."""
    if isinstance(positions, CodedPositions):
        return all(bool(np.isfinite(each.values).all()) for each in positions.coordinates)
    return bool(np.isfinite(positions).all())


def joined_positions(
    blocks: list[NDArray[np.float64]], order: NDArray[np.int64] | None
) -> NDArray[np.float64] | CodedPositions:
    """The positions of blocks, (m, 3) of each, one after another, coded if that takes less memory.

    They are in ``order`` (n,), if one is given. The blocks are given up, and what is coded is never
    in one array: for 12 million detectors that would take 300 MB more.
    """
    coded = _coded(blocks, order)
    if coded is not None:
        return coded
    if len(blocks) == 1:
        return blocks[0] if order is None else blocks[0][order]
    joined = np.empty((3, sum(map(len, blocks))))
    end = joined.shape[1]
    while blocks:
        block = blocks.pop()
        joined[:, end - len(block) : end] = block.T
        end -= len(block)
    if order is not None:
        for axis in range(3):
            joined[axis] = joined[axis][order]
    return joined.T


def _coded(
    blocks: list[NDArray[np.float64]], order: NDArray[np.int64] | None
) -> CodedPositions | None:
    """The positions of blocks as codes; None if these do not take less memory."""
    if sum(map(len, blocks)) < LARGE or any(_is_varied(block) for block in blocks):
        return None
    coordinates = list[CodedCoordinate]()
    for axis in range(3):
        columns = [block[:, axis] for block in blocks]
        column = columns[0] if len(columns) == 1 else np.concatenate(columns)
        coded = CodedCoordinate.of(column if order is None else column[order])
        if coded is None:
            return None
        coordinates.append(coded)
    return CodedPositions(tuple(coordinates))


def _is_varied(position_m: NDArray[np.float64]) -> bool:
    """Whether more values of a coordinate differ than codes can tell, among some (n, 3)."""
    some = position_m[:: len(position_m) // (2 * LARGE) + 1]
    return len(some) > MOST_DISTINCT and any(
        np.unique(column).size > MOST_DISTINCT for column in some.T
    )
