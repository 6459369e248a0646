"""Sets of pulse numbers as ranges, since pulses are lost many in a row.

A set is a list of ranges, in ascending order, with at least one number between any two of them.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import NamedTuple


class PulseRange(NamedTuple):
    """The pulse numbers from ``first`` to ``last``, both included."""

    first: int
    last: int


def union(ranges: Iterable[tuple[int, int]]) -> list[PulseRange]:
    """The set of all numbers in any ranges, given as (first, last)."""
    merged: list[PulseRange] = []
    for first, last in sorted(ranges):
        add(merged, first, last)
    return merged


def size(ranges: Iterable[PulseRange]) -> int:
    """How many numbers a set holds."""
    return sum(last - first + 1 for first, last in ranges)


def add(ranges: list[PulseRange], first: int, last: int) -> None:
    """Add the numbers from ``first``, which is not before the start of the last range."""
    if ranges and first <= ranges[-1].last + 1:
        ranges[-1] = PulseRange(ranges[-1].first, max(last, ranges[-1].last))
    else:
        ranges.append(PulseRange(first, last))


def discard(ranges: list[PulseRange], number: int) -> None:
    """Take out a number, if it is in the set."""
    place = bisect.bisect_right(ranges, number, key=lambda each: each.first) - 1
    if place >= 0 and number <= ranges[place].last:
        first, last = ranges[place]
        parts = PulseRange(first, number - 1), PulseRange(number + 1, last)
        ranges[place : place + 1] = [part for part in parts if part.first <= part.last]


def discard_below(ranges: list[PulseRange], number: int) -> None:
    """Take out all numbers below ``number``."""
    ranges[:] = [PulseRange(max(first, number), last) for first, last in ranges if last >= number]
